import type { Command } from 'commander'
import { type BatchStream, rowLength } from '../data/batch.js'
import { type EpochCounts, epochAsJson, epochInWords } from '../data/epoch-counts.js'
import type { Reading } from '../data/reading.js'
import { missingPart, type Split } from '../data/split-files.js'
import { positionsOf } from '../data/tokenise.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { openChat } from '../folders/open-chat.js'
import { openDataFolder } from '../folders/open-data.js'
import { openModel } from '../folders/open-model.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { type Settings, settingsOf } from '../recipe/settings.js'
import type { Tokenizer } from '../text/tokenizer.js'
import {
  type BatchingOptions,
  batchesOfParts,
  contextOf,
  pairsOf,
  type TokenisedPart,
  tokenisePart,
} from '../train/data-set.js'
import { addReadingOptions, type ReadingOptions, readingFrom, sizesOption } from './data-options.js'
import { partRemarks } from './data-remarks.js'
import {
  collect,
  count,
  examples,
  modelOption,
  paint,
  positiveInteger,
  print,
  printJson,
  remark,
} from './shared.js'

interface Options extends ReadingOptions {
  readonly model?: string
  readonly recipe: string
  readonly set: readonly string[]
  readonly split?: NonNullable<Reading['split']>
  readonly dropLong?: true
  readonly show: number
  readonly json?: true
}

/** The least, the median and the most of some counts; the lower of two in the middle. */
export const spread = (counts: readonly number[]) => {
  const sorted = [...counts].sort((a, b) => a - b)
  return { least: sorted[0]!, median: sorted[(sorted.length - 1) >> 1]!, most: sorted.at(-1)! }
}

/** A token as it is shown: its id, its text, and what it is for. Padding has no text. */
interface ShownToken {
  readonly id: number
  readonly text: string
  readonly role: 'prompt' | 'answer' | 'padding' | 'wrong'
}

interface Row {
  readonly tokens: readonly number[]
  readonly answerStart: number
}

/**
 * A row as training reads it: tokens of the prompt, then of the answer, then padding up to its batch's
 * length. Of a pair the tokens of the wrong answer follow.
 */
const rowOf = (
  tokenizer: Tokenizer,
  { tokens, answerStart, wrong }: Row & { readonly wrong?: Row | undefined },
  length: number,
): readonly ShownToken[] => [
  ...tokens.map(
    (id, i): ShownToken => ({
      id,
      text: tokenizer.tokenText(id),
      role: i < answerStart ? 'prompt' : 'answer',
    }),
  ),
  // A row has one token more than positions: the last is only predicted.
  ...Array.from(
    { length: Math.max(0, length + 1 - tokens.length) },
    (): ShownToken => ({ id: 0, text: '', role: 'padding' }),
  ),
  ...(wrong?.tokens ?? [])
    .slice(wrong?.answerStart)
    .map((id): ShownToken => ({ id, text: tokenizer.tokenText(id), role: 'wrong' })),
]

const colours = { prompt: 'dim', answer: 'green', padding: 'yellow', wrong: 'red' } as const

/** A row in lines, one for each role, so that it is clear without colours too. */
const showRow = (row: readonly ShownToken[]): string =>
  (['prompt', 'answer', 'padding', 'wrong'] as const)
    .flatMap(role => {
      const some = row.filter(t => t.role === role)
      if (some.length === 0) return []
      const text =
        role === 'padding'
          ? `0 × ${some.length}`
          : some.map(t => `${t.id} ${JSON.stringify(t.text)}`).join('  ')
      return [`  ${role.padEnd(8)} ${paint(colours[role], text)}`]
    })
    .join('\n')

interface PartSummary {
  readonly part: Split
  readonly examples?: number
  readonly texts?: number
  readonly tokens: ReturnType<typeof spread>
  readonly answer_tokens?: ReturnType<typeof spread>
  /** The positions of the longest rows. */
  readonly padded_to?: number
  /** What the batches of the first epoch hold, if training reads the part. */
  readonly epoch?: EpochCounts
  readonly remarks: readonly string[]
  readonly shown?: readonly { readonly where: string; readonly tokens: readonly ShownToken[] }[]
}

/** The length of the batch that each example is in, by the example's place, in the first epoch. */
const lengthsIn = (stream: BatchStream): ReadonlyMap<number, number> =>
  new Map(
    Array.from({ length: stream.stepsPerEpoch }, (_, step) => stream.at(0, step)).flatMap(batch =>
      [...batch.example.subarray(0, batch.rows)].map(place => [place, batch.length] as const),
    ),
  )

interface SummaryOptions {
  /** Batches of the part, if training reads it. */
  readonly stream: BatchStream | undefined
  readonly context: number
  readonly tokenizer: Tokenizer
  readonly show: number
}

const summary = (
  name: Split,
  part: TokenisedPart,
  { stream, context, tokenizer, show }: SummaryOptions,
): PartSummary => {
  const remarks = partRemarks(name, part)
  const epoch = stream === undefined ? {} : { epoch: stream.counts(0) }
  if (part.documents !== undefined)
    return {
      part: name,
      texts: part.documents.length,
      tokens: spread(part.documents.map(d => d.length)),
      ...epoch,
      remarks,
      shown: part.documents.slice(0, show).map((tokens, i) => ({
        where: `text ${i + 1}`,
        // All tokens of a running text are learned, except the first.
        tokens: rowOf(tokenizer, { tokens, answerStart: 1 }, 0),
      })),
    }
  const all = part.examples!
  const lengths = stream === undefined || show === 0 ? undefined : lengthsIn(stream)
  const ownLength = (i: number): number => rowLength(positionsOf(all[i]!), context)
  return {
    part: name,
    examples: all.length,
    tokens: spread(all.map(e => e.tokens.length)),
    answer_tokens: spread(all.map(e => e.tokens.length - e.answerStart)),
    padded_to: stream?.lengths.at(-1) ?? all.reduce((most, _, i) => Math.max(most, ownLength(i)), 0),
    ...epoch,
    remarks,
    shown: all.slice(0, show).map((e, i) => ({
      where: `${e.example.file}:${e.example.line}`,
      tokens: rowOf(tokenizer, e, lengths?.get(i) ?? ownLength(i)),
    })),
  }
}

