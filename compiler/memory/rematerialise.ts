import { Builder } from '../ir/builder.js'
import { index, type ReadExpr, readsOf, rewriter, substituteAxes } from '../ir/expr.js'
import { elementsOf, regionOf, regionPath } from '../ir/graph.js'
import type { ComputeNode, Graph, Node, NodeId, Region, RegionId } from '../ir/ir.js'
import { equalExtents } from '../ir/open-extent.js'
import { flopsOf } from '../kernel/cost.js'

/** A node that one loop stores for another, and the cost of recomputing it. */
export interface KeptNode {
  readonly node: ComputeNode
  /** Bytes of all iterations. */
  readonly bytes: number
  /** Operations per element, including those of the nodes that must be recomputed for it. */
  readonly operations: number
}

/** Something at most so many times smaller is kept, rather than made again for the sake of another. */
const small = 8

/** For each node of a loop the readers in other loops, where each iteration reads what one iteration made. */
const findMirrors = (graph: Graph): ReadonlyMap<NodeId, readonly ComputeNode[]> => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const paths = new Map<RegionId | undefined, readonly Region[]>()
  const pathOf = (id: RegionId | undefined): readonly Region[] => {
    const known = paths.get(id) ?? regionPath(graph, id)
    paths.set(id, known)
    return known
  }
  const out = new Map<NodeId, ComputeNode[]>()
  const spoiled = new Set<NodeId>(graph.outputs.map(o => o.node))
  for (const reader of graph.nodes)
    for (const r of reader.kind === 'compute' ? readsOf(reader.body) : []) {
      const source = nodes.get(r.node)!
      if (source.kind !== 'compute' || source.region === undefined || reader.kind !== 'compute') continue
      const [from, to] = [pathOf(source.region), pathOf(reader.region)]
      if (from.every((x, i) => to[i]?.id === x.id)) continue
      if (!isMirror(r, from, to)) spoiled.add(source.id)
      else if (!out.get(source.id)?.includes(reader))
        out.set(source.id, [...(out.get(source.id) ?? []), reader])
    }
  return new Map([...out].filter(([id]) => !spoiled.has(id)))
}

const isMirror = (r: ReadExpr, from: readonly Region[], to: readonly Region[]): boolean =>
  !r.guarded &&
  from.every((x, i) => {
    const p = r.at[i]!
    const mirror = to[i]?.axis
    return mirror && equalExtents(mirror, x.axis) && p.op === 'index' && p.axis.id === mirror.id
  })

/**
 * Makes nodes again where another loop reads them, instead of keeping them for all iterations, if `wanted`.
 * Their sources are kept, if they are kept anyway or are much smaller, or computed again as well.
 */
export const rematerialise = (graph: Graph, wanted: (kept: KeptNode) => boolean): Graph => {
  const mirrors = findMirrors(graph)
  const nodes = new Map<NodeId, Node>(graph.nodes.map(n => [n.id, n]))
  const recomputed = new Set<NodeId>()
  /** Is a node in a loop, and each loop around it one around the other? */
  const isAround = (source: ComputeNode, other: ComputeNode): boolean => {
    const path = regionPath(graph, other.region)
    return (
      source.region !== undefined && regionPath(graph, source.region).every((r, i) => path[i]?.id === r.id)
    )
  }
  /** The nodes to recompute together with a node: those of its sources that are neither stored nor small. */
  const recomputedWith = (node: ComputeNode, bytes: number, out = new Set<NodeId>()): ReadonlySet<NodeId> => {
    for (const { node: id } of readsOf(node.body)) {
      const source = nodes.get(id)!
      if (source.kind !== 'compute' || out.has(id) || !isAround(source, node)) continue
      const kept = mirrors.has(id) && !recomputed.has(id)
      if (kept || 4 * elementsOf(source) * small <= bytes) continue
      out.add(id)
      recomputedWith(source, bytes, out)
    }
    return out
  }
  for (const n of graph.nodes) {
    if (n.kind !== 'compute' || !mirrors.has(n.id)) continue
    const bytes = 4 * elementsOf(n)
    const sources = [...recomputedWith(n, bytes)].map(id => nodes.get(id) as ComputeNode)
    const flops = [n, ...sources].reduce((sum, m) => sum + flopsOf(m), 0)
    if (wanted({ node: n, bytes, operations: flops / Math.max(1, elementsOf(n)) })) recomputed.add(n.id)
  }
  if (recomputed.size === 0) return graph

  const b = new Builder(graph)
  const copies = new Map<string, NodeId>()
  /** The node in the loop at the same depth around a reader. */
  const copyAt = (node: ComputeNode, to: readonly Region[], cloned: ReadonlySet<NodeId>): NodeId => {
    const from = regionPath(graph, node.region)
    const region = to[from.length - 1]!
    const key = `${node.id} ${region.id}`
    const known = copies.get(key)
    if (known !== undefined) return known
    const moved = new Map(from.map((r, i) => [r.axis.id, index(to[i]!.axis)]))
    const redirect = rewriter(e => {
      const source = e.op === 'read' ? nodes.get(e.node)! : undefined
      if (e.op !== 'read' || source?.kind !== 'compute' || !isAround(source, node)) return e
      return cloned.has(e.node) || recomputed.has(e.node) ? { ...e, node: copyAt(source, to, cloned) } : e
    })
    const { id: _, kind, ...rest } = node
    const copy = b.compute({
      ...rest,
      dims: [...from.map((_, i) => [to[i]!.axis]), ...node.dims.slice(from.length)],
      body: substituteAxes(redirect(node.body), moved),
      region: region.id,
    })
    copies.set(key, copy)
    return copy
  }
  for (const id of recomputed) {
    const node = nodes.get(id) as ComputeNode
    const cloned = recomputedWith(node, 4 * elementsOf(node))
    for (const reader of mirrors.get(id)!) {
      const to = regionPath(graph, regionOf(reader))
      const copy = copyAt(node, to, cloned)
      const current = b.node(reader.id) as ComputeNode
      const body = rewriter(e => (e.op === 'read' && e.node === id ? { ...e, node: copy } : e))(current.body)
      b.nodes.set(reader.id, { ...current, body })
    }
  }
  return b.finish()
}
