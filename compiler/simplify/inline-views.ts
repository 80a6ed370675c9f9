import { radixDigits } from '../affine/radix.js'
import { axesOf, type ReadExpr, readsOf, rewriter, substituteAxes } from '../ir/expr.js'
import type { Interval } from '../ir/interval.js'
import { intervals } from '../ir/interval.js'
import type { ComputeNode, Expr, Graph } from '../ir/ir.js'

/**
 * Whether a node moves data only: a constant, an index, or a read at positions that are no data themselves.
 */
const isView = (node: ComputeNode): boolean => {
  if (node.reduce !== undefined) return false
  let body = node.body
  while (body.op === 'cast') body = body.args[0]!
  if (body.op === 'const' || body.op === 'index') return true
  return body.op === 'read' && readsOf(...body.at).length === 0
}

/** Each axis of a node as a function of the position at which the node is read. */
const axesAt = (node: ComputeNode, at: readonly Expr[]): ReadonlyMap<number, Expr> =>
  new Map(
    node.dims.flatMap((axes, i) => {
      const digits = radixDigits(
        at[i]!,
        axes.map(a => a.extent),
      )
      return axes.map((a, n) => [a.id, digits[n]!] as const)
    }),
  )

/**
 * Whether a position outside of the view is, in the same dimension, outside of what it reads, so that the
 * guard may move there: each axis that a guarded position can leave stands alone at a dimension of its own
 * extent.
 */
const guardMoves = (
  view: ComputeNode,
  outer: ReadExpr,
  extentOf: (e: ReadExpr, dim: number) => number,
  interval: (e: Expr) => Interval,
): boolean => {
  const { body } = view
  if (body.op !== 'read') return false
  return view.dims.every((axes, i) => {
    const { lo, hi } = interval(outer.at[i]!)
    if (lo >= 0 && hi < axes.reduce((n, a) => n * a.extent, 1)) return true
    if (axes.length !== 1) return false
    const axis = axes[0]!
    const uses = [...body.at.entries()].filter(([, p]) => axesOf(p).has(axis.id))
    return uses.length === 1 && uses[0]![1].op === 'index' && extentOf(body, uses[0]![0]) === axis.extent
  })
}

/**
 * A read of a view is a read of what the view reads: transposes, slices, broadcasts and constants are never
 * stored for their readers.
 */
export const inlineViews = (graph: Graph): Graph => {
  const views = new Map(graph.nodes.flatMap(n => (n.kind === 'compute' && isView(n) ? [[n.id, n]] : [])))
  if (views.size === 0) return graph
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const extentOf = (e: ReadExpr, dim: number): number => {
    const source = nodes.get(e.node)!
    return source.kind === 'compute'
      ? source.dims[dim]!.reduce((n, a) => n * a.extent, 1)
      : source.shape[dim]!
  }
  const interval = intervals()
  const inline = rewriter(e => {
    if (e.op !== 'read') return e
    const view = views.get(e.node)
    if (view === undefined) return e
    if (e.guarded && !guardMoves(view, e, extentOf, interval)) return e
    const body = substituteAxes(view.body, axesAt(view, e.at))
    return e.guarded && body.op === 'read' ? { ...body, guarded: true } : body
  })
  let changed = false
  const out = graph.nodes.map(n => {
    if (n.kind !== 'compute') return n
    const body = inline(n.body)
    if (body === n.body) return n
    changed = true
    const next = { ...n, body }
    // Later readers see the view with its own reads inlined.
    if (views.has(n.id)) views.set(n.id, next)
    return next
  })
  return changed ? { ...graph, nodes: out } : graph
}
