import { constant, i32, index, prim } from '../ir/expr.js'
import type { AxisId, Expr } from '../ir/ir.js'
import { type Affine, affinePart, affineScale } from './affine.js'

/**
 * An address as an expression: a sum of products. Axes come in the order of `rank` after all else, so that
 * the sums of the axes that change slowest stand innermost and can be computed outside of loops.
 */
export const affineExpr = (a: Affine, rank: readonly AxisId[] = []): Expr => {
  const place = new Map(rank.map((id, i) => [id, i]))
  const terms = [...a.terms.values()].sort(
    (x, y) => (place.get(x.axis.id) ?? -1) - (place.get(y.axis.id) ?? -1) || x.axis.id - y.axis.id,
  )
  const scaled = (e: Expr, c: number): Expr => (c === 1 ? e : prim('mul', e, constant('i32', c)))
  const parts = [
    ...terms.filter(t => !place.has(t.axis.id)).map(t => scaled(index(t.axis), t.coefficient)),
    ...[...a.rest].map(([e, c]) => scaled(e, c)),
    ...(a.constant === 0 ? [] : [constant('i32', a.constant)]),
    ...terms.filter(t => place.has(t.axis.id)).map(t => scaled(index(t.axis), t.coefficient)),
  ]
  return parts.length === 0 ? constant('i32', 0) : parts.reduce((sum, p) => prim('add', sum, p))
}

/**
 * A form as people write it: summands in the order of mention, those that are subtracted after those that
 * are added, the constant last. With it the simplifier keeps the order of the program, and negates as
 * little as possible.
 */
export const orderedExpr = (a: Affine): Expr => {
  const sorted = [...a.summands.values()].sort(
    (x, y) => Number(x.coefficient < 0) - Number(y.coefficient < 0),
  )
  let sum: Expr | undefined
  for (const { atom, coefficient: c } of sorted) {
    const size = Math.abs(c)
    const term = size === 1 ? atom : prim('mul', atom, i32(size))
    if (sum === undefined) sum = c < 0 ? prim('neg', term) : term
    else sum = prim(c < 0 ? 'sub' : 'add', sum, term)
  }
  if (sum === undefined) return i32(a.constant)
  return a.constant === 0 ? sum : prim(a.constant < 0 ? 'sub' : 'add', sum, i32(Math.abs(a.constant)))
}

/**
 * The summands that are added, and those that are subtracted with their signs turned: `form - constant` as
 * a difference.
 */
export const affineSides = (a: Affine): { readonly added: Affine; readonly subtracted: Affine } => {
  const negative = affinePart(a, s => s.coefficient < 0)
  return { added: affinePart(a, s => s.coefficient > 0), subtracted: affineScale(negative, -1) }
}
