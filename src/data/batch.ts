import type { EncodedExample } from '../text/tokenizer.js'
import { batchesOfEpoch } from './batch-order.js'
import { type EpochCounts, epochCounts } from './epoch-counts.js'
import { positionsOf, sidesOf, type TokenisedExample } from './tokenise.js'

/** The names that programs have for the sizes of batches; others are the model's. */
export const batchSizes: ReadonlySet<string> = new Set(['B', 'T', 'A'])

/** The shape of batches: examples, tokens of an example, and at most how many of those are to be learned. */
export interface BatchShape {
  readonly B: number
  /** The length of the longest batch; see {@link Batch.length}. */
  readonly T: number
  readonly A: number
  /**
   * Whether every row's a-th token to be learned follows its position a, so that batches need no positions.
   */
  readonly everywhere: boolean
  /** Whether all batches are as long as the longest. */
  readonly oneLength?: boolean
}

/**
 * One batch, row-major: `tokens` [B, length], the others [B, A]. The token after `tokens[b, position[b, a]]`
 * is `target[b, a]`, the a-th of the row to be learned. `weight` is 1, and 0 where the row has fewer, and on
 * rows that only fill the batch; there, and on padding, which is on the right, everything is 0.
 */
export interface Batch {
  /** The positions of each row: those of the longest, rounded up (see {@link rowLength}). */
  readonly length: number
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

/** Batches, each reached directly by epoch and step: to resume, ask for the next. */
export interface BatchStream extends BatchShape {
  /** Every length that a batch can have, the shortest first. */
  readonly lengths: readonly number[]
  readonly stepsPerEpoch: number
  /** Examples, or packed rows, in an epoch. */
  readonly size: number
  /** The batch at `step` (from 0, below `stepsPerEpoch`) of `epoch` (from 0); a pure function of both. */
  at(epoch: number, step: number): Batch
  /** What the batches of an epoch hold; makes none of them. */
  counts(epoch: number): EpochCounts
}

/** A row's tokens, one more than it has positions, of which those from `learned` on are to be learned. */
interface Row {
  readonly tokens: ArrayLike<number>
  readonly learned: number
}

/**
 * A number of positions rounded up to a length that batches have: a multiple of 8 within the context. Kernels
 * are faster for multiples.
 */
export const rowLength = (positions: number, context: number): number =>
  Math.min(Math.max(1, Math.ceil(positions / 8)) * 8, context)

/** A number of which all lengths of batches are multiples, where `longest` is that of the longest. */
export const lengthStep = (longest: number): number => [8, 4, 2].find(n => longest % n === 0) ?? 1

/**
 * A length at which rows of tensors are laid out: a little more than is needed, so that a row is an odd
 * number of half cache lines. Rows that are powers of two apart share few places of the cache.
 */
export const apartInCache = (length: number): number => {
  const step = lengthStep(length)
  return (length / step) % 2 === 0 ? length + step : length
}

/** The length of a data set's longest batch: that of its longest example's positions. */
export const paddedLength = (examples: readonly TokenisedExample[], context: number): number =>
  rowLength(
    examples.reduce((most, example) => Math.max(most, positionsOf(example)), 1),
    context,
  )

/** The batch of `items`, the places of its rows in the data, which may be fewer than B. */
const batchOf = (
  { B, A }: BatchShape,
  T: number,
  items: readonly number[],
  rowOf: (item: number) => Row,
): Batch => {
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
  return { length: T, tokens, position, target, weight, prompt, example, rows: items.length }
}

/** What a stream is made of. */
interface StreamParts {
  readonly size: number
  readonly shape: BatchShape
  readonly lengths: readonly number[]
  /** The length of the batch of some items. */
  readonly lengthOf: (items: readonly number[]) => number
  /** The items of each batch of an epoch. */
  readonly batches: (epoch: number) => readonly (readonly number[])[]
  readonly right: (item: number) => Row
  readonly wrong?: ((item: number) => Row) | undefined
}

/** The tokens of a row that the model reads: the last is only predicted, except in pairs. */
const tokensRead = (row: Row, paired: boolean): number => row.tokens.length - (paired ? 0 : 1)

const streamOf = ({ size, shape, lengths, lengthOf, batches, right, wrong }: StreamParts): BatchStream => {
  let known: { readonly epoch: number; readonly batches: readonly (readonly number[])[] } | undefined
  const batchesAt = (epoch: number): readonly (readonly number[])[] => {
    if (known?.epoch !== epoch) known = { epoch, batches: batches(epoch) }
    return known.batches
  }
  const sides = wrong === undefined ? [right] : [right, wrong]
  return {
    ...shape,
    size,
    lengths,
    stepsPerEpoch: Math.ceil(size / shape.B),
    at(epoch, step) {
      const items = batchesAt(epoch)[step] ?? []
      const T = lengthOf(items)
      const batch = batchOf(shape, T, items, right)
      return wrong === undefined ? batch : { ...batch, wrong: batchOf(shape, T, items, wrong) }
    },
    counts: epoch =>
      epochCounts(
        batchesAt(epoch).map(items => ({
          positions: sides.length * shape.B * lengthOf(items),
          tokens: items
            .flatMap(item => sides.map(side => tokensRead(side(item), sides.length > 1)))
            .reduce((a, b) => a + b, 0),
          emptyRows: shape.B - items.length,
        })),
      ),
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
  /** The length of the longest batch: see {@link paddedLength}. Every example must fit. */
  readonly length: number
  /** Shuffles every epoch anew by (seed, epoch); without it the order is the data's. */
  readonly shuffleSeed?: number | undefined
}

const rowOf = ({ tokens, answerStart }: EncodedExample): Row => ({ tokens, learned: answerStart })

/**
 * What the rows of a batch have in common: `alike` are examples of like length, padded to their own longest;
 * `any` are drawn by chance, padded so too; `one_length` are drawn by chance, and all batches are as long as
 * the longest.
 */
export const batchKinds = ['alike', 'any', 'one_length'] as const

export type BatchKind = (typeof batchKinds)[number]

interface ExampleBatchOptions extends BatchOptions {
  /** The most tokens that are to be learned of an example, see {@link longestAnswer}. */
  readonly answer: number
  /** `alike` by default. */
  readonly batches?: BatchKind | undefined
}

/**
 * Batches of examples, one a row, of which the answers are to be learned. They are paired if every example
 * has a wrong answer.
 */
export const exampleBatches = (
  examples: readonly TokenisedExample[],
  { batchSize: B, length: T, answer: A, shuffleSeed: seed, batches: kind = 'alike' }: ExampleBatchOptions,
): BatchStream => {
  const right = (item: number): Row => rowOf(examples[item]!)
  const wrong = (item: number): Row => rowOf(examples[item]!.wrong!)
  const paired = examples.every(e => e.wrong !== undefined)
  const size = examples.length
  const positions = (item: number): number => positionsOf(examples[item]!)
  const own = (item: number): number => (kind === 'one_length' ? T : rowLength(positions(item), T))
  const order = { size, batchSize: B, seed, lengthOf: kind === 'alike' ? positions : undefined }
  return streamOf({
    size,
    shape: { B, T, A, everywhere: false, oneLength: kind === 'one_length' },
    lengths: [...new Set(examples.map((_, i) => own(i)))].sort((a, b) => a - b),
    lengthOf: items => items.reduce((most, item) => Math.max(most, own(item)), kind === 'one_length' ? T : 1),
    batches: epoch => batchesOfEpoch(epoch, order),
    right,
    wrong: paired ? wrong : undefined,
  })
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
  return streamOf({
    size,
    shape: { B, T, A: T, everywhere: true, oneLength: true },
    lengths: [T],
    lengthOf: () => T,
    batches: epoch => batchesOfEpoch(epoch, { size, batchSize: B, seed: shuffleSeed }),
    right: item => ({ tokens: stream.subarray(item * T, item * T + T + 1), learned: 1 }),
  })
}
