import { type Command, Option } from 'commander'
import { parseFields, parseLabels, parseSizes, type Reading } from '../data/reading.js'
import { UserError } from '../errors/user-error.js'
import { longWays } from '../score/fit-prompts.js'
import { collect, positiveInteger } from './shared.js'

/** Options of the command line for reading data. */
export interface ReadingOptions {
  readonly labels?: Reading['labels']
  readonly fields?: Readonly<Record<string, string>>
  readonly ignore?: readonly string[]
  readonly take?: number
}

const sizesOrRefuse = (text: string): NonNullable<Reading['split']> => {
  const sizes = parseSizes(text)
  if (sizes !== undefined) return sizes
  throw new UserError({
    what: `--split cannot be '${text}'`,
    hint: 'write how many examples are for training and for validation: --split 200/200',
    exitCode: 2,
  })
}

/** Adds the options for reading a data folder, except `--split`. */
export const addReadingOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--labels <names>',
        'the names of the labels 0, 1, 2, … (a,b,c), or `letters` for A, B, C, …',
      ).argParser(parseLabels),
    )
    .addOption(
      new Option(
        '--fields <role=name,…>',
        "the file's names of fields: --fields prompt=mr,answer=ref",
      ).argParser(parseFields),
    )
    .addOption(
      new Option('--ignore <field>', 'a field of the data to ignore; may be repeated').argParser(collect),
    )
    .option(
      '--take <n>',
      'use at most the first n examples of the training and of the validation data',
      positiveInteger,
    )

/** `--split 200/200`, for commands that read training and validation data. */
export const sizesOption = (): Option =>
  new Option(
    '--split <train/valid>',
    'how many examples to split off for training and validation, where the data has no validation part',
  ).argParser(sizesOrRefuse)

/** `--long`, for commands that score. */
export const longOption = (): Option =>
  new Option(
    '--long <way>',
    'what to do with prompts that leave no room for their answer: cut them at the left or ' +
      'right, skip them, or refuse',
  )
    .choices([...longWays])
    .default('refuse')

/** The given options, without absent ones. */
export const readingFrom = (o: ReadingOptions, split?: Reading['split']): Reading => ({
  ...(o.labels === undefined ? {} : { labels: o.labels }),
  ...(o.fields === undefined ? {} : { fields: o.fields }),
  ...(o.ignore === undefined ? {} : { ignore: o.ignore.flatMap(names => names.split(',')) }),
  ...(split === undefined ? {} : { split }),
  ...(o.take === undefined ? {} : { take: o.take }),
})
