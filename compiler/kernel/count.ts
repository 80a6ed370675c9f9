import type { Count } from '../artifact.js'
import type { Axis } from '../ir/ir.js'

/** The number where open sizes are the most. */
export const mostOf = (c: Count): number => (typeof c === 'number' ? c : c.most)

/** The number of an axis's positions. */
export const countAxis = ({ extent, open }: Pick<Axis, 'extent' | 'open'>): Count =>
  open === undefined ? extent : { most: extent, per: 1, parts: [open] }

/** The product of some numbers. */
export const multiplyCounts = (counts: readonly Count[]): Count => {
  const known = counts.reduce<number>((n, c) => (typeof c === 'number' ? n * c : n), 1)
  const open = counts.filter(c => typeof c !== 'number')
  const [only] = open
  if (only === undefined) return known
  if (open.length === 1 && known === 1) return only
  return {
    most: counts.reduce<number>((n, c) => n * mostOf(c), 1),
    per: 1,
    parts: known === 1 ? open : [known, ...open],
  }
}

/** The number of parts of `n` things each, the last perhaps of fewer. */
export const inParts = (c: Count, n: number): Count =>
  typeof c === 'number'
    ? Math.ceil(c / n)
    : n === 1
      ? c
      : { ...c, most: Math.ceil(c.most / n), per: c.per * n }

/** The number of elements of an index space. */
export const countAll = (axes: readonly Axis[]): Count => multiplyCounts(axes.map(countAxis))
