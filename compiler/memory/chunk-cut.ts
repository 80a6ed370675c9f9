import { type ReadExpr, readsOf } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr } from '../ir/ir.js'

/**
 * How a node is cut along an axis: it has the axis as a dimension of its own and is made slice by slice, or
 * it reduces over the axis and is made of the slices' totals.
 */
export type Cut =
  | { readonly kind: 'slice'; readonly dim: number }
  | { readonly kind: 'total'; readonly axis: Axis }

/** The axis of the node along which it is cut. */
export const cutAxis = (node: ComputeNode, cut: Cut): Axis =>
  cut.kind === 'slice' ? node.dims[cut.dim]![0]! : cut.axis

/**
 * The node's cut along one of its axes; undefined where that axis is part of a product, or its totals can't
 * be added up.
 */
export const cutAlong = (node: ComputeNode, axis: Axis, depth: number): Cut | undefined => {
  const dim = node.dims.findIndex(d => d.length === 1 && d[0]!.id === axis.id)
  if (dim >= depth) return { kind: 'slice', dim }
  if (node.reduce === undefined || node.reduce.op.startsWith('arg')) return undefined
  return node.reduce.axes.some(a => a.id === axis.id) ? { kind: 'total', axis } : undefined
}

const isIndexOf = (e: Expr): Axis | undefined => (e.op === 'index' ? e.axis : undefined)

/**
 * How a reader is cut if what it reads of `source` is sliced along `dim`: every read must be at one axis of
 * the reader there, and all of it.
 */
export const cutOfReader = (
  reader: ComputeNode,
  source: ComputeNode,
  dim: number,
  depth: number,
): Cut | undefined => {
  const reads = readsOf(reader.body).filter(r => r.node === source.id)
  const axis = reads[0] && isIndexOf(reads[0].at[dim]!)
  if (axis === undefined || axis.extent !== source.dims[dim]![0]!.extent) return undefined
  const same = (r: ReadExpr): boolean => !r.guarded && isIndexOf(r.at[dim]!)?.id === axis.id
  return reads.every(same) ? cutAlong(reader, axis, depth) : undefined
}

/**
 * How what `reader` reads is cut if the reader is cut along an axis: it must be read at that axis in a
 * dimension.
 */
export const cutOfSource = (
  reader: ComputeNode,
  axis: Axis,
  source: ComputeNode,
  depth: number,
): Cut | undefined => {
  const first = readsOf(reader.body).find(r => r.node === source.id)
  const dim = first?.at.findIndex(p => isIndexOf(p)?.id === axis.id) ?? -1
  if (dim < depth || source.dims[dim]!.length !== 1) return undefined
  const cut = cutOfReader(reader, source, dim, depth)
  return cut !== undefined && cutAxis(reader, cut).id === axis.id ? { kind: 'slice', dim } : undefined
}
