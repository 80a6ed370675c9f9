import { type BatchKind, batchKinds, exampleBatches, paddedLength, rowLength } from '../../data/batch.js'
import type { TokenisedExample } from '../../data/tokenise.js'

/** Examples a batch. */
export const batchSize = 8

/** The lengths of an epoch's batches: rounded up as we compute them, and those of their longest rows. */
export interface EpochBatches {
  readonly kind: BatchKind
  readonly rounded: readonly number[]
  readonly exact: readonly number[]
  /** Tokens of data, and their share of the positions that we compute. */
  readonly tokens: number
  readonly share: number
}

/** Rows of these lengths, with one token more that is the answer. Their tokens are not looked at. */
const rowsOf = (lengths: readonly number[]): readonly TokenisedExample[] =>
  lengths.map(length => ({
    tokens: new Array<number>(length + 1).fill(0),
    answerStart: length,
    example: { prompt: '', answer: '', file: '', line: 1 },
  }))

/** The batches of the first epoch of training on rows of these lengths, by each way to put them together. */
export const epochBatches = (lengths: readonly number[], context: number): readonly EpochBatches[] => {
  const rows = rowsOf(lengths)
  const length = paddedLength(rows, context)
  return batchKinds.map((kind): EpochBatches => {
    const stream = exampleBatches(rows, { batchSize, length, answer: 1, batches: kind, shuffleSeed: 0 })
    const batches = Array.from({ length: stream.stepsPerEpoch }, (_, step) => stream.at(0, step))
    const { tokens, positions } = stream.counts(0)
    return {
      kind,
      rounded: batches.map(batch => batch.length),
      exact: batches.map(({ example, rows: count }) =>
        [...example.subarray(0, count)].reduce((most, item) => Math.max(most, lengths[item]!), 1),
      ),
      tokens,
      share: tokens / positions,
    }
  })
}

/** The length of rows that are all equal and hold as many tokens as these, to a multiple of 8. */
export const equalLength = (lengths: readonly number[], context: number): number => {
  const mean = lengths.reduce((a, b) => a + b, 0) / lengths.length
  return Math.min(context, Math.max(8, 8 * Math.round(mean / 8)))
}

/** Every length of a batch of some rows. */
export const allLengths = (lengths: readonly number[], context: number): readonly number[] =>
  [...new Set(lengths.map(length => rowLength(length, context)))].sort((a, b) => a - b)

/** At most `most` of the lengths, spread evenly from the least to the greatest, and those that are needed. */
export const lengthsToTime = (
  all: readonly number[],
  most: number,
  needed: readonly number[],
): readonly number[] => {
  const count = Math.min(most, all.length)
  const at = (i: number): number => all[count < 2 ? 0 : Math.round((i * (all.length - 1)) / (count - 1))]!
  const chosen = Array.from({ length: count }, (_, i) => at(i))
  return [...new Set([...chosen, ...needed])].sort((a, b) => a - b)
}

/** Milliseconds of a step, by the length of its batch; the lengths rise. */
export interface StepTimes {
  readonly lengths: readonly number[]
  readonly milliseconds: readonly number[]
}

/**
 * The milliseconds of a step of a length: on a straight line between the two timed lengths around it. Outside
 * of all of them it is that of the nearest.
 */
export const stepTime = ({ lengths, milliseconds }: StepTimes, length: number): number => {
  const above = lengths.findIndex(l => l >= length)
  if (above <= 0) return above === 0 ? milliseconds[0]! : milliseconds.at(-1)!
  const [a, b] = [lengths[above - 1]!, lengths[above]!]
  const share = (length - a) / (b - a)
  return (1 - share) * milliseconds[above - 1]! + share * milliseconds[above]!
}

/** Milliseconds of an epoch whose batches have these lengths. */
export const epochTime = (times: StepTimes, batches: readonly number[]): number =>
  batches.reduce((sum, length) => sum + stepTime(times, length), 0)

/** Milliseconds that these tokens take in full rows of one length. */
export const equalRowsTime = (times: StepTimes, length: number, tokens: number): number =>
  (stepTime(times, length) * tokens) / (batchSize * length)
