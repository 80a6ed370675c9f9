import { readsOf } from '../ir/expr.js'
import { regionOf, regionPath } from '../ir/graph.js'
import type { Axis, ComputeNode, Graph, Node, NodeId, RegionId } from '../ir/ir.js'
import { type Cut, cutAxis, cutOfReader, cutOfSource } from './chunk-cut.js'

/**
 * Large nodes that hang together, what reads them, and what lies between, all cut along one axis. A node
 * that needs the whole of another belongs to a later stage: the stages are loops that follow one another.
 */
export interface ChunkChain {
  readonly region: RegionId | undefined
  readonly axis: Axis
  readonly cuts: ReadonlyMap<NodeId, Cut>
  readonly stage: ReadonlyMap<NodeId, number>
}

/** The graph as the search for chains needs it. */
export interface ChunkSearch {
  readonly graph: Graph
  readonly nodes: ReadonlyMap<NodeId, Node>
  readonly readers: ReadonlyMap<NodeId, readonly ComputeNode[]>
  /** Carries' starts and successors, and outputs: they are needed whole, where they are. */
  readonly pinned: ReadonlySet<NodeId>
  readonly large: (n: ComputeNode) => boolean
}

export const searchGraph = (graph: Graph, large: (n: ComputeNode) => boolean): ChunkSearch => {
  const readers = new Map<NodeId, ComputeNode[]>()
  for (const n of graph.nodes)
    if (n.kind === 'compute')
      for (const id of new Set(readsOf(n.body).map(r => r.node)))
        readers.set(id, [...(readers.get(id) ?? []), n])
  const pinned = new Set<NodeId>(graph.outputs.map(o => o.node))
  for (const n of graph.nodes)
    if (n.kind === 'carry') {
      pinned.add(n.init)
      pinned.add(n.next)
    }
  return { graph, nodes: new Map(graph.nodes.map(n => [n.id, n])), readers, pinned, large }
}

/**
 * The chain of a large node cut along one of its dimensions; undefined if something that reads a large
 * member can't be cut so.
 */
export const findChain = (field: ChunkSearch, seed: ComputeNode, dim: number): ChunkChain | undefined => {
  const { nodes, readers, pinned } = field
  const depth = regionPath(field.graph, seed.region).length
  const streams = (n: ComputeNode): boolean => n.region === seed.region && !pinned.has(n.id) && field.large(n)
  const cuts = new Map<NodeId, Cut>()
  const queue: ComputeNode[] = []
  const add = (n: ComputeNode, cut: Cut): boolean => {
    const known = cuts.get(n.id)
    if (known !== undefined) return cutAxis(n, known).id === cutAxis(n, cut).id
    cuts.set(n.id, cut)
    queue.push(n)
    return true
  }
  add(seed, { kind: 'slice', dim })
  for (let n = queue.pop(); n !== undefined; n = queue.pop()) {
    const cut = cuts.get(n.id)!
    if (cut.kind === 'slice' && streams(n))
      for (const reader of readers.get(n.id) ?? []) {
        const theirs = reader.region === seed.region ? cutOfReader(reader, n, cut.dim, depth) : undefined
        if (theirs === undefined || !add(reader, theirs)) return undefined
      }
    for (const id of new Set(readsOf(n.body).map(r => r.node))) {
      const source = nodes.get(id)!
      if (source.kind !== 'compute' || !streams(source)) continue
      const theirs = cutOfSource(n, cutAxis(n, cut), source, depth)
      if (theirs !== undefined && !add(source, theirs)) return undefined
    }
  }
  const axis = seed.dims[dim]![0]!
  return assignStages(field, { region: seed.region, axis, cuts })
}

