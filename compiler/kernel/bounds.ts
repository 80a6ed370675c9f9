import {
  type Affine,
  affineAxis,
  affineDifference,
  affineScale,
  affineShift,
  coefficientOf,
  restDependsOn,
} from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineAdd, affineOf } from '../affine/affine-of.js'
import { type Bound, boundOf, conjunctsOf } from '../affine/bound.js'
import { axesOf, i32, prim } from '../ir/expr.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'
import { extentValue } from './size-values.js'

/** The first and the last position of an axis that a thread or a workgroup computes. */
export interface AxisRange {
  readonly first: Expr
  readonly last: Expr
}

/**
 * The spans of axes that have more than one position at once. All other axes have one, or are looped over.
 */
export type Spans = ReadonlyMap<AxisId, AxisRange>

/** The positions of a loop that can count: from `first` up to, and without, `end`. Absent for no limit. */
export interface LoopLimits {
  readonly first?: Expr
  readonly end?: Expr
}

const isMoving = (e: Expr, spans: Spans, loops: readonly Axis[]): boolean =>
  [...axesOf(e).keys()].some(id => spans.has(id) || loops.some(a => a.id === id))

/**
 * The greatest value of a form in the spans, where the axes of `loops` run through all their positions;
 * undefined where data that moves with them decides it.
 */
const greatest = (form: Affine, spans: Spans, loops: readonly Axis[]): Affine | undefined => {
  if ([...form.rest.keys()].some(atom => isMoving(atom, spans, loops))) return undefined
  return [...form.terms.values()].reduce((sum, { axis, coefficient }) => {
    const up = coefficient > 0
    const span = spans.get(axis.id)
    const loop = loops.some(a => a.id === axis.id)
    if (span === undefined && !loop) return sum
    const last = span?.last ?? prim('sub', extentValue(axis), i32(1))
    const at = affineOf(up ? last : (span?.first ?? i32(0)))
    const step = affineDifference(at, affineAxis(axis))
    return affineAdd(sum, affineScale(step, coefficient))
  }, form)
}

/** The conditions of a band that are bounds. */
const boundsIn = (band: readonly Expr[]): readonly Bound[] =>
  band.flatMap(conjunctsOf).flatMap(c => boundOf(c) ?? [])

/**
 * The limits of a loop over an axis, for all positions of the spans together. `loops` are loops inside it,
 * and those whose positions are not known where the limits are computed. Both limits lie from 0 to the
 * axis's extent, and `first` is at most `end`.
 */
export const loopLimits = (
  axis: Axis,
  band: readonly Expr[],
  spans: Spans,
  loops: readonly Axis[],
): LoopLimits => {
  const extent = extentValue(axis)
  let first: Expr | undefined
  let end: Expr | undefined
  for (const { form: bound, unless } of boundsIn(band)) {
    const c = coefficientOf(bound, axis.id)
    if (Math.abs(c) !== 1 || (unless && isMoving(unless, spans, [axis, ...loops]))) continue
    const rest = affineDifference(bound, affineAxis(axis, c))
    const form = greatest(rest, spans, loops)
    if (form === undefined || restDependsOn(rest, axis.id)) continue
    const except = (limit: Expr, none: Expr): Expr => (unless ? prim('select', unless, none, limit) : limit)
    if (c === 1) {
      const limit = except(affineExpr(affineScale(form, -1)), i32(0))
      first = prim('max', first ?? i32(0), limit)
    } else {
      const limit = except(affineExpr(affineShift(form, 1)), extent)
      end = prim('min', end ?? extent, limit)
    }
  }
  const start = first && prim('min', first, extent)
  const stop = end && prim('max', end, start ?? i32(0))
  return { ...(start ? { first: start } : {}), ...(stop ? { end: stop } : {}) }
}

/**
 * The condition under which no position of the spans is inside a band; undefined where it never can be told.
 */
export const isOutside = (band: readonly Expr[], spans: Spans): Expr | undefined => {
  const tests = boundsIn(band).flatMap(({ form, unless }) => {
    const most = greatest(form, spans, [])
    if (most === undefined || (unless && isMoving(unless, spans, []))) return []
    const test = prim('lt', affineExpr(most), i32(0))
    return [unless ? prim('and', test, prim('not', unless)) : test]
  })
  return tests.length === 0 ? undefined : tests.reduce((a, b) => prim('or', a, b))
}
