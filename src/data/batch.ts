import { permutation } from './random.js'
import type { TokenisedExample } from './tokenise.js'

/**
 * One batch, row-major [B, T]. Position t predicts the token after it: `targets[t] = tokens[t + 1]`. `weight` is 1
 * exactly where that token counts for the loss, 0 elsewhere, on padding, and on rows that only fill the batch.
 * Padding is on the right; its tokens and targets are 0.
 */
export interface Batch {
  readonly tokens: Int32Array
  readonly targets: Int32Array
  readonly weight: Float32Array
  readonly B: number
  readonly T: number
  /** Rows that hold data; the others fill the batch. */
  readonly rows: number
}

/** Batches of one shape, each reached directly by epoch and step: to resume, ask for the next. */
export interface BatchStream {
  readonly B: number
  readonly T: number
  readonly stepsPerEpoch: number
  /** Examples, or packed rows, in an epoch. */
  readonly size: number
  /** The batch at `step` (from 0, below `stepsPerEpoch`) of `epoch` (from 0); a pure function of both. */
  at(epoch: number, step: number): Batch
}

/** Where the tokens of a batch's row come from: fills `tokens` (one more than T, zeroed) and the targets' weights. */
type FillRow = (item: number, tokens: Int32Array, weight: Float32Array) => void

/**
 * The length that a data set's rows are padded to: the longest example's positions (one fewer than its tokens), rounded
 * up to a multiple of 8 within the context.
 */
export const paddedLength = (examples: readonly TokenisedExample[], context: number): number => {
  const longest = examples.reduce((most, { tokens }) => Math.max(most, tokens.length - 1), 1)
  return Math.min(Math.ceil(longest / 8) * 8, context)
}

const streamOf = (
  size: number,
  shape: { readonly B: number; readonly T: number },
  shuffleSeed: number | undefined,
  fill: FillRow,
): BatchStream => {
  const { B, T } = shape
  let ordered: { readonly epoch: number; readonly order: Int32Array } | undefined
  const orderOf = (epoch: number): Int32Array | undefined => {
    if (shuffleSeed === undefined) return undefined
    if (ordered?.epoch !== epoch) ordered = { epoch, order: permutation(shuffleSeed, epoch, size) }
    return ordered.order
  }
  return {
    B,
    T,
    size,
    stepsPerEpoch: Math.ceil(size / B),
    at(epoch, step) {
      const order = orderOf(epoch)
      const first = step * B
      const rows = Math.max(0, Math.min(B, size - first))
      const tokens = new Int32Array(B * T)
      const targets = new Int32Array(B * T)
      const weight = new Float32Array(B * T)
      for (let row = 0; row < rows; row++) {
        const line = new Int32Array(T + 1)
        fill(order?.[first + row] ?? first + row, line, weight.subarray(row * T, row * T + T))
        tokens.set(line.subarray(0, T), row * T)
        targets.set(line.subarray(1), row * T)
      }
      return { tokens, targets, weight, B, T, rows }
    },
  }
}

/** How a data set becomes batches. */
export interface BatchOptions {
  readonly batchSize: number
  /** Row length: see {@link paddedLength}. Every example must fit: at most `length + 1` tokens. */
  readonly length: number
  /** Shuffles every epoch anew by (seed, epoch); without it the order is the data's. */
  readonly shuffleSeed?: number
}

/** Batches of examples, one a row, in which only the answer's tokens count. */
export const exampleBatches = (examples: readonly TokenisedExample[], options: BatchOptions): BatchStream =>
  streamOf(
    examples.length,
    { B: options.batchSize, T: options.length },
    options.shuffleSeed,
    (item, tokens, weight) => {
      const example = examples[item]!
      tokens.set(example.tokens)
      for (let t = example.answerStart - 1; t < example.tokens.length - 1; t++) weight[t] = 1
    },
  )

/**
 * Batches for pretraining: the documents, each followed by `eos`, as one stream cut into rows of T + 1 tokens that
 * share their border token, so that every token but the first is predicted exactly once. The last row is padded.
 */
export const packedBatches = (
  documents: readonly ArrayLike<number>[],
  eos: number,
  options: BatchOptions,
): BatchStream => {
  const T = options.length
  const stream = new Int32Array(documents.reduce((n, d) => n + d.length + 1, 0))
  let at = 0
  for (const document of documents) {
    stream.set(document, at)
    at += document.length
    stream[at++] = eos
  }
  const size = Math.max(0, Math.ceil((stream.length - 1) / T))
  return streamOf(size, { B: options.batchSize, T }, options.shuffleSeed, (item, tokens, weight) => {
    const row = stream.subarray(item * T, item * T + T + 1)
    tokens.set(row)
    weight.fill(1, 0, row.length - 1)
  })
}
