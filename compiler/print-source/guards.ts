import { i32 } from '../ir/expr.js'
import type { Expr, NodeId } from '../ir/ir.js'
import { type Linear, linearOf, subtract } from '../simplify/linear.js'
import { reductionNode } from './write-expr.js'

/** The conditions that must hold together. */
export const conditionsOf = (e: Expr): readonly Expr[] =>
  e.op === 'and' ? e.args.flatMap(conditionsOf) : [e]

/** What a comparison says to be at least 0. */
const notNegative = (e: Expr): Linear | undefined => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read' || e.args[0]?.dtype !== 'i32') return undefined
  const [a, b] = e.args.map(linearOf)
  const less = (x: Linear): Linear => ({ ...x, offset: x.offset - 1 })
  switch (e.op) {
    case 'ge':
      return subtract(a!, b!)
    case 'gt':
      return less(subtract(a!, b!))
    case 'le':
      return subtract(b!, a!)
    case 'lt':
      return less(subtract(b!, a!))
    default:
      return undefined
  }
}

/** Whether a condition only says that an index is within its own range. */
export const alwaysTrue = (condition: Expr): boolean => {
  const says = notNegative(condition)
  return [...(says?.terms.keys() ?? [])].some(
    e =>
      e.op === 'index' &&
      (equal(says!, linearOf(e)) || equal(says!, subtract(linearOf(i32(e.axis.extent - 1)), linearOf(e)))),
  )
}

const equal = (a: Linear, b: Linear): boolean =>
  a.offset === b.offset &&
  a.terms.size === b.terms.size &&
  [...a.terms].every(([e, c]) => b.terms.get(e) === c)

/** Whether a condition only says that a guarded read among the factors is within its tensor, outside of which it is 0 anyway. */
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
      const at = linearOf(p)
      return equal(says, at) || equal(says, subtract(linearOf(i32(shape[i]! - 1)), at))
    })
  })
}
