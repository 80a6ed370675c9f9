/**
 * Fusion decides which nodes share a kernel (loop fusion; the terms follow Halide: a producer is computed
 * inside its consumer or stored). The methods are greedy and go over the nodes once, in order:
 *
 *     inline    an elementwise producer is substituted into its consumers           inline-producers.ts
 *     group     a node joins the last group that may run it: as the epilogue of a   this file
 *               product, over the same rows, or over the same index space
 *     join      groups with little work share a kernel, related or not              join-small.ts,
 *                                                                                   join-shared.ts,
 *                                                                                   join-coarse.ts
 *
 *     m = max x over s; e = exp(x - m); t = Σ e over s; y = e / t  →  one group of `rows` (a softmax)
 *
 * Before that, the graph is made storable (`normalise.ts`), long reductions are split
 * (`split-reductions.ts`), and so are bodies that read too many tensors (`split-reads.ts`). Schedules and
 * memory layouts are not decided here.
 */
import type { DeviceTraits } from '../artifact.js'
import { findBands } from '../band/find-bands.js'
import { readsOf } from '../ir/expr.js'
import { outerAxes, regionPath } from '../ir/graph.js'
import type { Axis, ComputeNode, Graph, NodeId } from '../ir/ir.js'
import { contractionOf } from '../kernel/contraction.js'
import type { Group } from '../kernel/group.js'
import { scatterOf } from '../kernel/scatter-pattern.js'
import { alignmentOf, sameExtents } from './alignment.js'
import { bindingBudgetOf, fitsBudget, type WindowCounts } from './binding-budget.js'
import { groupDependencies, readIds } from './dependencies.js'
import { type InPlaceUpdate, readsOfMember } from './in-place.js'
import { inlineProducers, isTiled } from './inline-producers.js'
import { joinCoarseRows } from './join-coarse.js'
import { joinShared } from './join-shared.js'
import { type GroupDraft, joinSmallGroups } from './join-small.js'
import { type ScanMode, scanChooser } from './scan-choice.js'
import { findScans, loopsInKernels } from './scan-groups.js'

/** One kernel for each node: the reference that fused programs are compared with. */
export const oneGroupEach = (graph: Graph): readonly Group[] =>
  graph.nodes.flatMap(n =>
    n.kind !== 'compute'
      ? []
      : [
          {
            kind: n.reduce ? 'rows' : 'map',
            members: [n],
            stored: new Set<NodeId>([n.id]),
            rowRank: outerAxes(n).length - regionPath(graph, n.region).length,
            updates: new Map(),
            ...(n.region === undefined ? {} : { region: n.region }),
          } satisfies Group,
        ],
  )

/**
 * A node looks for a group among the latest ones only. Its producers are near, and the bound keeps large
 * graphs quick to fuse.
 */
const latestGroups = 40

/**
 * The most members of a group. A longer kernel holds more values in registers and takes longer to compile.
 */
const mostMembers = 8

/** A group that still takes members. */
interface OpenGroup extends GroupDraft {
  readonly members: ComputeNode[]
}

/** What is known of a graph's nodes, and what kernels may be. */
export interface FuseOptions {
  readonly updates?: ReadonlyMap<NodeId, InPlaceUpdate>
  readonly windows?: WindowCounts
  /** Which loops run inside kernels. */
  readonly scans?: ScanMode
}

/**
 * Groups the nodes of a graph into kernels. `updates` are outputs that are written into an input's memory: a
 * kernel of kind `map` or `rows` writes them, nothing inlines them, and no other node of that kernel reads
 * them.
 */
