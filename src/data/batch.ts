import type { EncodedExample } from '../text/tokenizer.js'
import { permutation } from './random.js'
import { positionsOf, sidesOf, type TokenisedExample } from './tokenise.js'

/** The names that programs have for the sizes of batches; others are the model's. */
export const batchSizes: ReadonlySet<string> = new Set(['B', 'T', 'A'])

/** The shape of batches: examples, tokens of an example, and at most how many of those are to be learned. */
export interface BatchShape {
  readonly B: number
  readonly T: number
  readonly A: number
  /**
   * Whether every row's a-th token to be learned follows its position a, so that batches need no positions.
   */
  readonly everywhere: boolean
}

/**
 * One batch, row-major: `tokens` [B, T], the others [B, A]. The token after `tokens[b, position[b, a]]` is
 * `target[b, a]`, the a-th of the row to be learned. `weight` is 1, and 0 where the row has fewer, and on
 * rows that only fill the batch; there, and on padding, which is on the right, everything is 0.
 */
export interface Batch {
  readonly tokens: Int32Array
  readonly position: Int32Array
  readonly target: Int32Array
  readonly weight: Float32Array
  /** [B]: the tokens of each row's prompt, which are those before the first that is to be learned. */
  readonly prompt: Int32Array
  /** [B]: each row's place in the data, from 0, and −1 for rows that only fill the batch. */
  readonly example: Int32Array
  /** Rows that hold data; the others fill the batch. */
  readonly rows: number
  /** The same prompts with wrong answers, if the batches are paired. */
  readonly wrong?: Batch
}

/** Batches of one shape, each reached directly by epoch and step: to resume, ask for the next. */
export interface BatchStream extends BatchShape {
  readonly stepsPerEpoch: number
  /** Examples, or packed rows, in an epoch. */
  readonly size: number
  /** The batch at `step` (from 0, below `stepsPerEpoch`) of `epoch` (from 0); a pure function of both. */
  at(epoch: number, step: number): Batch
}

/** A row's tokens, one more than it has positions, of which those from `learned` on are to be learned. */
interface Row {
  readonly tokens: ArrayLike<number>
  readonly learned: number
}

/**
 * The length that a data set's rows are padded to: the longest example's positions (one fewer than its
 * tokens), rounded up to a multiple of 8 within the context.
 */
export const paddedLength = (examples: readonly TokenisedExample[], context: number): number => {
  const longest = examples.reduce((most, example) => Math.max(most, positionsOf(example)), 1)
  return Math.min(Math.ceil(longest / 8) * 8, context)
}

/** The batch of `items`, the places of its rows in the data, which may be fewer than B. */
const batchOf = ({ B, T, A }: BatchShape, items: readonly number[], rowOf: (item: number) => Row): Batch => {
  const tokens = new Int32Array(B * T)
  const position = new Int32Array(B * A)
  const target = new Int32Array(B * A)
  const weight = new Float32Array(B * A)
  const prompt = new Int32Array(B)
  const example = new Int32Array(B).fill(-1)
  for (const [b, item] of items.entries()) {
    const row = rowOf(item)
    prompt[b] = row.learned
    example[b] = item
    for (let t = 0; t < Math.min(row.tokens.length, T); t++) tokens[b * T + t] = row.tokens[t]!
    for (let i = row.learned; i < row.tokens.length; i++) {
      const at = b * A + i - row.learned
      position[at] = i - 1
      target[at] = row.tokens[i]!
      weight[at] = 1
    }
  }
  return { tokens, position, target, weight, prompt, example, rows: items.length }
}

const streamOf = (
  size: number,
  shape: BatchShape,
  shuffleSeed: number | undefined,
  sides: { readonly right: (item: number) => Row; readonly wrong?: (item: number) => Row },
): BatchStream => {
  const { B } = shape
  let ordered: { readonly epoch: number; readonly order: Int32Array } | undefined
  const orderOf = (epoch: number): Int32Array | undefined => {
    if (shuffleSeed === undefined) return undefined
    if (ordered?.epoch !== epoch) ordered = { epoch, order: permutation(shuffleSeed, epoch, size) }
    return ordered.order
  }
  return {
    ...shape,
    size,
    stepsPerEpoch: Math.ceil(size / B),
    at(epoch, step) {
      const order = orderOf(epoch)
      const first = step * B
      const length = Math.max(0, Math.min(B, size - first))
      const items = Array.from({ length }, (_, b) => order?.[first + b] ?? first + b)
      const right = batchOf(shape, items, sides.right)
      return sides.wrong === undefined ? right : { ...right, wrong: batchOf(shape, items, sides.wrong) }
    },
  }
}

/** The most tokens that an example of a data set teaches. */
export const longestAnswer = (examples: readonly TokenisedExample[]): number =>
  examples
    .flatMap(sidesOf)
    .reduce((most, { tokens, answerStart }) => Math.max(most, tokens.length - answerStart), 1)

/** How a data set becomes batches. */
export interface BatchOptions {
  readonly batchSize: number
  /** Row length: see {@link paddedLength}. Every example must fit. */
  readonly length: number
  /** Shuffles every epoch anew by (seed, epoch); without it the order is the data's. */
  readonly shuffleSeed?: number
}

const rowOf = ({ tokens, answerStart }: EncodedExample): Row => ({ tokens, learned: answerStart })

/**
 * Batches of examples, one a row, of which the answers are to be learned: `answer` tokens at most, see {@link
 * longestAnswer}. They are paired if every example has a wrong answer.
 */
export const exampleBatches = (
  examples: readonly TokenisedExample[],
  { batchSize: B, length: T, answer: A, shuffleSeed }: BatchOptions & { readonly answer: number },
): BatchStream => {
  const right = (item: number): Row => rowOf(examples[item]!)
  const wrong = (item: number): Row => rowOf(examples[item]!.wrong!)
  const paired = examples.every(e => e.wrong !== undefined)
  const shape = { B, T, A, everywhere: false }
  return streamOf(examples.length, shape, shuffleSeed, paired ? { right, wrong } : { right })
}

/**
 * Batches for pretraining: the documents, each followed by `eos`, as one stream cut into rows of T + 1 tokens
 * that share their border token, so that every token but the first is predicted exactly once. The last row is
 * padded.
 */
export const packedBatches = (
  documents: readonly ArrayLike<number>[],
  eos: number,
  { batchSize: B, length: T, shuffleSeed }: BatchOptions,
): BatchStream => {
  const stream = new Int32Array(documents.reduce((n, d) => n + d.length + 1, 0))
  let at = 0
  for (const document of documents) {
    stream.set(document, at)
    at += document.length
    stream[at++] = eos
  }
  const size = Math.max(0, Math.ceil((stream.length - 1) / T))
  return streamOf(size, { B, T, A: T, everywhere: true }, shuffleSeed, {
    right: item => ({ tokens: stream.subarray(item * T, item * T + T + 1), learned: 1 }),
  })
}
