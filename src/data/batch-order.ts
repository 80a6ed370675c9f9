import { permutation } from './random.js'

/** How the examples of an epoch are put into batches. */
export interface OrderOptions {
  /** The number of examples. */
  readonly size: number
  readonly batchSize: number
  /** The positions of an example; given where examples of like length share batches. */
  readonly lengthOf?: ((item: number) => number) | undefined
  /** Shuffles every epoch anew; without it the order is the data's, or by length. */
  readonly seed?: number | undefined
}

/** The streams that order batches: far from those that order examples, which are the epochs' numbers. */
const batchStream = 0x62617463

/**
 * The batches of a window, at least and at most. Examples share a batch with others of their window only, so
 * a large window makes batches of more equal lengths, and a small one makes them more random.
 */
const windowBatches = { least: 8, most: 50 } as const

/** An epoch has at least so many windows, unless they would be too small. */
const windowsPerEpoch = 4

const cut = (items: readonly number[], length: number): readonly (readonly number[])[] =>
  Array.from({ length: Math.ceil(items.length / length) }, (_, i) =>
    items.slice(i * length, (i + 1) * length),
  )

/**
 * The batches of an epoch as places in the data; a pure function of (seed, epoch). Every example is in one
 * batch, and only the last batch may have fewer than `batchSize`.
 *
 * With `lengthOf`, examples of like length share a batch: the shuffled examples are cut into windows, each
 * window is sorted by length and cut into batches, and these are shuffled.
 */
export const batchesOfEpoch = (
  epoch: number,
  { size, batchSize, lengthOf, seed }: OrderOptions,
): readonly (readonly number[])[] => {
  const items =
    seed === undefined ? Array.from({ length: size }, (_, i) => i) : [...permutation(seed, epoch, size)]
  if (lengthOf === undefined) return cut(items, batchSize)
  const sorted = (some: readonly number[]) => [...some].sort((a, b) => lengthOf(a) - lengthOf(b))
  if (seed === undefined) return cut(sorted(items), batchSize)
  const { least, most } = windowBatches
  const window = Math.min(most, Math.max(least, Math.ceil(size / batchSize / windowsPerEpoch)))
  const batches = cut(items, window * batchSize).flatMap(some => cut(sorted(some), batchSize))
  const full = batches.filter(b => b.length === batchSize)
  const order = permutation(seed, batchStream + epoch, full.length)
  return [...Array.from(order, i => full[i]!), ...batches.filter(b => b.length < batchSize)]
}

/**
 * Rows that are computed together, by their places: those of like length, the longest first, so that what is
 * compiled or planned for them serves the others too.
 */
export const rowsByLength = (
  lengths: readonly number[],
  together: number,
): readonly (readonly number[])[] => {
  const order = [...lengths.keys()].sort((a, b) => lengths[b]! - lengths[a]!)
  return cut(order, together)
}
