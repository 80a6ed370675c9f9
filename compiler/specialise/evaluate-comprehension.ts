import type { CoreBinder, CoreExpr, VarId } from '../core/core.js'
import { cast, i32, index, prim } from '../ir/expr.js'
import type { Axis, Expr, ReduceOp } from '../ir/ir.js'
import { abstract } from './abstract.js'
import { bindAll, type EvalContext, evaluateCore, extent, here, sizeOperand } from './eval-context.js'
import { within } from './scope.js'
import { asExpr, type CoreValue, scalar } from './value.js'

/** The axes of binders, one group for each dimension, and a context in which their variables are indices. */
const bindBinders = (
  c: EvalContext,
  binders: readonly CoreBinder[],
): { readonly context: EvalContext; readonly groups: readonly (readonly Axis[])[] } => {
  const bound: [VarId, CoreValue][] = []
  const axesOfBinder = (b: CoreBinder): readonly Axis[] => {
    if (b.kind === 'product') return b.parts.flatMap(axesOfBinder)
    const axis = c.m.builder.axis(b.name, extent(c, b.bound))
    bound.push([b.id, scalar(index(axis))])
    return [axis]
  }
  const groups = binders.map(axesOfBinder)
  return { context: { ...bindAll(c, bound), scope: within(c.scope, groups.flat()) }, groups }
}

/** `for i, j -> body`. */
export const evaluateFor = (c: EvalContext, e: Extract<CoreExpr, { kind: 'for' }>): CoreValue => {
  const b = bindBinders(c, e.binders)
  const body = evaluateCore(b.context, e.body)
  return body.kind === 'scalar'
    ? c.m.comprehension(c.scope, here(c, e), b.groups, body.expr)
    : abstract(body, b.groups)
}

/** `sum i -> body` and the other reductions. */
export const evaluateReduce = (c: EvalContext, e: Extract<CoreExpr, { kind: 'reduce' }>): CoreValue => {
  const b = bindBinders(c, e.binders)
  const body = asExpr(evaluateCore(b.context, e.body))
  const axes = b.groups.flat()
  // An argmax over no indices has no result. 0 stands for it: a read at this index is of a tensor without
  // elements.
  if (e.type.kind === 'idx' && axes.some(a => a.extent === 0)) return scalar(i32(0))
  const reduceBy = (op: ReduceOp, x: Expr): Expr =>
    asExpr(c.m.reduce({ scope: c.scope, here: here(c, e), op, axes, body: x }))
  switch (e.op) {
    case 'mean': {
      const terms = axes.reduce((n, a) => n * a.extent, 1)
      return scalar(prim('div', reduceBy('sum', body), sizeOperand(c, 'f32', terms)))
    }
    case 'any':
      // The maximum of no values is the least i32, and `any` of no values is false.
      return scalar(prim('gt', reduceBy('max', cast('i32', body)), i32(0)))
    case 'all':
      return scalar(prim('ne', reduceBy('min', cast('i32', body)), i32(0)))
    default:
      return scalar(reduceBy(e.op, body))
  }
}
