import { axesOf, index, substituteAxes } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, AxisId, Expr, NodeId, Region } from '../ir/ir.js'
import { decideConditions } from './decide-conditions.js'
import { invertPositions, plainPositions, replaceAxes } from './invert-positions.js'
import { axisFor, cotangentOrigin, type ReverseState, regionsOf, reversedRegions } from './reverse-state.js'
import { isNumber, maskedBy } from './scalar-adjoints.js'
import { sumOverAxes } from './sum-over.js'

/**
 * M̄[j] += Σ {a : f(a) = j} value(a), for a read M[f(a)] by something in the regions `path` with own axes
 * a.
 */
export interface Contribution {
  readonly path: readonly Region[]
  readonly axes: readonly Axis[]
  /** Over the axes and those of the reversed regions, as are the positions. */
  readonly value: Expr
  readonly to: NodeId
  readonly at: readonly Expr[]
}

/**
 * Adds a contribution to the terms of its node, in two steps: a sum over the axes that f drops, in the
 * reversed regions of the reader; then, in the regions that it shares with the node, a sum over what
 * inverting f leaves to be searched.
 */
export const contribute = (reverse: ReverseState, contribution: Contribution): void => {
  const target = reverse.builder.node(contribution.to)
  const targetPath = regionsOf(reverse, target)
  const inside = contribution.path.filter((r, i) => targetPath[i]?.id === r.id).length
  const outer = reversedRegions(reverse, contribution.path).slice(0, inside)
  const extents = shapeOf(target).slice(inside)
  const origin = cotangentOrigin(target)

  const { value, positions, axes } = withoutDropped(reverse, contribution, inside, extents)
  const { dims, of, conditions, free } = invertPositions(positions, extents, axes, i =>
    axisFor(reverse, target, inside + i, extents[i]!),
  )
  const open = conditions.map(c => decideConditions(reverse.builder, c)).filter(c => !isNumber(c, 1))
  const searching = open.filter(c => mentions(c, free))
  const deciding = open.filter(c => !mentions(c, free))
  const found = sumOverAxes(reverse, {
    path: outer,
    value: maskedBy(searching, replaceAxes(value, of)),
    axes: free,
    groups: dims.map(d => (d.length > 1 && deciding.some(c => mentions(c, d)) ? [] : d)),
    origin,
  })
  const terms = reverse.terms.get(contribution.to) ?? []
  reverse.terms.set(contribution.to, terms)
  terms.push({
    inside,
    dims: [...outer.map(r => [r.axis]), ...dims.map((d, i) => asGroup(found.flat[i]) ?? d)],
    value: maskedBy(deciding, found.value),
  })
}

interface Step {
  readonly value: Expr
  readonly positions: readonly Expr[]
  readonly axes: readonly Axis[]
}

/**
 * The contribution after the sum over the axes in none of its positions, and outside of the regions it
 * leaves.
 */
const withoutDropped = (
  reverse: ReverseState,
  { path, axes, value, to, at }: Contribution,
  inside: number,
  extents: readonly number[],
): Step => {
  const positions = at.slice(inside)
  const used = axesOf(...positions)
  const inner = reversedRegions(reverse, path)
  const groups = plainPositions(positions, extents, axes).map((p, i) =>
    p === undefined || positions.some((other, k) => k !== i && mentions(other, p)) ? [] : p,
  )
  const summed = sumOverAxes(reverse, {
    path: inner,
    value,
    axes: axes.filter(a => !used.has(a.id)),
    groups,
    origin: cotangentOrigin(reverse.builder.node(to)),
    store: path.length > inside,
  })
  const left = inner
    .slice(inside)
    .map(r => ({ from: r.axis, to: reverse.builder.axis(r.axis.name, r.axis.extent) }))
  const leave = new Map<AxisId, Expr>(left.map(l => [l.from.id, index(l.to)]))
  const grouped = new Set(groups.flatMap((g, i) => (summed.flat[i] === undefined ? [] : g.map(a => a.id))))
  return {
    value: substituteAxes(summed.value, leave),
    positions: positions.map((p, i) => {
      const flat = summed.flat[i]
      return flat === undefined ? substituteAxes(p, leave) : index(flat)
    }),
    axes: [
      ...left.map(l => l.to),
      ...summed.flat.filter(a => a !== undefined),
      ...axes.filter(a => used.has(a.id) && !grouped.has(a.id)),
    ],
  }
}

const asGroup = (a: Axis | undefined): readonly Axis[] | undefined => (a === undefined ? undefined : [a])

const mentions = (e: Expr, axes: readonly Axis[]): boolean => {
  const used = axesOf(e)
  return axes.some(a => used.has(a.id))
}
