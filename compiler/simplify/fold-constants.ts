import { constant } from '../ir/expr.js'
import { applyPrim } from '../ir/prims.js'
import { type ExprRule, isConst } from './rewrite-rule.js'

/** `f(c₁, …, cₙ) = c`, whatever the value is. */
export const foldConstants: ExprRule = e => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read' || !e.args.every(a => isConst(a)))
    return undefined
  return constant(
    e.dtype,
    applyPrim(
      e,
      e.args.map(a => (isConst(a) ? a.value : 0)),
    ),
  )
}
