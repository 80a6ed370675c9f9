import type { Axis, Expr } from '../ir/ir.js'
import { extentExpr } from '../ir/open-extent.js'

/** Ids from here downwards stand for open sizes; those of local values are far above. */
const firstSize = -(2 ** 50)

/** A negative id in place of a node's id: a read of it means the number that an open size has in a run. */
export const sizeLocal = (size: number): number => firstSize - size

/** Whether a read is of an open size's number. */
export const readsSize = (node: number): boolean => node <= firstSize

/** The number that an open size has in a run. */
export const sizeValue = (size: number): Expr => ({
  op: 'read',
  dtype: 'i32',
  node: sizeLocal(size),
  at: [],
  guarded: false,
})

/** An extent as an expression of a kernel. */
export const extentValue = (dim: Pick<Axis, 'extent' | 'open'>): Expr => extentExpr(dim, sizeValue)