export const fuseNodes = (
  whole: Graph,
  traits: DeviceTraits,
  { updates = new Map(), windows = new Map(), scans = 'best' }: FuseOptions = {},
): readonly Group[] => {
  const room = bindingBudgetOf(traits, windows)
  const graph = { ...whole, nodes: whole.nodes.map(n => updates.get(n.id)?.node ?? n) }
  const pinned = new Set<NodeId>(graph.outputs.map(o => o.node))
  for (const n of graph.nodes)
    if (n.kind === 'carry') {
      pinned.add(n.init)
      pinned.add(n.next)
    }
  const choose = scanChooser(traits, scans)
  const inKernels = loopsInKernels(graph, choose)
  const inlined = inlineProducers(graph, pinned, room, { fixed: updates, inKernels })
  const nodes = findBands(graph, inlined)
  const { own, aligned } = alignmentOf(graph)
  const groups: OpenGroup[] = []
  const groupOf = new Map<NodeId, OpenGroup>()
  const { free } = groupDependencies(graph, nodes, groupOf)

  const fits = (n: ComputeNode, g: OpenGroup): boolean =>
    fitsBudget(
      room,
      [...g.members, n].flatMap(m => [m.id, ...readsOfMember(m, updates.get(m.id))]),
    )

  const readsAreAligned = (n: ComputeNode, g: OpenGroup, rank: number): boolean =>
    readsOf(n.body).every(r => {
      if (groupOf.get(r.node) !== g) return true
      return !updates.has(r.node) && aligned(r, g.members.find(m => m.id === r.node)!, n, rank)
    })

  /**
   * Whether the node is one more reduction over the same axes as those of a group, and reads a tensor that
   * they read. Examples are a vector that is multiplied by several matrices, and a maximum with its position.
   */
  const isParallelSum = (n: ComputeNode, g: OpenGroup): boolean => {
    const sums = (m: ComputeNode): readonly Axis[] => m.reduce?.axes ?? []
    const same = g.members.every(m => m.reduce !== undefined && sameExtents(sums(m), sums(n)))
    return n.reduce !== undefined && same && readIds(n).some(id => readIds(g.members[0]!).includes(id))
  }

  /** Whether the node may be a member of a group, if the order of kernels allows it. */
  const mayJoin = (n: ComputeNode, g: OpenGroup): boolean => {
    const first = g.members[0]!
    if (first.region !== n.region || !fits(n, g)) return false
    const axes = own(n)
    const reads = readIds(n).some(id => groupOf.get(id) === g)
    if (g.kind === 'scatter' || g.kind === 'scan') return false
    if (g.kind === 'contract')
      return (
        reads &&
        !n.reduce &&
        !updates.has(n.id) &&
        n.dtype === 'f32' &&
        sameExtents(axes, own(first)) &&
        readsAreAligned(n, g, axes.length)
      )
    if (g.kind === 'map') {
      const shares = reads || readIds(n).some(id => g.members.some(m => readIds(m).includes(id)))
      return shares && !n.reduce && sameExtents(axes, own(first)) && readsAreAligned(n, g, axes.length)
    }
    const rows = own(first).slice(0, g.rowRank)
    if (!(reads || isParallelSum(n, g)) || !sameExtents(axes.slice(0, g.rowRank), rows)) return false
    if (n.reduce && axes.length !== g.rowRank) return false
    return readsAreAligned(n, g, g.rowRank)
  }

  for (const { members, scan } of findScans(graph, nodes, choose, room)) {
    const g: OpenGroup = { kind: 'scan', members: [...members], rowRank: 0, scan }
    groups.push(g)
    for (const m of members) groupOf.set(m.id, g)
  }

  for (const n of nodes.values()) {
    if (groupOf.has(n.id)) continue
    const product = n.reduce && contractionOf(n, own(n))
    const tiled = product !== undefined && isTiled(product)
    const scatter = !tiled && scatterOf(n, own(n)) !== undefined
    const host =
      tiled || scatter
        ? undefined
        : [...groups]
            .reverse()
            .slice(0, latestGroups)
            // The dependency test is the slowest, so it comes last.
            .find(g => g.members.length < mostMembers && mayJoin(n, g) && free(n, g))
    const g = host ?? {
      kind: tiled ? 'contract' : scatter ? 'scatter' : n.reduce ? 'rows' : 'map',
      members: [],
      rowRank: own(n).length,
    }
    if (host === undefined) groups.push(g)
    g.members.push(n)
    groupOf.set(n.id, g)
  }

  const around = { graph, nodes, pinned, updates, traits, room }
  const complete = joinCoarseRows(joinShared(joinSmallGroups(groups, around), around), around)
  const home = new Map(complete.flatMap(g => g.members.map(m => [m.id, g] as const)))
  const readOutside = new Set<NodeId>(pinned)
  for (const g of complete)
    for (const n of g.members) for (const id of readIds(n)) if (home.get(id) !== g) readOutside.add(id)
  return complete.map(g => {
    const region = g.scan ? g.scan.region.parent : g.members[0]!.region
    return {
      kind: g.kind,
      members: g.members,
      rowRank: g.rowRank,
      stored: new Set(g.members.filter(m => readOutside.has(m.id)).map(m => m.id)),
      updates: new Map(g.members.flatMap(m => (updates.has(m.id) ? [[m.id, updates.get(m.id)!]] : []))),
      ...(region === undefined ? {} : { region }),
      ...(g.shared ? { shared: g.shared } : {}),
      ...(g.scan ? { scan: g.scan } : {}),
    }
  })
}
