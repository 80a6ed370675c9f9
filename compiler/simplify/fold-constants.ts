import { constant } from '../ir/expr.js'
import { applyPrim } from '../ir/prims.js'
import { type ExprRule, isConst } from './rule.js'

/** `f(c₁, …, cₙ) = c`, where the value is finite or `-∞` itself (WGSL has no literals for what overflows). */
export const foldConstants: ExprRule = e => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read' || !e.args.every(a => isConst(a)))
    return undefined
  const value = applyPrim(
    e,
    e.args.map(a => (isConst(a) ? a.value : 0)),
  )
  return Number.isFinite(value) || (e.op === 'neg' && !Number.isNaN(value))
    ? constant(e.dtype, value)
    : undefined
}
