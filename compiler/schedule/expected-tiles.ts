import type { Axis } from '../ir/ir.js'
import { productOf } from '../kernel/context.js'

/** The most numbers of an open size that a mean is taken over. */
const samples = 64

/**
 * The number of tiles of `length` positions over an axis. Of an open axis, whose last tile is filled
 * differently in each run, it is the number at the most, times the mean share by which tiles exceed the
 * positions.
 */
export const expectedTiles = ({ extent, open }: Pick<Axis, 'extent' | 'open'>, length: number): number => {
  if (open === undefined) return Math.ceil(extent / length)
  const step = Math.max(1, open.scale * open.step, Math.ceil(extent / samples))
  const numbers = Array.from({ length: Math.max(1, Math.floor(extent / step)) }, (_, i) => (i + 1) * step)
  const excess = numbers.reduce((sum, n) => sum + (Math.ceil(n / length) * length) / n, 0) / numbers.length
  return (extent / length) * excess
}

/** The number of tiles over a product's columns, `threads` owners of `columns` neighbours each. */
export const columnTiles = (n: readonly Axis[], columns: number, threads: number): number => {
  const last = n.at(-1)!
  const others = productOf(n.slice(0, -1))
  return last.open === undefined
    ? Math.ceil((others * Math.ceil(last.extent / columns)) / threads)
    : others * expectedTiles(last, Math.max(columns, (columns * threads) / others))
}
