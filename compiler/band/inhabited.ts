import {
  type Affine,
  affineAxis,
  affineDifference,
  affineInterval,
  affineScale,
  coefficientOf,
  restDependsOn,
} from '../affine/affine.js'
import type { Bound } from '../affine/bound.js'
import type { Interval } from '../ir/interval.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'
import { equalExtents } from '../ir/open-extent.js'

/** The form without the axis. */
const without = (form: Affine, axis: Axis): Affine =>
  affineDifference(form, affineAxis(axis, coefficientOf(form, axis.id)))

/** Whether a form over other axes is never more than an axis's last position. */
const neverPast = (form: Affine, axis: Axis, interval: (e: Expr) => Interval): boolean => {
  const open = [...form.terms.values()].filter(t => t.coefficient > 0 && t.axis.open !== undefined)
  // An axis that a run makes shorter bounds only what becomes shorter with it.
  const shrinks = open.length === 1 && open[0]!.coefficient === 1 && equalExtents(open[0]!.axis, axis)
  if (axis.open !== undefined && !shrinks) return affineInterval(form, interval).hi <= 0
  return affineInterval(form, interval).hi <= axis.extent - 1
}

/**
 * Whether bounds leave at least one position along an axis, wherever all other axes stand. An axis without
 * positions has none to ask about.
 */
const isInhabitedAlong = (axis: Axis, bounds: readonly Bound[], interval: (e: Expr) => Interval): boolean => {
  const least: Affine[] = []
  const greatest: Affine[] = []
  for (const { form } of bounds) {
    const c = coefficientOf(form, axis.id)
    if (restDependsOn(form, axis.id)) return false
    if (c === 0) return false
    const rest = without(form, axis)
    if (c === 1) least.push(affineScale(rest, -1))
    else if (c === -1) greatest.push(rest)
    else return false
  }
  return (
    greatest.every(g => affineInterval(g, interval).lo >= 0) &&
    least.every(l => neverPast(l, axis, interval)) &&
    least.every(l => greatest.every(g => affineInterval(affineDifference(g, l), interval).lo >= 0))
  )
}

/** Whether bounds leave at least one position in each row, where `rows` are the axes that tell rows apart. */
export const isInhabited = (
  bounds: readonly Bound[],
  rows: ReadonlySet<AxisId>,
  interval: (e: Expr) => Interval,
): boolean => {
  const axes = bounds.flatMap(b => [...b.form.terms.values()].map(t => t.axis)).filter(a => !rows.has(a.id))
  return axes.some(a => isInhabitedAlong(a, bounds, interval))
}
