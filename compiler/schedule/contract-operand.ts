import { along, type Product } from '../kernel/product.js'

/** What a thread loads at once: four neighbours along `k` or along the outer axis, or one element. */
export type Way = 'k' | 'outer' | 'one'

/** One operand's tile in workgroup memory: `outer` rows (or columns) by `k`. */
export interface Operand {
  readonly role: 'left' | 'right'
  readonly outer: number
  readonly k: number
  readonly threads: number
}

/** The axis of which an operand's neighbours are loaded together. */
export const wayOf = (p: Product, role: 'left' | 'right'): Way => {
  const k = p.k.at(-1)!
  const outer = role === 'left' ? p.m : p.n.at(-1)!
  const e = p[role]
  if (along(e, k) && (p.k.length === 1 || k.extent % 4 === 0)) return 'k'
  return along(e, outer) ? 'outer' : 'one'
}

/** How many pieces each thread loads of a tile; not whole where the threads don't come out even. */
export const piecesOf = (o: Operand, way: Way): number =>
  (o.outer * o.k) / (way === 'one' ? 1 : 4) / o.threads
