import { readsOf } from '../ir/expr.js'
import { regionPath } from '../ir/graph.js'
import type { CarryNode, ComputeNode, Graph, NodeId, RegionId } from '../ir/ir.js'
import type { ScanLoop } from '../kernel/group.js'
import { type BindingBudget, fitsBudget } from './binding-budget.js'
import { loopBodyOf, readOutside, type ScanChooser } from './scan-choice.js'

/** A loop that becomes one kernel: all of its nodes, in evaluation order. */
export interface ScanDraft {
  readonly members: readonly ComputeNode[]
  readonly scan: ScanLoop
}

/** The loops that are better inside a kernel, as far as their nodes tell before inlining. */
export const loopsInKernels = (graph: Graph, choose: ScanChooser): ReadonlySet<RegionId> => {
  const compute = graph.nodes.filter(n => n.kind === 'compute')
  const bodies = graph.regions.flatMap(r => loopBodyOf(graph, r, compute) ?? [])
  return new Set(bodies.flatMap(b => (choose(b) === undefined ? [] : b.region.id)))
}

/**
 * The loops of a graph that run inside a kernel. `nodes` are the graph's nodes after inlining. A loop that
 * binds more buffers than a kernel may is dispatched kernel by kernel.
 */
export const findScans = (
  graph: Graph,
  nodes: ReadonlyMap<NodeId, ComputeNode>,
  choose: ScanChooser,
  room: BindingBudget,
): readonly ScanDraft[] => {
  if (graph.regions.length === 0) return []
  const inlined = { ...graph, nodes: graph.nodes.map(n => nodes.get(n.id) ?? n) }
  const owner = new Map<NodeId, CarryNode>()
  for (const n of graph.nodes) if (n.kind === 'carry') for (const id of [n.init, n.next]) owner.set(id, n)
  /** A carry, its `init` and its `next` lie in one buffer. */
  const bufferOf = (id: NodeId): NodeId => owner.get(id)?.id ?? id

  return graph.regions.flatMap((region): readonly ScanDraft[] => {
    const body = loopBodyOf(graph, region, nodes.values())
    if (body === undefined) return []
    const choice = choose(body)
    if (choice === undefined) return []
    const { members, ...loop } = body
    const own = new Set(members.map(m => m.id))
    const read = members.flatMap(m => readsOf(m.body).map(r => r.node)).filter(id => !own.has(id))
    const stored = [...readOutside(inlined, region)].filter(id => own.has(id))
    const bound = [...read, ...stored, ...loop.carries.map(c => c.id)].map(bufferOf)
    if (!fitsBudget(room, bound)) return []
    return [{ members, scan: { ...loop, ...choice, outer: regionPath(graph, region.parent) } }]
  })
}
