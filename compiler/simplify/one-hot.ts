import { affineDifference, affinePart, affineSplit, coefficientOf, type Summand } from '../affine/affine.js'
import { orderedExpr } from '../affine/affine-expr.js'
import { affineOfAnySize, neverOverflows } from '../affine/affine-of.js'
import { exactQuotient, solveFor } from '../affine/solve.js'
import { axesOf, constant, i32, prim, rewrite, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { all, type Facts, inRange, isValue, type NodeRule } from './rewrite-rule.js'

/** An expression that is `value` where all conditions hold and 0 elsewhere. */
interface Masked {
  readonly conditions: readonly Expr[]
  readonly value: Expr
}

const conjuncts = (e: Expr): readonly Expr[] => (e.op === 'and' ? e.args.flatMap(conjuncts) : [e])

/** The negated condition. Where an axis has two values, `i == 0` becomes `i == 1`. */
const complement = (c: Expr, facts: Facts): readonly Expr[] => {
  const [x, v] = c.op === 'eq' ? c.args : []
  if (x?.op === 'index' && facts.interval(x).hi === 1 && (isValue(v!, 0) || isValue(v!, 1)))
    return [prim('eq', x, prim('sub', i32(1), v!))]
  return [prim('not', c)]
}

const masked = (e: Expr, facts: Facts): Masked => {
  if (e.op === 'select' && isValue(e.args[2]!, 0)) {
    const inner = masked(e.args[1]!, facts)
    return { conditions: [...conjuncts(e.args[0]!), ...inner.conditions], value: inner.value }
  }
  if (e.op === 'select' && isValue(e.args[1]!, 0)) {
    const inner = masked(e.args[2]!, facts)
    return { conditions: [...complement(e.args[0]!, facts), ...inner.conditions], value: inner.value }
  }
  if (e.op === 'neg') {
    const a = masked(e.args[0]!, facts)
    return { conditions: a.conditions, value: prim('neg', a.value) }
  }
  return { conditions: [], value: e }
}

/** The value an axis must have for a condition to hold, and what else must hold then. */
interface AxisValue {
  readonly axis: Axis
  readonly value: Expr
  readonly conditions: readonly Expr[]
}

/**
 * Solves `c·i + Σ others = e`, others being multiples of c·extent(i) in further axes of the sum, for i:
 * with c = 1 and no others it is `i = e`; with others, `i = e mod extent` and `others / extent = e /
 * extent`.
 */
const solveCondition = (condition: Expr, axes: readonly Axis[], facts: Facts): AxisValue | undefined => {
  if (condition.op !== 'eq') return undefined
  const [left, right] = condition.args as [Expr, Expr]
  if (left.dtype !== 'i32' || !neverOverflows(left, facts.interval) || !neverOverflows(right, facts.interval))
    return undefined
  const form = affineDifference(affineOfAnySize(left), affineOfAnySize(right))
  // The axis that runs fastest first, so that the others are multiples of its extent.
  const candidates = axes
    .map(axis => ({ axis, c: coefficientOf(form, axis.id) }))
    .filter(({ c }) => c !== 0)
    .sort((a, b) => Math.abs(a.c) - Math.abs(b.c))
  for (const { axis, c } of candidates) {
    const step = c * axis.extent
    const isHigher = ({ atom, coefficient: d }: Summand): boolean =>
      atom.op === 'index' &&
      atom.axis.id !== axis.id &&
      axes.some(a => a.id === atom.axis.id) &&
      d % step === 0 &&
      d / step > 0
    const higher = affinePart(form, isHigher)
    const equation = solveFor(affineDifference(form, higher), axis)
    if (equation === undefined) continue
    const { size } = equation
    const target = orderedExpr(equation.numerator)
    if (!neverOverflows(target, facts.interval)) continue
    if (higher.summands.size === 0) {
      const { value, conditions } = exactQuotient(target, size)
      return { axis, value, conditions: [...conditions, ...inRange(value, axis.extent, facts)] }
    }
    if (size !== 1 || axis.extent === 0) continue
    const { quotient } = affineSplit(higher, step)
    return {
      axis,
      value: prim('mod', target, i32(axis.extent)),
      conditions: [prim('eq', orderedExpr(quotient), prim('idiv', target, i32(axis.extent)))],
    }
  }
  return undefined
}

/**
 * Reads that depend on the axis may go outside when it is replaced by a value that is not known to be in
 * range.
 */
const guardReads = (e: Expr, axis: Axis): Expr =>
  rewrite(e, x => (x.op === 'read' && x.at.some(p => axesOf(p).has(axis.id)) ? { ...x, guarded: true } : x))

/**
 * `Σᵢ if i == e then a(i) else 0 = if 0 <= e < n then a(e) else 0`, where e does not depend on i; also for
 * `c·i` and mixed radices.
 */
export const oneHot: NodeRule = (node, facts) => {
  if (node.reduce?.op !== 'sum') return undefined
  const { axes } = node.reduce
  const { conditions, value } = masked(node.body, facts)
  for (const [at, condition] of conditions.entries()) {
    const found = solveCondition(condition, axes, facts)
    if (found === undefined) continue
    const { axis } = found
    const others = conditions.filter((_, i) => i !== at)
    const to = new Map([[axis.id, found.value]])
    const safe = found.conditions.length === 0
    const put = (e: Expr): Expr => substituteAxes(safe ? e : guardReads(e, axis), to)
    const wanted = [...found.conditions, ...others.map(put)]
    const body =
      wanted.length === 0 ? put(value) : prim('select', all(wanted), put(value), constant(node.dtype, 0))
    const { reduce, ...rest } = node
    const left = axes.filter(a => a.id !== axis.id)
    return left.length === 0 ? { ...rest, body } : { ...rest, body, reduce: { op: reduce.op, axes: left } }
  }
  return undefined
}
