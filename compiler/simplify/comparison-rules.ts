import { type Affine, affineDifference, affineInterval, affineShift, affineSplit } from '../affine/affine.js'
import { affineSides, orderedExpr } from '../affine/affine-expr.js'
import { affineOfAnySize, neverOverflows } from '../affine/affine-of.js'
import { axesOf, i32, prim, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { all, bool, type ExprRule, isConst } from './rewrite-rule.js'

type Comparison = 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne'

const mirrored: Readonly<Record<Comparison, Comparison>> = {
  lt: 'gt',
  le: 'ge',
  gt: 'lt',
  ge: 'le',
  eq: 'eq',
  ne: 'ne',
}

const holds: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
}

const comparisonOf = (
  e: Expr,
): { readonly op: Comparison; readonly x: Expr; readonly y: Expr } | undefined =>
  e.op === 'lt' || e.op === 'le' || e.op === 'gt' || e.op === 'ge' || e.op === 'eq' || e.op === 'ne'
    ? { op: e.op, x: e.args[0]!, y: e.args[1]! }
    : undefined

/** `form op 0`, with all that is subtracted on the other side. */
const againstZero = (op: Comparison, form: Affine): Expr => {
  const { added, subtracted } = affineSides(form)
  if (added.summands.size === 0) return prim(mirrored[op], orderedExpr(subtracted), i32(form.constant))
  if (subtracted.summands.size === 0) return prim(op, orderedExpr(added), i32(-form.constant))
  return prim(op, orderedExpr(affineShift(added, form.constant)), orderedExpr(subtracted))
}

/** `c < x = x > c`: constants stand on the right. */
export const mirrorComparison: ExprRule = e => {
  const comparison = comparisonOf(e)
  if (comparison === undefined) return undefined
  const { op, x, y } = comparison
  return isConst(x) && !isConst(y) ? prim(mirrored[op], y, x) : undefined
}

/** `x < y` by the interval of `x - y`, in which what both have in common is gone. */
export const compareDifference: ExprRule = (e, { interval }) => {
  const comparison = comparisonOf(e)
  if (comparison === undefined) return undefined
  const { op, x, y } = comparison
  if (x.dtype !== 'i32' || !neverOverflows(x, interval) || !neverOverflows(y, interval)) return undefined
  const { lo, hi } = affineInterval(affineDifference(affineOfAnySize(x), affineOfAnySize(y)), interval)
  if (op === 'eq' || op === 'ne') {
    if (lo > 0 || hi < 0) return bool(op === 'ne')
    return lo === 0 && hi === 0 ? bool(op === 'eq') : undefined
  }
  const always = holds[op](lo, 0) && holds[op](hi, 0)
  const never = !holds[op](lo, 0) && !holds[op](hi, 0)
  return always ? bool(true) : never ? bool(false) : undefined
}

/**
 * `q·n + r >= 0` is `q >= 0` where `0 <= r < n`, and `q·n + r == 0` is `q == 0 and r == 0` where `-n < r <
 * n`.
 */
export const compareRadix: ExprRule = (e, { interval }) => {
  const comparison = comparisonOf(e)
  if (comparison === undefined) return undefined
  const { op, x, y } = comparison
  if (x.dtype !== 'i32' || !neverOverflows(x, interval) || !neverOverflows(y, interval)) return undefined
  const difference = affineDifference(affineOfAnySize(x), affineOfAnySize(y))
  const sizes = [...new Set([...difference.summands.values()].map(s => Math.abs(s.coefficient)))]
    .filter(n => n > 1)
    .sort((a, b) => b - a)
  // d > 0 is d - 1 >= 0, and d <= 0 is d - 1 < 0.
  const form = op === 'gt' || op === 'le' ? affineShift(difference, -1) : difference
  for (const n of sizes) {
    const { quotient, rest } = affineSplit(form, n)
    const { lo, hi } = affineInterval(rest, interval)
    if (op === 'eq' || op === 'ne') {
      // The rest's offset may be taken from 0 upwards or from 0 downwards.
      const shift = lo > -n && hi < n ? 0 : lo > 0 && hi < 2 * n ? 1 : undefined
      if (shift === undefined) continue
      const q = affineShift(quotient, shift)
      const r = affineShift(rest, -shift * n)
      const both = all([
        againstZero('eq', q),
        ...(r.summands.size === 0 && r.constant === 0 ? [] : [againstZero('eq', r)]),
      ])
      return op === 'eq' ? both : prim('not', both)
    }
    if (lo < 0 || hi >= n) continue
    return againstZero(op === 'ge' || op === 'gt' ? 'ge' : 'lt', quotient)
  }
  return undefined
}

/** A comparison that holds for one value of an axis only says that the axis is that value. */
export const singleValue: ExprRule = (e, { interval }) => {
  const comparison = comparisonOf(e)
  if (comparison === undefined) return undefined
  const { op, x, y } = comparison
  if (op === 'eq' || x.op !== 'index' || !isConst(y)) return undefined
  const last = interval(x).hi
  if (last < 1) return undefined
  const admits = (v: number): boolean => holds[op](v, y.value)
  // The values that an inequality admits begin at one end.
  const only = (v: number, neighbour: number): boolean => admits(v) && !admits(neighbour) && !admits(last - v)
  for (const [v, neighbour] of [
    [0, 1],
    [last, last - 1],
  ] as const)
    if (only(v, neighbour)) return prim('eq', x, i32(v))
  return undefined
}

const put = (e: Expr, axis: Axis, value: number): Expr =>
  axesOf(e).has(axis.id) ? substituteAxes(e, new Map([[axis.id, i32(value)]])) : e

/**
 * `if i == v then a(i) else b(i) = if i == v then a(v) else b(i)`; with two values for i, b is settled too.
 */
export const settleBranches: ExprRule = (e, facts) => {
  if (e.op !== 'select') return undefined
  const [c, a, b] = e.args as [Expr, Expr, Expr]
  if (c.op !== 'eq' || c.args[0]!.op !== 'index' || !isConst(c.args[1]!)) return undefined
  const { axis } = c.args[0]!
  if (facts.sequential.has(axis.id)) return undefined
  const { value } = c.args[1]!
  const yes = put(a, axis, value)
  const no = facts.interval(c.args[0]!).hi === 1 ? put(b, axis, 1 - value) : b
  return yes === a && no === b ? undefined : prim('select', c, yes, no)
}
