import type { CoreExpr } from '../core/core.js'
import { constant, i32, identityAt, index, prim, read } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { type EvalContext, evaluateCore, extent, here } from './eval-context.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import { readAt } from './read-value.js'
import { asExpr, type CoreValue, scalar, unexpected } from './value.js'

/** A guarded read: `otherwise` wherever a position lies outside. */
export const evaluateAt = (c: EvalContext, e: Extract<CoreExpr, { kind: 'at' }>): CoreValue => {
  const target = evaluateCore(c, e.target)
  const position = e.at.map(i => asExpr(evaluateCore(c, i)))
  const otherwise = evaluateCore(c, e.otherwise)
  const shape =
    target.kind === 'tensor' || target.kind === 'array' ? target.shape : unexpected('tensor', target)
  const inside = position
    .map((p, i) => prim('and', prim('ge', p, i32(0)), prim('lt', p, i32(shape[i]!))))
    .reduce((a, b) => prim('and', a, b))
  const guardedRead = (more: readonly Expr[]): Expr => {
    const got = asExpr(readAt(target, [...position, ...more]))
    return got.op === 'read' ? read(got.node, got.dtype, got.at, true) : got
  }
  if (position.length === shape.length)
    return scalar(prim('select', inside, guardedRead([]), asExpr(otherwise)))
  const rest = tensorAxes(c.m.builder, shape.slice(position.length))
  const at = rest.map(index)
  const body = prim('select', inside, guardedRead(at), asExpr(readAt(otherwise, at)))
  return c.m.comprehension(c.scope, here(c, e), dimensionsOf(rest), body)
}

/**
 * A literal tensor, whose items come in row-major order; those that are not constants are chosen by
 * position.
 */
export const evaluateArray = (c: EvalContext, e: Extract<CoreExpr, { kind: 'array' }>): CoreValue => {
  const items = e.items.map(x => negated(asExpr(evaluateCore(c, x))))
  const shape = e.type.kind === 'tensor' ? e.type.dims.map(d => extent(c, d)) : [items.length]
  const { dtype } = items[0]!
  const data = items.flatMap(x => (x.op === 'const' ? [x.value] : []))
  if (data.length === items.length) {
    const node = c.m.builder.literal(dtype, shape, data, { label: c.label, span: e.span })
    return { kind: 'tensor', dtype, shape, at: position => read(node, dtype, position) }
  }
  const axes = tensorAxes(c.m.builder, shape)
  const flat = identityAt([axes])[0]!
  const body = items.reduceRight((rest, v, i) => prim('select', prim('eq', flat, i32(i)), v, rest))
  return c.m.comprehension(c.scope, here(c, e), dimensionsOf(axes), body)
}

const negated = (e: Expr): Expr => {
  const x = e.op === 'neg' ? e.args[0]! : undefined
  return x?.op === 'const' ? constant(e.dtype, -x.value) : e
}