/** Orders the members in stages, and takes in the elementwise nodes that lie between members of a stage. */
const assignStages = (field: ChunkSearch, chain: Omit<ChunkChain, 'stage'>): ChunkChain => {
  const { graph, nodes } = field
  const path = regionPath(graph, chain.region)
  const depth = path.length
  const cuts = new Map(chain.cuts)
  /** How many chunked loops must have ended before a node can be evaluated. */
  const stage = new Map<NodeId, number>()
  const within = (n: Node): boolean => {
    const own = regionPath(graph, regionOf(n))
    return path.every((r, i) => own[i]?.id === r.id)
  }
  const after = (id: NodeId): number => (stage.get(id) ?? 0) + (cuts.has(id) ? 1 : 0)
  const readsSlice = (n: ComputeNode, id: NodeId): boolean => {
    const cut = cuts.get(id)
    const source = nodes.get(id)!
    if (cut?.kind !== 'slice' || source.kind !== 'compute') return false
    const theirs = cutOfReader(n, source, cut.dim, depth)
    const mine = cuts.get(n.id)
    return theirs !== undefined && mine !== undefined && cutAxis(n, theirs).id === cutAxis(n, mine).id
  }
  const between = (n: ComputeNode): Cut | undefined => {
    if (n.reduce !== undefined || field.pinned.has(n.id)) return undefined
    for (const r of readsOf(n.body)) {
      const source = nodes.get(r.node)!
      const cut = cuts.get(r.node)
      if (cut?.kind === 'slice' && source.kind === 'compute') {
        const theirs = cutOfReader(n, source, cut.dim, depth)
        if (theirs?.kind === 'slice') return theirs
      }
    }
    return undefined
  }
  const units = new Map<RegionId, number>()
  for (const n of graph.nodes) {
    if (!within(n)) continue
    const inner = regionPath(graph, regionOf(n))[depth]
    if (inner !== undefined) {
      // A loop inside is one unit: all of it waits for all that it reads.
      const known = units.get(inner.id) ?? stageOfLoop(field, inner.id, after)
      units.set(inner.id, known)
      stage.set(n.id, known)
      continue
    }
    if (n.kind !== 'compute') continue
    if (!cuts.has(n.id)) {
      const cut = between(n)
      if (cut !== undefined) cuts.set(n.id, cut)
    }
    const ids = [...new Set(readsOf(n.body).map(r => r.node))]
    stage.set(n.id, Math.max(0, ...ids.map(id => (readsSlice(n, id) ? (stage.get(id) ?? 0) : after(id)))))
  }
  return { ...chain, ...pruneMembers(field, chain.cuts, cuts, stage) }
}

const stageOfLoop = (field: ChunkSearch, region: RegionId, after: (id: NodeId) => number): number => {
  const inside = new Set(
    field.graph.nodes
      .filter(n => regionPath(field.graph, regionOf(n)).some(r => r.id === region))
      .map(n => n.id),
  )
  const reads = field.graph.nodes
    .filter(n => inside.has(n.id))
    .flatMap(n =>
      n.kind === 'compute' ? readsOf(n.body).map(r => r.node) : n.kind === 'carry' ? [n.init] : [],
    )
  return Math.max(0, ...reads.filter(id => !inside.has(id)).map(after))
}

/** Only those between members stay members: what no member of the same stage needs is made outside. */
const pruneMembers = (
  field: ChunkSearch,
  members: ReadonlyMap<NodeId, Cut>,
  candidates: ReadonlyMap<NodeId, Cut>,
  stage: ReadonlyMap<NodeId, number>,
): Pick<ChunkChain, 'cuts' | 'stage'> => {
  const kept = new Map<NodeId, Cut>()
  for (const n of [...field.graph.nodes].reverse()) {
    const cut = candidates.get(n.id)
    if (cut === undefined) continue
    const needed = (field.readers.get(n.id) ?? []).some(
      r => kept.has(r.id) && stage.get(r.id) === stage.get(n.id),
    )
    if (members.has(n.id) || needed) kept.set(n.id, cut)
  }
  return { cuts: kept, stage: new Map([...stage].filter(([id]) => kept.has(id))) }
}
