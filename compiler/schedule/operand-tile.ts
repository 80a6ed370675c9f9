import { isMultiple } from '../ir/open-extent.js'
import { type Product, runsAlong } from '../kernel/product.js'

/**
 * The elements that a thread loads at once: four neighbours along `k` or along the outer axis, or one
 * element.
 */
export type LoadDirection = 'k' | 'outer' | 'one'

/**
 * One operand's tile in workgroup memory: `outer` rows (or columns) by `k` positions, loaded by so many
 * threads.
 */
export interface OperandTile {
  readonly role: 'left' | 'right'
  readonly outer: number
  readonly k: number
  readonly threads: number
}

/**
 * The direction in which an operand's neighbours are loaded together: along `k` if it is contiguous there,
 * else along the outer axis if it is contiguous there.
 */
export const loadDirectionOf = (p: Product, role: 'left' | 'right'): LoadDirection => {
  const k = p.k.at(-1)!
  const outer = role === 'left' ? p.m : p.n.at(-1)!
  const e = p[role]
  if (runsAlong(e, k) && ((p.k.length === 1 && k.open === undefined) || isMultiple(k, 4))) return 'k'
  return runsAlong(e, outer) ? 'outer' : 'one'
}

/**
 * The pieces of a tile that each thread loads. It is not a whole number where the threads do not divide the
 * tile evenly.
 */
export const piecesPerThread = (o: OperandTile, way: LoadDirection): number =>
  (o.outer * o.k) / (way === 'one' ? 1 : 4) / o.threads
