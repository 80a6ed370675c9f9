import type { Builder } from '../ir/builder.js'
import { regionOf } from '../ir/graph.js'
import type { NodeId, RegionId } from '../ir/ir.js'
import { differentiableReads } from './scalar-adjoints.js'

/** The nodes that a derivative passes through: the result of activity analysis. */
export interface Activity {
  /** Nodes that depend on what is differentiated by, and that the loss depends on. */
  readonly active: ReadonlySet<NodeId>
  /** For each active node the active ones it depends on differentiably. */
  readonly sources: ReadonlyMap<NodeId, readonly NodeId[]>
  /** Regions that hold the loss and all of `wrt`: differentiation happens within one iteration of them. */
  readonly open: ReadonlySet<RegionId>
}

export const analyseActivity = (builder: Builder, loss: NodeId, wrt: readonly NodeId[]): Activity => {
  const open = commonRegions(builder, [loss, ...wrt])
  const ends = new Set(wrt)

  const sourcesOf = (id: NodeId): readonly NodeId[] => {
    const node = builder.node(id)
    if (ends.has(id) || node.dtype !== 'f32') return []
    if (node.kind === 'compute') return [...differentiableReads(node.body)]
    return node.kind === 'carry' && !open.has(node.region) ? [node.init, node.next] : []
  }
  const sources = new Map<NodeId, readonly NodeId[]>()
  const users = new Map<NodeId, NodeId[]>()
  const stack = [loss]
  while (stack.length > 0) {
    const id = stack.pop()!
    if (sources.has(id)) continue
    const from = sourcesOf(id)
    sources.set(id, from)
    for (const s of from) users.set(s, [...(users.get(s) ?? []), id])
    stack.push(...from)
  }

  const active = new Set<NodeId>()
  const back = wrt.filter(id => sources.has(id))
  while (back.length > 0) {
    const id = back.pop()!
    if (active.has(id)) continue
    active.add(id)
    back.push(...(users.get(id) ?? []))
  }
  return {
    active,
    sources: new Map([...active].map(id => [id, sources.get(id)!.filter(s => active.has(s))])),
    open,
  }
}

const commonRegions = (builder: Builder, ids: readonly NodeId[]): ReadonlySet<RegionId> => {
  const [first, ...rest] = ids.map(id => builder.enclosing(regionOf(builder.node(id))).map(r => r.id))
  return new Set(first!.filter((r, i) => rest.every(path => path[i] === r)))
}
