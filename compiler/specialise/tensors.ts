import type { CoreExpr } from '../core/core.js'
import { constant, i32, identityAt, index, prim, read } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { type Context, evaluate, extent, here } from './evaluate.js'
import { asExpr, readAt, scalar, unexpected, type Value } from './value.js'

/** A guarded read: `otherwise` wherever a position lies outside. */
export const evaluateAt = (c: Context, e: Extract<CoreExpr, { kind: 'at' }>): Value => {
  const target = evaluate(c, e.target)
  const position = e.at.map(i => asExpr(evaluate(c, i)))
  const otherwise = evaluate(c, e.otherwise)
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
  const rest = shape.slice(position.length).map((n, i) => c.m.builder.axis('ijkmn'[i % 5]!, n))
  const at = rest.map(index)
  const body = prim('select', inside, guardedRead(at), asExpr(readAt(otherwise, at)))
  return c.m.comprehension(
    c.scope,
    here(c, e),
    rest.map(a => [a]),
    body,
  )
}

/** A literal tensor, whose items come in row-major order; those that are not constants are chosen by position. */
export const evaluateArray = (c: Context, e: Extract<CoreExpr, { kind: 'array' }>): Value => {
  const items = e.items.map(x => negated(asExpr(evaluate(c, x))))
  const shape = e.type.kind === 'tensor' ? e.type.dims.map(d => extent(c, d)) : [items.length]
  const { dtype } = items[0]!
  const data = items.flatMap(x => (x.op === 'const' ? [x.value] : []))
  if (data.length === items.length) {
    const node = c.m.builder.literal(dtype, shape, data, { label: c.label, span: e.span })
    return { kind: 'tensor', dtype, shape, at: position => read(node, dtype, position) }
  }
  const axes = shape.map((n, i) => c.m.builder.axis('ijkmn'[i % 5]!, n))
  const flat = identityAt([axes])[0]!
  const body = items.reduceRight((rest, v, i) => prim('select', prim('eq', flat, i32(i)), v, rest))
  return c.m.comprehension(
    c.scope,
    here(c, e),
    axes.map(a => [a]),
    body,
  )
}

const negated = (e: Expr): Expr => {
  const x = e.op === 'neg' ? e.args[0]! : undefined
  return x?.op === 'const' ? constant(e.dtype, -x.value) : e
}
