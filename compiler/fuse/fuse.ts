import type { DeviceTraits } from '../artifact.js'
import { identityAt, type ReadExpr, readsOf } from '../ir/expr.js'
import { outerAxes, regionOf, regionPath } from '../ir/graph.js'
import type { Axis, ComputeNode, Graph, NodeId, RegionId } from '../ir/ir.js'
import { sameIndex } from '../schedule/affine.js'
import { renameAxes } from '../schedule/context.js'
import { contractionOf } from './contraction.js'
import type { Group } from './group.js'
import type { Update } from './in-place.js'
import { inlineProducers, isTiled } from './inline.js'
import { scatterOf } from './scatter.js'

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
            rowRank: outerAxes(n).length - regionPath(graph, n.region).length,
            ...(n.region === undefined ? {} : { region: n.region }),
          } satisfies Group,
        ],
  )

/** A group that still grows. */
interface Growing {
  kind: Group['kind']
  readonly members: ComputeNode[]
  readonly rowRank: number
}

/** What loops depend on, for the question whether two groups may become one. */
const regionDependencies = (graph: Graph, nodes: ReadonlyMap<NodeId, ComputeNode>) => {
  const paths = new Map(graph.nodes.map(n => [n.id, regionPath(graph, regionOf(n)).map(r => r.id)]))
  const all = new Map<RegionId, readonly NodeId[]>()
  for (const r of graph.regions) {
    const inside = graph.nodes.filter(n => paths.get(n.id)!.includes(r.id))
    const ids = inside.flatMap(n => {
      if (n.kind === 'carry') return [n.init]
      const node = nodes.get(n.id)
      return node === undefined ? [] : [n.id, ...readsOf(node.body).map(x => x.node)]
    })
    all.set(r.id, [...new Set(ids)])
  }
  return {
    /** The outermost region around a node that is not also around its reader. */
    entered: (id: NodeId, reader: ComputeNode): RegionId | undefined => {
      const mine = paths.get(reader.id)!
      return paths.get(id)!.find(r => !mine.includes(r))
    },
    /** Nodes of a region, what they read, and the starts of its carries. */
    of: (region: RegionId): readonly NodeId[] => all.get(region)!,
  }
}

/**
 * Kernels as groups of nodes: elementwise producers inlined, elementwise consumers put behind contractions, reductions
 * and what is computed from them in the same rows put together, elementwise nodes over one index space too. Outputs
 * among `updates` are kernels of their own, which nothing inlines.
 */
