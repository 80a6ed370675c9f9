import type { Life } from './liveness.js'

/** A storage that wants a buffer for a time. */
export interface Need {
  readonly storage: number
  readonly bytes: number
  readonly life: Life
}

export interface Sharing {
  readonly sizes: readonly number[]
  readonly bufferOf: ReadonlyMap<number, number>
}

const overlaps = (a: Life, b: Life): boolean => a.from <= b.to && b.from <= a.to

/** The most bytes that are needed at one moment: no sharing takes less. */
export const leastBytes = (needs: readonly Need[]): number =>
  needs.reduce((most, { life: { from } }) => {
    const alive = needs.filter(n => n.life.from <= from && from <= n.life.to)
    return Math.max(
      most,
      alive.reduce((sum, n) => sum + n.bytes, 0),
    )
  }, 0)

/** Close enough to the bound to look no further, and how long to look: so many orders, and storages placed in all. */
const closeEnough = 1.02
const most = { orders: 300, placings: 100_000 } as const

/**
 * Buffers for storages, none shared by two that are alive at once. Storages are placed one after the other, each in the free buffer that has to
 * grow least; which order is best is found by trying: large ones first, early ones first, long-lived ones first, and swaps in the best so far.
 */
export const share = (needs: readonly Need[]): Sharing => {
  const bound = leastBytes(needs)
  const orders = [
    (a: Need, b: Need): number => b.bytes - a.bytes || a.life.from - b.life.from,
    (a: Need, b: Need): number => a.life.from - b.life.from || b.bytes - a.bytes,
    (a: Need, b: Need): number => a.life.to - b.life.to || b.bytes - a.bytes,
    (a: Need, b: Need): number => length(b) - length(a) || b.bytes - a.bytes,
    (a: Need, b: Need): number => b.bytes * length(b) - a.bytes * length(a),
  ]
  let best = { bytes: Number.POSITIVE_INFINITY, order: needs, placed: placedIn([]) }
  const consider = (order: readonly Need[]): void => {
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

const length = (n: Need): number => n.life.to - n.life.from

const placedIn = (order: readonly Need[]): Sharing => {
  const buffers: { bytes: number; lives: Life[] }[] = []
  const bufferOf = new Map<number, number>()
  for (const n of order) {
    let taken: (typeof buffers)[number] | undefined
    for (const b of buffers) {
      if (b.lives.some(l => overlaps(l, n.life))) continue
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
    taken.lives.push(n.life)
    bufferOf.set(n.storage, buffers.indexOf(taken))
  }
  return { sizes: buffers.map(b => b.bytes), bufferOf }
}
