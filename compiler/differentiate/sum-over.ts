import { axesOf, f32, i32, index, read, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr, Origin, Region } from '../ir/ir.js'
import { decideConditions } from './decide-conditions.js'
import { innermostRegion, type ReverseState } from './reverse-state.js'
import { scaleCotangent } from './scalar-adjoints.js'

export interface AxisSum {
  /** The regions it is done in. */
  readonly path: readonly Region[]
  readonly value: Expr
  /** The axes of the sum. */
  readonly axes: readonly Axis[]
  /** Axes that stay and make a dimension together. */
  readonly groups: readonly (readonly Axis[])[]
  readonly origin: Origin
  /** Wants a node even where nothing is summed. */
  readonly store?: boolean
}

export interface AxisSumResult {
  readonly value: Expr
  /** For each group the one axis that stands for it in `value` from here on, if there is one. */
  readonly flat: readonly (Axis | undefined)[]
}

/**
 * Σ over axes of a value: a node over those of the other axes that the value depends on, or no node where
 * there is nothing to add up.
 */
export const sumOverAxes = (
  reverse: ReverseState,
  { path, value, axes, groups, origin, store }: AxisSum,
): AxisSumResult => {
  const { builder } = reverse
  const single = axes.filter(a => a.extent === 1)
  const one = substituteAxes(value, new Map(single.map(a => [a.id, i32(0)])))
  const occurring = axesOf(one)
  const many = axes.filter(a => a.extent !== 1)
  const summed = many.filter(a => occurring.has(a.id))
  const copies = many.filter(a => !occurring.has(a.id)).reduce((n, a) => n * a.extent, 1)
  const body = decideConditions(builder, scaleCotangent(one, f32(copies)))
  if (summed.length === 0 && !store) return { value: body, flat: groups.map(() => undefined) }

  const flat = groups.map(g =>
    g.length === 0 || !g.every(a => occurring.has(a.id))
      ? undefined
      : g.length === 1
        ? g[0]
        : builder.axis(
            g.map(a => a.name).join(''),
            g.reduce((n, a) => n * a.extent, 1),
          ),
  )
  const whole = groups.flatMap((g, i) => {
    const axis = flat[i]
    return axis === undefined ? [] : [{ dim: g, axis }]
  })
  const placed = new Set([...path.map(r => r.axis), ...summed, ...whole.flatMap(w => w.dim)].map(a => a.id))
  const others = [...occurring.values()].filter(a => !placed.has(a.id)).map(axis => ({ dim: [axis], axis }))
  const kept = [...whole, ...others]
  const id = builder.compute({
    dtype: 'f32',
    dims: [...path.map(r => [r.axis]), ...kept.map(k => k.dim)],
    ...(summed.length === 0 ? {} : { reduce: { op: 'sum', axes: summed } }),
    body,
    ...innermostRegion(path),
    origin,
  })
  return { value: read(id, 'f32', [...path.map(r => r.axis), ...kept.map(k => k.axis)].map(index)), flat }
}
