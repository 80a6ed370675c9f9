import { outerAxes } from '../ir/graph.js'
import type { ComputeNode, Graph, NodeId } from '../ir/ir.js'
import type { DeviceTraits } from '../artifact.js'
import { contractionOf } from './contraction.js'
import type { Group } from './group.js'
import { regionPath } from './order.js'

/** The rank that is left of a node's axes inside the loops around it. */
export const ownRank = (graph: Graph, n: ComputeNode): number =>
  outerAxes(n).length - regionPath(graph, n.region).length

/** One kernel a node: the reference that fused programs are compared with. */
export const unfused = (graph: Graph): readonly Group[] =>
  graph.nodes.flatMap(n =>
    n.kind !== 'compute'
      ? []
      : [
          {
            kind: n.reduce ? 'rows' : 'map',
            members: [n],
            stored: new Set<NodeId>([n.id]),
            rowRank: ownRank(graph, n),
            ...(n.region === undefined ? {} : { region: n.region }),
          } satisfies Group,
        ],
  )

export const fused = (graph: Graph, _traits: DeviceTraits): readonly Group[] =>
  unfused(graph).map(g => {
    const n = g.members[0]!
    const c = contractionOf(n, outerAxes(n).slice(regionPath(graph, n.region).length))
    return c ? { ...g, kind: 'contract' as const } : g
  })
