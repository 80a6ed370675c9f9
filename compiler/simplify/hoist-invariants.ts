import { axesOf, readsOf, rewriter } from '../ir/expr.js'
import { regionOf } from '../ir/graph.js'
import { intervals } from '../ir/interval.js'
import type { ComputeNode, Graph, Node, NodeId, Region, RegionId } from '../ir/ir.js'

/** A node of a region that is the same in every iteration stands outside of it, without the region's axis. */
export const hoistInvariants = (graph: Graph): Graph => {
  const regions = new Map(graph.regions.map(r => [r.id, r]))
  const isWithin = (id: RegionId | undefined, region: RegionId): boolean =>
    id !== undefined && (id === region || isWithin(regions.get(id)!.parent, region))
  const pinned = new Set<NodeId>(graph.outputs.map(o => o.node))
  for (const n of graph.nodes) if (n.kind === 'carry') pinned.add(n.next)

  const interval = intervals()
  const byId = new Map(graph.nodes.map(n => [n.id, n]))
  const depthOf = (r: Region): number => (r.parent === undefined ? 0 : 1 + depthOf(regions.get(r.parent)!))
  for (const n of graph.nodes)
    for (const r of n.kind === 'compute' ? readsOf(n.body) : []) {
      // A guard in the region's dimension would be lost with it.
      const region = regionOf(byId.get(r.node)!)
      if (!r.guarded || region === undefined) continue
      const { lo, hi } = interval(r.at[depthOf(regions.get(region)!)]!)
      if (lo < 0 || hi >= regions.get(region)!.axis.extent) pinned.add(r.node)
    }

  const nodes = new Map<NodeId, Node>(graph.nodes.map(n => [n.id, n]))
  /** For each node moved, the dimension it lost. */
  const moved = new Map<NodeId, number>()
  const isInvariant = (node: ComputeNode, region: Region): boolean =>
    !pinned.has(node.id) &&
    !axesOf(node.body).has(region.axis.id) &&
    readsOf(node.body).every(r => !isWithin(regionOf(nodes.get(r.node)!), region.id))
  const drop = rewriter(e => {
    const dim = e.op === 'read' ? moved.get(e.node) : undefined
    return e.op === 'read' && dim !== undefined ? { ...e, at: e.at.filter((_, i) => i !== dim) } : e
  })
  for (const node of graph.nodes) {
    if (node.kind !== 'compute') continue
    const next: ComputeNode = { ...node, body: drop(node.body) }
    const region = next.region === undefined ? undefined : regions.get(next.region)!
    if (region === undefined || !isInvariant(next, region)) {
      nodes.set(node.id, next)
      continue
    }
    const depth = depthOf(region)
    moved.set(node.id, depth)
    const { region: _, ...rest } = next
    const dims = next.dims.filter((_, i) => i !== depth)
    nodes.set(node.id, { ...rest, dims, ...(region.parent === undefined ? {} : { region: region.parent }) })
  }
  return moved.size === 0 ? graph : { ...graph, nodes: graph.nodes.map(n => nodes.get(n.id)!) }
}
