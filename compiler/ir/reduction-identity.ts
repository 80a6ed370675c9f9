import type { DType } from '../artifact.js'
import type { ReduceOp } from './ir.js'

/**
 * The result of an empty reduction: the identity of the operation within the type's range; 0 for a
 * position.
 */
export const identityOf = (op: ReduceOp, dtype: DType): number => {
  if (op === 'sum' || op === 'argmax' || op === 'argmin') return 0
  if (op === 'prod') return 1
  const lowest = { f32: Number.NEGATIVE_INFINITY, i32: -2147483648, u32: 0, bool: 0 }
  const highest = { f32: Number.POSITIVE_INFINITY, i32: 2147483647, u32: 4294967295, bool: 1 }
  return op === 'max' ? lowest[dtype] : highest[dtype]
}
