import { readsOf } from '../ir/expr.js'
import { regionOf, regionPath } from '../ir/graph.js'
import type { ComputeNode, Graph, NodeId, RegionId } from '../ir/ir.js'

/** Nodes that will be one kernel. */
interface Members {
  readonly members: readonly ComputeNode[]
}

/** The nodes that a node reads, each once. */
export const readIds = (n: ComputeNode): readonly NodeId[] => [...new Set(readsOf(n.body).map(r => r.node))]

/** The nodes that each loop depends on. They decide whether two groups may become one. */
const regionDependencies = (graph: Graph, nodes: ReadonlyMap<NodeId, ComputeNode>) => {
  const paths = new Map(graph.nodes.map(n => [n.id, regionPath(graph, regionOf(n)).map(r => r.id)]))
  const all = new Map<RegionId, readonly NodeId[]>()
  for (const r of graph.regions) {
    const inside = graph.nodes.filter(n => paths.get(n.id)!.includes(r.id))
    const ids = inside.flatMap(n => {
      if (n.kind === 'carry') return [n.init]
      const node = nodes.get(n.id)
      return node === undefined ? [] : [n.id, ...readIds(node)]
    })
    all.set(r.id, [...new Set(ids)])
  }
  return {
    /** The outermost region around a node that is not also around its reader. */
    entered: (id: NodeId, reader: ComputeNode): RegionId | undefined => {
      const mine = paths.get(reader.id)!
      return paths.get(id)!.find(r => !mine.includes(r))
    },
    /** The nodes of a region, the nodes that they read, and the initial values of its carries. */
    of: (region: RegionId): readonly NodeId[] => all.get(region)!,
  }
}

/** Answers questions about the order in which groups have to run. */
export interface GroupDependencies<G extends Members> {
  /** Whether a group needs the result of another, directly or through others. */
  readonly dependsOn: (g: G, target: G) => boolean
  /**
   * Whether a node can be computed in a group's kernel: nothing that the node reads depends on the group,
   * except for members of the group itself. Reads of members of `own` are not tested.
   */
  readonly free: (n: ComputeNode, g: G, own?: G) => boolean
}

/**
 * The dependencies among groups of the nodes `nodes` of a graph. `groupOf` may change while groups grow.
 *
 * The search is depth-first, with the visited groups and regions in `seen`.
 */
export const groupDependencies = <G extends Members>(
  graph: Graph,
  nodes: ReadonlyMap<NodeId, ComputeNode>,
  groupOf: ReadonlyMap<NodeId, G>,
): GroupDependencies<G> => {
  const regions = regionDependencies(graph, nodes)

  const reaches = (g: G, target: G, seen: Set<G | RegionId>): boolean => {
    if (g === target) return true
    if (seen.has(g)) return false
    seen.add(g)
    return g.members.some(m => needs(m, target, seen))
  }
  /** A region is a unit: a reader outside of it needs everything that the region needs. */
  const needs = (n: ComputeNode, target: G, seen: Set<G | RegionId>): boolean =>
    readIds(n).some(id => {
      const region = regions.entered(id, n)
      if (region === undefined) return groupOf.has(id) && reaches(groupOf.get(id)!, target, seen)
      if (seen.has(region)) return false
      seen.add(region)
      return regions.of(region).some(x => groupOf.has(x) && reaches(groupOf.get(x)!, target, seen))
    })
  const dependsOn = (g: G, target: G): boolean => reaches(g, target, new Set())

  return {
    dependsOn,
    free: (n, g, own) =>
      readIds(n).every(id => {
        const group = groupOf.get(id)
        if (group !== undefined && (group === g || group === own)) return true
        const region = regions.entered(id, n)
        const before = region === undefined ? [id] : regions.of(region)
        return before.every(x => !groupOf.has(x) || !dependsOn(groupOf.get(x)!, g))
      }),
  }
}