export const fused = (
  whole: Graph,
  traits: DeviceTraits,
  updates: ReadonlyMap<NodeId, Update> = new Map(),
): readonly Group[] => {
  const graph = { ...whole, nodes: whole.nodes.map(n => updates.get(n.id)?.node ?? n) }
  const pinned = new Set<NodeId>(graph.outputs.map(o => o.node))
  for (const n of graph.nodes)
    if (n.kind === 'carry') {
      pinned.add(n.init)
      pinned.add(n.next)
    }
  const nodes = inlineProducers(graph, pinned, traits, updates)
  const own = (n: ComputeNode): readonly Axis[] => outerAxes(n).slice(regionPath(graph, n.region).length)
  const loopAxes = (n: ComputeNode): readonly Axis[] =>
    outerAxes(n).slice(0, regionPath(graph, n.region).length)

  const groups: Growing[] = []
  const groupOf = new Map<NodeId, Growing>()
  const readIds = (n: ComputeNode): readonly NodeId[] => [...new Set(readsOf(n.body).map(r => r.node))]

  const dependencies = regionDependencies(graph, nodes)

  /** Does a group need, directly or not, what another computes? */
  const dependsOn = (g: Growing, target: Growing, seen = new Set<Growing | RegionId>()): boolean => {
    if (g === target) return true
    if (seen.has(g)) return false
    seen.add(g)
    return g.members.some(m => needs(m, target, seen))
  }
  /** A region is a unit: who reads of it from outside needs all that the region needs. */
  const needs = (n: ComputeNode, target: Growing, seen: Set<Growing | RegionId>): boolean =>
    readIds(n).some(id => {
      const region = dependencies.entered(id, n)
      if (region === undefined) return groupOf.has(id) && dependsOn(groupOf.get(id)!, target, seen)
      if (seen.has(region)) return false
      seen.add(region)
      return dependencies.of(region).some(x => groupOf.has(x) && dependsOn(groupOf.get(x)!, target, seen))
    })
  const free = (n: ComputeNode, g: Growing): boolean =>
    readIds(n).every(id => {
      if (groupOf.get(id) === g) return true
      const region = dependencies.entered(id, n)
      const before = region === undefined ? [id] : dependencies.of(region)
      return before.every(x => !groupOf.has(x) || !dependsOn(groupOf.get(x)!, g))
    })
  const fits = (n: ComputeNode, g: Growing): boolean => {
    const bound = new Set([...g.members, n].flatMap(m => [m.id, ...readIds(m)]))
    return bound.size <= traits.storageBuffersPerStage
  }

  /** Is a read of a member at the reader's own first `rank` axes? */
  const aligned = (r: ReadExpr, m: ComputeNode, reader: ComputeNode, rank: number): boolean => {
    const axes = own(m)
    const mine = own(reader)
    if (axes.length !== rank || mine.length < rank) return false
    if (axes.some((a, i) => a.extent !== mine[i]!.extent)) return false
    const wanted = identityAt(m.dims).map(e =>
      renameAxes(e, [...loopAxes(m), ...axes], [...loopAxes(reader), ...mine.slice(0, rank)]),
    )
    return !r.guarded && r.at.every((e, i) => sameIndex(e, wanted[i]!))
  }
  const alignedAll = (n: ComputeNode, g: Growing, rank: number): boolean =>
    readsOf(n.body).every(r => {
      if (groupOf.get(r.node) !== g) return true
      return aligned(r, g.members.find(m => m.id === r.node)!, n, rank)
    })
  const sameExtents = (a: readonly Axis[], b: readonly Axis[]): boolean =>
    a.length === b.length && a.every((x, i) => x.extent === b[i]!.extent)

  /** Is the node one more sum over what the sums of a group are over, as of a vector that several matrices are multiplied by? */
  const beside = (n: ComputeNode, g: Growing): boolean => {
    const sums = (m: ComputeNode): readonly Axis[] => m.reduce?.axes ?? []
    const same = g.members.every(m => m.reduce?.op === n.reduce?.op && sameExtents(sums(m), sums(n)))
    return n.reduce !== undefined && same && readIds(n).some(id => readIds(g.members[0]!).includes(id))
  }

  const joins = (n: ComputeNode, g: Growing): boolean => {
    const first = g.members[0]!
    if (first.region !== n.region || !free(n, g) || !fits(n, g)) return false
    const axes = own(n)
    const reads = readIds(n).some(id => groupOf.get(id) === g)
    if (g.kind === 'scatter' || updates.has(first.id)) return false
    if (g.kind === 'contract')
      return (
        reads &&
        !n.reduce &&
        n.dtype === 'f32' &&
        sameExtents(axes, own(first)) &&
        alignedAll(n, g, axes.length)
      )
    if (g.kind === 'map') {
      const shares = reads || readIds(n).some(id => g.members.some(m => readIds(m).includes(id)))
      return shares && !n.reduce && sameExtents(axes, own(first)) && alignedAll(n, g, axes.length)
    }
    const rows = own(first).slice(0, g.rowRank)
    if (!(reads || beside(n, g)) || !sameExtents(axes.slice(0, g.rowRank), rows)) return false
    if (n.reduce && axes.length !== g.rowRank) return false
    return alignedAll(n, g, g.rowRank)
  }

  for (const n of nodes.values()) {
    const product = n.reduce && contractionOf(n, own(n))
    const tiled = product !== undefined && isTiled(product)
    const scatter = !tiled && scatterOf(n, own(n)) !== undefined
    const host =
      tiled || scatter || updates.has(n.id)
        ? undefined
        : [...groups]
            .reverse()
            .slice(0, 40)
            .find(g => joins(n, g) && g.members.length < 8)
    const g = host ?? {
      kind: tiled ? 'contract' : scatter ? 'scatter' : n.reduce ? 'rows' : 'map',
      members: [],
      rowRank: own(n).length,
    }
    if (host === undefined) groups.push(g)
    g.members.push(n)
    groupOf.set(n.id, g)
  }

  const readOutside = new Set<NodeId>(pinned)
  for (const n of nodes.values())
    for (const id of readIds(n)) if (groupOf.get(id) !== groupOf.get(n.id)) readOutside.add(id)
  return groups.map(g => {
    const { id, region } = g.members[0]!
    const update = updates.get(id)
    return {
      kind: g.kind,
      members: g.members,
      rowRank: g.rowRank,
      stored: new Set(g.members.filter(m => readOutside.has(m.id)).map(m => m.id)),
      ...(region === undefined ? {} : { region }),
      ...(update === undefined ? {} : { update: { into: update.into, at: update.at } }),
    }
  })
}
