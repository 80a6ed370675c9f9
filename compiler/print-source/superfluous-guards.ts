import {
  type Affine,
  affineAxis,
  affineConstant,
  affineDifference,
  affineShift,
  sameAffine,
} from '../affine/affine.js'
import { affineOfAnySize } from '../affine/affine-of.js'
import type { Expr, NodeId } from '../ir/ir.js'
import { reductionNode } from './write-expr.js'

/** The conditions that must hold together. */
export const conditionsOf = (e: Expr): readonly Expr[] =>
  e.op === 'and' ? e.args.flatMap(conditionsOf) : [e]

/** The form that a comparison states to be at least 0. */
const notNegative = (e: Expr): Affine | undefined => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read' || e.args[0]?.dtype !== 'i32') return undefined
  const [a, b] = e.args.map(affineOfAnySize)
  const less = (x: Affine): Affine => affineShift(x, -1)
  switch (e.op) {
    case 'ge':
      return affineDifference(a!, b!)
    case 'gt':
      return less(affineDifference(a!, b!))
    case 'le':
      return affineDifference(b!, a!)
    case 'lt':
      return less(affineDifference(b!, a!))
    default:
      return undefined
  }
}

/** Whether a condition only says that an index is within its own range. */
export const alwaysTrue = (condition: Expr): boolean => {
  const says = notNegative(condition)
  if (says === undefined) return false
  return [...says.terms.values()].some(({ axis }) => {
    const at = affineAxis(axis)
    return sameAffine(says, at) || sameAffine(says, affineDifference(affineConstant(axis.extent - 1), at))
  })
}

/**
 * Whether a condition only says that a guarded read among the factors is within its tensor, outside of
 * which it is 0 anyway.
 */
export const guardedAway = (
  condition: Expr,
  factors: readonly Expr[],
  shapeOf: (id: NodeId) => readonly number[],
): boolean => {
  const says = notNegative(condition)
  if (says === undefined) return false
  return factors.some(f => {
    if (f.op !== 'read' || !f.guarded || f.node === reductionNode) return false
    const shape = shapeOf(f.node)
    return f.at.some((p, i) => {
      const at = affineOfAnySize(p)
      return sameAffine(says, at) || sameAffine(says, affineDifference(affineConstant(shape[i]! - 1), at))
    })
  })
}
