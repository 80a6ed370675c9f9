import type { Builder } from '../ir/builder.js'
import { index, substituteAxes } from '../ir/expr.js'
import { regionOf } from '../ir/graph.js'
import type { Axis, Expr, Node, NodeId, Origin, Region, RegionId } from '../ir/ir.js'
import type { Activity } from './activity.js'

/**
 * A summand of a node's cotangent: `value` over the axes `dims`, one product of axes for each dimension of
 * the node. The first `inside` dimensions are the axes of regions that the reader shares with the node.
 */
export interface CotangentTerm {
  readonly inside: number
  readonly dims: readonly (readonly Axis[])[]
  readonly value: Expr
}

/** Reverse mode under way. */
export interface ReverseState extends Activity {
  readonly builder: Builder
  readonly wrt: ReadonlySet<NodeId>
  readonly terms: Map<NodeId, CotangentTerm[]>
  /** The cotangents of `wrt`, as they become known. */
  readonly results: Map<NodeId, NodeId>
  /** For each region the one in which the cotangents of its nodes live: an open region is its own. */
  readonly reversed: Map<RegionId, Region>
}

/** The regions that hold a node, outermost first. */
export const regionsOf = ({ builder }: ReverseState, node: Node): readonly Region[] =>
  builder.enclosing(regionOf(node))

/** The regions in which the cotangents of what these regions hold live. */
export const reversedRegions = ({ reversed }: ReverseState, path: readonly Region[]): readonly Region[] =>
  path.map(r => reversed.get(r.id) ?? r)

/** An expression of a region's node as it reads in the reversed region, at the same iteration. */
export const inReversedRegion = (reverse: ReverseState, path: readonly Region[], e: Expr): Expr => {
  const to = reversedRegions(reverse, path)
  return substituteAxes(
    e,
    new Map(path.flatMap((r, i) => (r === to[i] ? [] : [[r.axis.id, index(to[i]!.axis)]]))),
  )
}

export const innermostRegion = (path: readonly Region[]): { readonly region?: RegionId } => {
  const last = path[path.length - 1]
  return last === undefined ? {} : { region: last.id }
}

export const cotangentOrigin = (node: Node): Origin => ({ ...node.origin, label: `∂${node.origin.label}` })

/** A fresh axis for dimension i of a node, named as the node names it. */
export const axisFor = ({ builder }: ReverseState, node: Node, i: number, extent: number): Axis => {
  const named = node.kind === 'carry' ? builder.node(node.next) : node
  const name = named.kind === 'compute' ? named.dims[i]!.map(a => a.name).join('') : ''
  return builder.axis(name === '' ? `i${i}` : name, extent)
}
