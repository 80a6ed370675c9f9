import { createHash } from 'node:crypto'
import {
  type BatchStream,
  exampleBatches,
  longestAnswer,
  packedBatches,
  paddedLength,
} from '../data/batch.js'
import { readSplit, splitFile } from '../data/examples.js'
import { readRecords } from '../data/jsonl.js'
import { tokeniseExamples } from '../data/tokenise.js'
import { UserError } from '../errors.js'
import type { Tokenizer } from '../hub/tokenizer.js'
import { countSetting, type Settings } from './settings.js'

/** Training and validation data as batches of one shape. */
export interface DataSet {
  readonly train: BatchStream
  readonly valid: BatchStream
  /** Examples longer than the context that were left out on request. */
  readonly dropped: number
  /** SHA-256 of the tokens: the files may change under the same name. */
  readonly digest: string
}

/** How data is read: beside the recipe's settings `batch`, `context` and `end_of_text`. */
export interface DataOptions {
  readonly directory: string
  readonly seed: number
  readonly dropLong: boolean
  /** The length of rows cut from running text. */
  readonly length: number | undefined
  /** The most tokens the model reads. */
  readonly context: number
}

const digestOf = (parts: readonly (readonly (readonly number[])[])[]): string => {
  const hash = createHash('sha256')
  for (const rows of parts) {
    for (const row of rows) hash.update(Int32Array.of(row.length)).update(Int32Array.from(row))
    hash.update('\n')
  }
  return hash.digest('hex')
}

/** Whether the data is running text (`{"text": …}` a line), to be packed, and not examples. */
const isText = async (file: string): Promise<boolean> => {
  const first = (await readRecords(file))[0]
  return first !== undefined && typeof first.value.text === 'string' && first.value.prompt === undefined
}

const textOf = async (file: string, tokenizer: Tokenizer): Promise<readonly (readonly number[])[]> =>
  (await readRecords(file)).map(r => {
    if (typeof r.value.text !== 'string')
      throw new UserError({
        what: 'a line without text',
        where: `${r.file}:${r.line}`,
        hint: 'write {"text": "…"} a line',
      })
    return tokenizer.encode(r.value.text)
  })

/** Opens the `train` and `valid` files of a folder. Throws a `UserError` for whatever is wrong with them. */
export const openDataSet = async (
  tokenizer: Tokenizer,
  settings: Settings,
  options: DataOptions,
): Promise<DataSet> => {
  const { directory, seed } = options
  const batchSize = countSetting(settings, 'batch', 8)
  const context = Math.min(options.context, countSetting(settings, 'context', options.context))
  const trainFile = await splitFile(directory, 'train')
  if (trainFile !== undefined && (await isText(trainFile))) {
    const validFile = await splitFile(directory, 'valid')
    const eos = tokenizer.eos
    if (eos === undefined || validFile === undefined)
      throw new UserError({
        what: eos === undefined ? 'the tokenizer has no end-of-text token' : 'there is no valid data',
        where: directory,
        hint:
          eos === undefined
            ? 'name one as eos_token in tokenizer_config.json'
            : 'put texts that are not trained on in valid.jsonl',
      })
    const length = Math.min(options.length ?? context, context)
    const [train, valid] = [await textOf(trainFile, tokenizer), await textOf(validFile, tokenizer)]
    return {
      train: packedBatches(train, eos, { batchSize, length, shuffleSeed: seed }),
      valid: packedBatches(valid, eos, { batchSize, length }),
      dropped: 0,
      digest: digestOf([train, valid]),
    }
  }
  const tokenise = async (split: 'train' | 'valid') =>
    tokeniseExamples(tokenizer, await readSplit(directory, split), {
      context,
      contextIsSet: context < options.context,
      endOfText: settings.get('end_of_text') === true,
      tooLong: options.dropLong ? 'drop' : 'refuse',
    })
  const [train, valid] = [await tokenise('train'), await tokenise('valid')]
  const length = Math.max(paddedLength(train.examples, context), paddedLength(valid.examples, context))
  const answer = Math.max(longestAnswer(train.examples), longestAnswer(valid.examples))
  return {
    train: exampleBatches(train.examples, { batchSize, length, answer, shuffleSeed: seed }),
    valid: exampleBatches(valid.examples, { batchSize, length, answer }),
    dropped: train.dropped + valid.dropped,
    digest: digestOf([train, valid].map(set => set.examples.map(e => [e.answerStart, ...e.tokens]))),
  }
}
