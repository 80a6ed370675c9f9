import type { CoreExpr } from '../core/core.js'
import { constant, i32, index, prim, read } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import type { DType } from '../types/type.js'
import { type Context, evaluate, here } from './evaluate.js'
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

/** A literal tensor; elements that are not constants are chosen by position. */
export const evaluateArray = (c: Context, e: Extract<CoreExpr, { kind: 'array' }>): Value => {
  const items = e.items.map(x => evaluate(c, x))
  const flat = flatten(items)
  if (flat !== undefined) {
    const node = c.m.builder.literal(flat.dtype, flat.shape, flat.data, { label: c.label, span: e.span })
    return {
      kind: 'tensor',
      dtype: flat.dtype,
      shape: flat.shape,
      at: position => read(node, flat.dtype, position),
    }
  }
  const axis = c.m.builder.axis('i', items.length)
  const pick = (values: readonly Expr[]): Expr =>
    values.reduceRight((rest, v, i) => prim('select', prim('eq', index(axis), i32(i)), v, rest))
  const first = items[0]!
  const rest = first.kind === 'tensor' ? first.shape.map((n, i) => c.m.builder.axis('jkmn'[i % 4]!, n)) : []
  const body = pick(items.map(v => (v.kind === 'tensor' ? v.at(rest.map(index)) : asExpr(v))))
  return c.m.comprehension(c.scope, here(c, e), [[axis], ...rest.map(a => [a])], body)
}

const flatten = (
  items: readonly Value[],
):
  | { readonly dtype: DType; readonly shape: readonly number[]; readonly data: readonly number[] }
  | undefined => {
  const exprs = items.map(v => (v.kind === 'scalar' ? negated(v.expr) : undefined))
  const data = exprs.map(e => (e?.op === 'const' ? e.value : undefined))
  if (items.length === 0 || data.some(x => x === undefined)) return undefined
  return { dtype: exprs[0]!.dtype, shape: [items.length], data: data as number[] }
}

const negated = (e: Expr): Expr => {
  const x = e.op === 'neg' ? e.args[0]! : undefined
  return x?.op === 'const' ? constant(e.dtype, -x.value) : e
}
