import { f32, postorder, prim, type ReadExpr } from '../ir/expr.js'
import { deepInterner } from '../ir/intern.js'
import type { Expr, NodeId } from '../ir/ir.js'
import { prims } from '../ir/prims.js'

/**
 * The derivative by one read: `value` is the cotangent of the whole expression times the partial
 * derivative.
 */
export interface Adjoint {
  readonly read: ReadExpr
  readonly value: Expr
}

export const zero = f32(0)
export const one = f32(1)

export const isNumber = (e: Expr, value: number): boolean => e.op === 'const' && e.value === value

/** Arguments through which a derivative flows, each with its partial derivative. */
const partials = (e: Expr, result = e): readonly (readonly [argument: Expr, partial: Expr])[] => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read' || e.dtype !== 'f32') return []
  const by = prims[e.op].derivative?.(e.args, result) ?? []
  return e.args.flatMap((a, i) => {
    const partial = by[i]
    return partial !== undefined && a.dtype === 'f32' && !isNumber(partial, 0) ? [[a, partial] as const] : []
  })
}

/**
 * The nodes whose values an expression depends on differentiably: not through positions, conditions or
 * `stop`.
 */
export const differentiableReads = (body: Expr): ReadonlySet<NodeId> => {
  const nodes = new Set<NodeId>()
  const seen = new Set<Expr>()
  const go = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === 'read' && e.dtype === 'f32') nodes.add(e.node)
    for (const [a] of partials(e)) go(a)
  }
  go(body)
  return nodes
}

/**
 * A cotangent times a partial derivative. Conditions stay outermost: of a branch not taken the partial
 * derivative may be infinite, and 0 · ∞ is not 0.
 */
export const scaleCotangent = (cotangent: Expr, partial: Expr): Expr => {
  if (isNumber(cotangent, 0) || isNumber(partial, 0)) return zero
  if (isNumber(partial, 1)) return cotangent
  if (isNumber(cotangent, 1)) return partial
  if (isNumber(partial, -1)) return prim('neg', cotangent)
  if (cotangent.op === 'select') {
    const [condition, yes, no] = cotangent.args as [Expr, Expr, Expr]
    if (isNumber(no, 0)) return prim('select', condition, scaleCotangent(yes, partial), zero)
    if (isNumber(yes, 0)) return prim('select', condition, zero, scaleCotangent(no, partial))
  }
  if (partial.op === 'select') {
    const [condition, yes, no] = partial.args as [Expr, Expr, Expr]
    if (isNumber(no, 0)) return prim('select', condition, scaleCotangent(cotangent, yes), zero)
    if (isNumber(yes, 0)) return prim('select', condition, zero, scaleCotangent(cotangent, no))
  }
  if (partial.op === 'neg') return prim('neg', scaleCotangent(cotangent, partial.args[0]!))
  if (partial.op === 'div' && isNumber(partial.args[0]!, 1)) return prim('div', cotangent, partial.args[1]!)
  return prim('mul', cotangent, partial)
}

export const addCotangents = (a: Expr | undefined, b: Expr): Expr =>
  a === undefined || isNumber(a, 0) ? b : isNumber(b, 0) ? a : prim('add', a, b)

/** `value` where all the conditions hold, 0 elsewhere. */
export const maskedBy = (conditions: readonly Expr[], value: Expr): Expr =>
  conditions.length === 0
    ? value
    : prim(
        'select',
        conditions.reduce((a, b) => prim('and', a, b)),
        value,
        zero,
      )

/**
 * Reverse mode over a scalar expression: ē = Σ over users u of e: ū · ∂u/∂e, one adjoint for each distinct
 * sub-expression. Reads of the same position count as one. `result` is a cheaper way to write the whole
 * expression, if there is one.
 */
export const adjoints = (
  body: Expr,
  cotangent: Expr,
  wanted: (node: NodeId) => boolean,
  result?: Expr,
): readonly Adjoint[] => {
  const root = deepInterner()(body)
  const order = postorder(root)
  const relevant = new Set<Expr>()
  for (const e of order)
    if (e.op === 'read' ? e.dtype === 'f32' && wanted(e.node) : partials(e).some(([a]) => relevant.has(a)))
      relevant.add(e)
  const bar = new Map<Expr, Expr>([[root, cotangent]])
  const found: Adjoint[] = []
  for (const e of [...order].reverse()) {
    const value = bar.get(e)
    if (value === undefined || !relevant.has(e)) continue
    if (e.op === 'read') found.push({ read: e, value })
    else
      for (const [a, partial] of partials(e, e === root ? result : e))
        if (relevant.has(a)) bar.set(a, addCotangents(bar.get(a), scaleCotangent(value, partial)))
  }
  return found.filter(a => !isNumber(a.value, 0)).reverse()
}
