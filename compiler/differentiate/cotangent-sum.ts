import { radixDigits } from '../affine/radix.js'
import { constant, identityAt, index, mixedRadix, substituteAxes } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, AxisId, Expr, Node, NodeId, Region } from '../ir/ir.js'
import { decideConditions } from './decide-conditions.js'
import {
  axisFor,
  type CotangentTerm,
  cotangentOrigin,
  innermostRegion,
  type ReverseState,
  regionsOf,
  reversedRegions,
} from './reverse-state.js'
import { addCotangents, isNumber } from './scalar-adjoints.js'

/** Where a sum of terms is wanted. */
export interface CotangentPlace {
  /** The regions it is in. Their axes are the sum's first dimensions. */
  readonly path: readonly Region[]
  /** The positions of the terms' first dimensions: the region's axes, or a slot of a carry. */
  readonly lead: readonly Expr[]
}

/** A tensor that is no node yet. */
export interface Tensor {
  readonly dims: readonly (readonly Axis[])[]
  readonly body: Expr
}

/** The place of a node's cotangent: beside the node, in the reversed region. */
export const cotangentPlace = (reverse: ReverseState, node: Node): CotangentPlace => {
  const path = reversedRegions(reverse, regionsOf(reverse, node))
  return { path, lead: path.map(r => index(r.axis)) }
}

/** M̄ = Σ terms; undefined if that is 0. */
export const sumOfTerms = (reverse: ReverseState, node: Node, place: CotangentPlace): Tensor | undefined => {
  const terms = reverse.terms.get(node.id) ?? []
  const known = place.lead.length
  const rest = shapeOf(node)
    .slice(known)
    .map((extent, i) => commonDim(reverse, terms, i + known, () => axisFor(reverse, node, known + i, extent)))
  const body = terms.reduce<Expr | undefined>((sum, term) => {
    const of = new Map<AxisId, Expr>()
    place.lead.forEach((e, i) => {
      if (i >= term.inside) bindDigits(of, term.dims[i]!, e)
    })
    rest.forEach((axes, i) => {
      const group = term.dims[known + i]!
      if (sameExtents(group, axes)) for (const [k, a] of group.entries()) of.set(a.id, index(axes[k]!))
      else bindDigits(of, group, positionOf(axes))
    })
    return addCotangents(sum, decideConditions(reverse.builder, substituteAxes(term.value, of)))
  }, undefined)
  if (body === undefined || isNumber(body, 0)) return undefined
  return { dims: [...place.path.map(r => [r.axis]), ...rest], body }
}

/** A sum of terms that is to be stored. */
export interface StoredSum {
  readonly sum: Tensor
  readonly place: CotangentPlace
  /** The node whose cotangent it is. */
  readonly node: Node
  /** Whether it has to be a node of the place's region, even if it only repeats a node elsewhere. */
  readonly inPlace?: boolean
}

/**
 * Stores a sum as a node. A sum that only repeats another node is that node, unless it has to stand
 * elsewhere.
 */
export const storeCotangent = ({ builder }: ReverseState, stored: StoredSum): NodeId => {
  const { sum, place, node, inPlace = false } = stored
  const { dims, body } = sum
  if (body.op === 'read' && !body.guarded && isWhole(body.at, dims)) {
    const source = builder.node(body.node)
    const whole = shapeOf(source).every((n, i) => n === dims[i]!.reduce((m, a) => m * a.extent, 1))
    const placed = source.kind === 'compute' && source.region === innermostRegion(place.path).region
    if (whole && (placed || !inPlace)) return source.id
  }
  return builder.compute({
    dtype: body.dtype,
    dims,
    body,
    ...innermostRegion(place.path),
    origin: cotangentOrigin(node),
  })
}

/** A tensor of zeros of the node's type. */
export const zeroCotangent = (reverse: ReverseState, node: Node, place: CotangentPlace): Tensor => ({
  dims: [
    ...place.path.map(r => [r.axis]),
    ...shapeOf(node)
      .slice(place.lead.length)
      .map((n, i) => [axisFor(reverse, node, place.lead.length + i, n)]),
  ],
  body: constant(node.dtype, 0),
})

const positionOf = (axes: readonly Axis[]): Expr =>
  mixedRadix(
    axes.map(index),
    axes.map(a => a.extent),
  )

const isWhole = (at: readonly Expr[], dims: readonly (readonly Axis[])[]): boolean =>
  at.length === dims.length &&
  identityAt(dims).every((e, i) => {
    const p = at[i]!
    return e.op === 'index' ? p.op === 'index' && p.axis.id === e.axis.id : e === p
  })

const sameExtents = (a: readonly Axis[], b: readonly Axis[]): boolean =>
  a.length === b.length && a.every((x, i) => x.extent === b[i]!.extent)

/** The product of axes that all terms which need one agree on, or else a single axis. */
const commonDim = (
  { builder }: ReverseState,
  terms: readonly CotangentTerm[],
  i: number,
  single: () => Axis,
): readonly Axis[] => {
  const [first, ...others] = terms.map(t => t.dims[i]!).filter(g => g.length > 1)
  return first !== undefined && others.every(g => sameExtents(g, first))
    ? first.map(a => builder.axis(a.name, a.extent))
    : [single()]
}

/** Binds axes to the digits of their mixed-radix number. */
const bindDigits = (of: Map<AxisId, Expr>, axes: readonly Axis[], number: Expr): void => {
  const digits = radixDigits(
    number,
    axes.map(a => a.extent),
  )
  for (const [k, a] of axes.entries()) of.set(a.id, digits[k]!)
}
