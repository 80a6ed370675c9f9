import type { LiveRange } from './liveness.js'

/** A storage that wants a buffer for a time. */
export interface BufferDemand {
  readonly storage: number
  readonly bytes: number
  readonly range: LiveRange
}

export interface SharedBuffers {
  readonly sizes: readonly number[]
  readonly bufferOf: ReadonlyMap<number, number>
}

const overlaps = (a: LiveRange, b: LiveRange): boolean => a.from <= b.to && b.from <= a.to

/** The most bytes that are needed at one moment: no sharing takes less. */
export const leastBytes = (needs: readonly BufferDemand[]): number =>
  needs.reduce((most, { range: { from } }) => {
    const alive = needs.filter(n => n.range.from <= from && from <= n.range.to)
    return Math.max(
      most,
      alive.reduce((sum, n) => sum + n.bytes, 0),
    )
  }, 0)

/**
 * Close enough to the bound to look no further, and how long to look: so many orders, and storages placed in
 * all.
 */
const closeEnough = 1.02
const most = { orders: 300, placings: 100_000 } as const

/**
 * Buffers for storages, none shared by two that are alive at once. Storages are placed one after the other,
 * each in the free buffer that has to grow least; which order is best is found by trying: large ones first,
 * early ones first, long-lived ones first, and swaps in the best so far.
 */
export const shareBuffers = (needs: readonly BufferDemand[]): SharedBuffers => {
  const bound = leastBytes(needs)
  const orders = [
    (a: BufferDemand, b: BufferDemand): number => b.bytes - a.bytes || a.range.from - b.range.from,
    (a: BufferDemand, b: BufferDemand): number => a.range.from - b.range.from || b.bytes - a.bytes,
    (a: BufferDemand, b: BufferDemand): number => a.range.to - b.range.to || b.bytes - a.bytes,
    (a: BufferDemand, b: BufferDemand): number => length(b) - length(a) || b.bytes - a.bytes,
    (a: BufferDemand, b: BufferDemand): number => b.bytes * length(b) - a.bytes * length(a),
  ]
  let best = { bytes: Number.POSITIVE_INFINITY, order: needs, placed: placedIn([]) }
  const consider = (order: readonly BufferDemand[]): void => {
    const placed = placedIn(order)
    const bytes = placed.sizes.reduce((a, b) => a + b, 0)
    if (bytes < best.bytes) best = { bytes, order, placed }
  }
  for (const by of orders) consider([...needs].sort(by))
  let state = 1
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const attempts = Math.min(most.orders, most.placings / Math.max(1, needs.length))
  for (let n = 0; n < attempts && best.bytes > closeEnough * bound; n++) {
    const order = [...best.order]
    const [from, to] = [below(order.length), below(order.length)]
    order.splice(to, 0, ...order.splice(from, 1))
    consider(order)
  }
  return best.placed
}

const length = (n: BufferDemand): number => n.range.to - n.range.from

const placedIn = (order: readonly BufferDemand[]): SharedBuffers => {
  const buffers: { bytes: number; lives: LiveRange[] }[] = []
  const bufferOf = new Map<number, number>()
  for (const n of order) {
    let taken: (typeof buffers)[number] | undefined
    for (const b of buffers) {
      if (b.lives.some(l => overlaps(l, n.range))) continue
      const growth = (x: { bytes: number }): number => Math.max(0, n.bytes - x.bytes)
      const better =
        taken === undefined ||
        growth(b) < growth(taken) ||
        (growth(b) === growth(taken) && b.bytes < taken.bytes)
      if (better) taken = b
    }
    if (taken === undefined) {
      taken = { bytes: 0, lives: [] }
      buffers.push(taken)
    }
    taken.bytes = Math.max(taken.bytes, n.bytes)
    taken.lives.push(n.range)
    bufferOf.set(n.storage, buffers.indexOf(taken))
  }
  return { sizes: buffers.map(b => b.bytes), bufferOf }
}