const showSpread = ({ least, median, most }: ReturnType<typeof spread>): string =>
  `${least} at least, ${median} in the middle, ${most} at most`

const showPart = (s: PartSummary): string =>
  [
    `${paint('bold', s.part)}: ` +
      `${s.examples === undefined ? count(s.texts!, 'text') : count(s.examples, 'example')}`,
    `  tokens   ${showSpread(s.tokens)}`,
    ...(s.answer_tokens === undefined ? [] : [`  answers  ${showSpread(s.answer_tokens)}`]),
    ...(s.padded_to === undefined ? [] : [`  rows     ${s.padded_to} positions at most`]),
    ...(s.epoch === undefined ? [] : [`  epoch    ${epochInWords(s.epoch)}`]),
    ...(s.shown ?? []).flatMap(row => ['', row.where, showRow(row.tokens)]),
  ].join('\n')

/** The batches of the parts that training reads, or why it would refuse them. */
const streamsOf = (
  parts: Readonly<Partial<Record<Split, TokenisedPart>>>,
  settings: Settings,
  options: BatchingOptions,
): { readonly streams: Partial<Record<Split, BatchStream>>; readonly why: readonly string[] } => {
  try {
    return { streams: batchesOfParts(parts, settings, options), why: [] }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { streams: {}, why: [`no training could read this: ${error.what}`] }
  }
}

const run = async (directory: string, o: Options): Promise<void> => {
  if (o.model === undefined)
    throw new UserError({
      what: '--model is missing',
      hint: 'name the model whose tokens are to be counted: jola data DATA --model MODEL',
      exitCode: 2,
    })
  const { program, modules } = loadProgram([o.recipe], { model: await chosenModelProgram(o) })
  const recipe = findRecipe(program, modules[0]!, undefined)
  const settings = settingsOf(program, recipe, o.set)
  const model = await openModel(o.model, { weights: false, tokenizer: true })
  const tokenizer = model.tokenizer!
  const folder = openDataFolder(directory, readingFrom(o, o.split), await openChat(o.model))
  const pairs = pairsOf(recipe)
  const options = { folder, seed: 0, dropLong: o.dropLong === true, context: model.context, pairs }
  const parts: (readonly [Split, TokenisedPart])[] = []
  for (const split of ['train', 'valid', 'test'] as const)
    if (await folder.has(split)) parts.push([split, await tokenisePart(tokenizer, settings, options, split)])
  if (parts.length === 0) throw await missingPart(folder.source, 'train')
  const context = contextOf(settings, model.context)
  const trained = Object.fromEntries(parts.filter(([split]) => split !== 'test'))
  const batching = { seed: options.seed, length: undefined, context: model.context, tokenizer }
  const { streams, why } = streamsOf(trained, settings, { ...batching, where: folder.directory })
  const summaries = parts.map(([split, part]) =>
    summary(split, part, { stream: streams[split], context, tokenizer, show: o.show }),
  )
  if (o.json)
    return printJson({
      context,
      parts: summaries.map(s => ({
        ...s,
        ...(s.epoch === undefined ? {} : { epoch: epochAsJson(s.epoch) }),
        shown: o.show === 0 ? undefined : s.shown,
      })),
    })
  print(summaries.map(showPart).join('\n\n'))
  for (const s of summaries) for (const line of s.remarks) remark(line)
  why.forEach(remark)
  for (const split of ['train', 'valid'] as const)
    if (!parts.some(([name]) => name === split)) {
      const { what, hint } = await missingPart(folder.source, split)
      remark(`${what}: ${hint}`)
    }
  shared(parts).forEach(remark)
}

/** Examples that stand in two parts. */
const shared = (parts: readonly (readonly [Split, TokenisedPart])[]): readonly string[] =>
  parts.flatMap(([name, part], i) =>
    parts.slice(0, i).flatMap(([before, other]) => {
      const known = new Set((other.examples ?? []).map(e => e.tokens.join()))
      const both = (part.examples ?? []).filter(e => known.has(e.tokens.join())).length
      return both === 0
        ? []
        : [`${name}: ${count(both, 'example')} ${both === 1 ? 'is' : 'are'} in ${before} too`]
    }),
  )

const noExamples = (text: string): number => (text === '0' ? 0 : positiveInteger(text))

/** Adds `jola data`. */
export const registerDataCommand = (program: Command): void => {
  addReadingOptions(program.command('data'))
    .argument('<data>', 'a folder with train.jsonl, valid.jsonl, test.jsonl (or .json, .csv, .tsv)')
    .addOption(modelOption())
    .option(
      '--recipe <file>',
      'the recipe whose settings `context` and `end_of_text` apply',
      'std.recipes.jola',
    )
    .option('--set <name=value>', 'a setting of the recipe; may be repeated', collect, [])
    .addOption(sizesOption())
    .option('--drop-long', 'leave out examples that are longer than the context')
    .option('--show <n>', 'the tokens of the first n rows of each part', noExamples, 0)
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      examples([
        'data DATA --model MODEL --show 3',
        'data trec --model MODEL --labels letters --take 200',
        'data e2e --model MODEL --fields prompt=mr,answer=ref',
        'data winogrande --model MODEL --split 200/200',
      ]),
    )
    .action(run)
}
