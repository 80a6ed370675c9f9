import { readsOf } from '../ir/expr.js'
import { elementsOf, regionPath } from '../ir/graph.js'
import type { Graph, Node, NodeId } from '../ir/ir.js'
import { bytesOf } from '../ir/packing.js'
import { productOf } from '../kernel/context.js'
import { flopsOf } from '../kernel/cost.js'
import type { Group } from '../kernel/group.js'
import type { KernelSpec } from '../kernel/spec.js'

/**
 * Bytes that one dispatch of a group reads and writes. Each tensor counts once; a tensor of a loop counts
 * with the part of one iteration.
 */
const trafficOf = (
  g: Group,
  nodes: ReadonlyMap<NodeId, Node>,
  iterations: (id: NodeId) => number,
): number => {
  const own = new Map(g.members.map(m => [m.id, m]))
  const read = new Set(g.members.flatMap(m => readsOf(m.body)).map(r => r.node))
  const ids = [...[...read].filter(id => !own.has(id)), ...g.stored]
  const bytes = (n: Node): number => bytesOf(elementsOf(n), n.kind === 'input' ? n.packing : undefined)
  return ids.reduce((n, id) => n + bytes(own.get(id) ?? nodes.get(id)!) / Math.max(1, iterations(id)), 0)
}

/** The nodes of a group's kernel, the loops around it, and its work for one dispatch. */
export const kernelSpecOf = (g: Group, graph: Graph, nodes: ReadonlyMap<NodeId, Node>): KernelSpec => {
  const loops = regionPath(graph, g.region)
  const turns = productOf(loops.map(l => l.axis))
  const iterations = (id: NodeId): number => {
    const n = nodes.get(id)!
    const path = n.kind === 'compute' || n.kind === 'carry' ? regionPath(graph, n.region) : []
    // A kernel outside of a loop, or with a loop inside it, goes through all slots.
    return productOf(path.slice(0, loops.length).map(r => r.axis))
  }
  return {
    members: g.members,
    updates: g.updates,
    loops,
    flops: g.members.reduce((n, m) => n + flopsOf(m) / Math.max(1, turns), 0),
    bytes: trafficOf(g, nodes, iterations),
  }
}
