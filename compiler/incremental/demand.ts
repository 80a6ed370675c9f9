import { type ReadExpr, readsOf } from '../ir/expr.js'
import type { Axis, Graph, Node, NodeId } from '../ir/ir.js'
import { axisOf, dimInCarry, isIndex, type Timing } from './timing.js'

/**
 * How a node is read by one that is computed for a window of positions: within the same window, of which
 * `dim` counts the positions; at any positions, so that earlier values are kept; or as a whole that has
 * nothing to do with time.
 */
export type ReadUse =
  | { readonly kind: 'window'; readonly dim: number }
  | { readonly kind: 'kept'; readonly dim: number }
  | { readonly kind: 'whole' }
  | { readonly kind: 'unknown' }

/** The nodes that a window of positions needs: the result of demand analysis. */
export interface Demand {
  /** The nodes that are computed for the window alone, and which of their dimensions it cuts. */
  readonly windowed: ReadonlyMap<NodeId, number>
  /** Those of them whose values at earlier positions are needed too. */
  readonly kept: ReadonlySet<NodeId>
  readonly use: (reader: NodeId, r: ReadExpr) => ReadUse
}

/** The demand of the whole of `output`, of which `dim` counts positions; or why there is none. */
export const demandOf = (
  graph: Graph,
  timings: ReadonlyMap<NodeId, Timing>,
  output: NodeId,
  dim: number,
): Demand | string => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const windowed = new Map<NodeId, number>()
  const kept = new Set<NodeId>()
  const problems: string[] = []

  const classifyRead = (t: Axis, r: ReadExpr): ReadUse => {
    const m = nodes.get(r.node)!
    const timing = timings.get(r.node)
    const along = r.at.flatMap((e, k) => (isIndex(e, t) ? [k] : []))
    const [dim] = along
    const cuts =
      m.kind === 'compute' ? axisOf(graph, m, dim ?? -1) !== undefined : timing?.time.has(dim ?? -1)
    if (along.length === 1 && cuts) return { kind: 'window', dim: dim! }
    if (timing === undefined) return { kind: 'whole' }
    return timing.time.size === 1 ? { kind: 'kept', dim: [...timing.time][0]! } : { kind: 'unknown' }
  }
  const use = (reader: NodeId, r: ReadExpr): ReadUse => {
    const n = nodes.get(reader)!
    return classifyRead(axisOf(graph, n, windowed.get(reader)!)!, r)
  }
  const include = (id: NodeId, d: number): void => {
    const known = windowed.get(id)
    const n = nodes.get(id)!
    if (known !== undefined && known !== d)
      problems.push(`${quotedLabel(n)} is wanted along two of its dimensions`)
    if (known !== undefined || problems.length > 0) return
    windowed.set(id, d)
    if (n.kind === 'carry') {
      if (timings.get(id)?.time.size !== 1) problems.push(`${quotedLabel(n)} has no one dimension of time`)
      include(n.init, dimInCarry(graph, n, 'init', d))
      include(n.next, dimInCarry(graph, n, 'next', d))
    }
    if (n.kind !== 'compute') return
    const t = axisOf(graph, n, d)
    if (t === undefined) {
      problems.push(`${quotedLabel(n)} counts positions by more than an axis`)
      return
    }
    for (const r of readsOf(n.body)) {
      const u = classifyRead(t, r)
      const m = nodes.get(r.node)!
      if (u.kind === 'unknown')
        problems.push(`${quotedLabel(n)} reads ${quotedLabel(m)}, which has no one dimension of time`)
      if (u.kind === 'kept' && m.kind === 'carry')
        problems.push(`${quotedLabel(n)} reads other positions of ${quotedLabel(m)}, which a loop carries`)
      if (u.kind === 'window' || u.kind === 'kept') include(r.node, u.dim)
      if (u.kind === 'kept') kept.add(r.node)
    }
  }
  include(output, dim)
  return problems.length > 0 ? problems[0]! : { windowed, kept, use }
}

export const quotedLabel = (n: Node): string => `\`${n.kind === 'input' ? n.name : n.origin.label}\``
