import type { LiveRange } from './liveness.js'

/** A storage that needs a buffer during its live range. */
export interface BufferDemand {
  readonly storage: number
  readonly bytes: number
  readonly range: LiveRange
}

/** The sizes of the buffers in bytes, and the buffer of each storage. */
export interface SharedBuffers {
  readonly sizes: readonly number[]
  readonly bufferOf: ReadonlyMap<number, number>
}

/** Whether two storages are live at the same moment, so that they cannot share a buffer. */
const interferes = (a: LiveRange, b: LiveRange): boolean => a.from <= b.to && b.from <= a.to

/** The most bytes that are live at one moment. No assignment of buffers takes less. */
export const leastBytes = (needs: readonly BufferDemand[]): number =>
  needs.reduce((most, { range: { from } }) => {
    const alive = needs.filter(n => n.range.from <= from && from <= n.range.to)
    return Math.max(
      most,
      alive.reduce((sum, n) => sum + n.bytes, 0),
    )
  }, 0)

/**
 * The search ends at a result within this factor of the lower bound, or at its limits: so many orders tried,
 * and so many storages placed in all, which keeps large graphs quick to compile.
 */
const closeToBound = 1.02
const searchLimits = { orders: 300, placements: 100_000 } as const

/** The length of a storage's live range. */
const length = (n: BufferDemand): number => n.range.to - n.range.from

/**
 * Orders that often do well: large storages first, early ones first, early-ending ones first, long-lived ones
 * first, and those first that occupy the most bytes for the longest time.
 */
const firstOrders: readonly ((a: BufferDemand, b: BufferDemand) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.range.from - b.range.from,
  (a, b) => a.range.from - b.range.from || b.bytes - a.bytes,
  (a, b) => a.range.to - b.range.to || b.bytes - a.bytes,
  (a, b) => length(b) - length(a) || b.bytes - a.bytes,
  (a, b) => b.bytes * length(b) - a.bytes * length(a),
]

/**
 * Pseudo-random whole numbers below a bound, from a fixed seed: a linear congruential generator modulo 2^32
 * with the constants of Numerical Recipes.
 */
const randomNumbers = (): ((bound: number) => number) => {
  let state = 1
  return bound => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

/**
 * Assigns buffers to storages so that storages with overlapping live ranges never share one (colouring of an
 * interval graph whose vertices have sizes). Storages are placed greedily, one after another, each in the
 * free buffer that has to grow least. The best order is found by trying: the five of `firstOrders`, then
 * random moves of single storages in the best order so far (hill climbing). The random numbers are fixed, so
 * the result is the same in every run.
 */
export const shareBuffers = (needs: readonly BufferDemand[]): SharedBuffers => {
  const bound = leastBytes(needs)
  let best = { bytes: Number.POSITIVE_INFINITY, order: needs, placed: placeInOrder([]) }
  const consider = (order: readonly BufferDemand[]): void => {
    const placed = placeInOrder(order)
    const bytes = placed.sizes.reduce((a, b) => a + b, 0)
    if (bytes < best.bytes) best = { bytes, order, placed }
  }
  for (const by of firstOrders) consider([...needs].sort(by))
  const below = randomNumbers()
  const attempts = Math.min(searchLimits.orders, searchLimits.placements / Math.max(1, needs.length))
  for (let n = 0; n < attempts && best.bytes > closeToBound * bound; n++) {
    const order = [...best.order]
    const [from, to] = [below(order.length), below(order.length)]
    order.splice(to, 0, ...order.splice(from, 1))
    consider(order)
  }
  return best.placed
}

/** Places storages one after another, each in the free buffer that has to grow least, or in a new one. */
const placeInOrder = (order: readonly BufferDemand[]): SharedBuffers => {
  const buffers: { bytes: number; ranges: LiveRange[] }[] = []
  const bufferOf = new Map<number, number>()
  for (const n of order) {
    let taken: (typeof buffers)[number] | undefined
    for (const b of buffers) {
      if (b.ranges.some(l => interferes(l, n.range))) continue
      const growth = (x: { bytes: number }): number => Math.max(0, n.bytes - x.bytes)
      const better =
        taken === undefined ||
        growth(b) < growth(taken) ||
        (growth(b) === growth(taken) && b.bytes < taken.bytes)
      if (better) taken = b
    }
    if (taken === undefined) {
      taken = { bytes: 0, ranges: [] }
      buffers.push(taken)
    }
    taken.bytes = Math.max(taken.bytes, n.bytes)
    taken.ranges.push(n.range)
    bufferOf.set(n.storage, buffers.indexOf(taken))
  }
  return { sizes: buffers.map(b => b.bytes), bufferOf }
}
