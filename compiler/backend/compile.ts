/**
 * The back end turns a simplified graph into an artifact for one device: kernels as WGSL, buffers, and the
 * order of dispatches. The phases, each a function below or a room of its own:
 *
 *     group     which nodes share a kernel                     fuse, memory
 *     order     which kernel runs after which, in which loop   plan/order.ts
 *     store     which tensors are views of one storage         plan/storage.ts
 *     schedule  which thread computes what                     schedule/choose.ts
 *     emit      the kernels' text                              wgsl/emit.ts
 *     assemble  buffers, steps and requirements                assemble.ts
 *
 * No phase knows values, and the same graph and device give the same artifact.
 */
import type { Artifact, DeviceTraits } from '../artifact.js'
import { bindingBudgetOf, type WindowCounts } from '../fuse/binding-budget.js'
import { fuseNodes, oneGroupEach } from '../fuse/fuse.js'
import { findInPlaceUpdates } from '../fuse/in-place.js'
import { leaveLoops } from '../fuse/leave-loops.js'
import { normalise } from '../fuse/normalise.js'
import { type ScanMode, scanChooser } from '../fuse/scan-choice.js'
import { splitReads } from '../fuse/split-reads.js'
import { splitReductions } from '../fuse/split-reductions.js'
import { elementsOf, regionPath } from '../ir/graph.js'
import type { Graph, NodeId, RegionId } from '../ir/ir.js'
import { verified } from '../ir/verify.js'
import { createAxisSource, inputsFromMemory, type KernelContext } from '../kernel/context.js'
import type { Group } from '../kernel/group.js'
import { problemOf } from '../kernel/problem.js'
import { fitMemory, type MemoryLimits, memoryLimits } from '../memory/fit-memory.js'
import { orderGroups } from '../plan/order.js'
import { planStorage, type StoragePlan } from '../plan/storage.js'
import { chooseSchedule, type Tuning } from '../schedule/choose.js'
import { emitKernel } from '../wgsl/emit.js'
import type { EmittedKernel } from '../wgsl/kernel.js'
import { assembleArtifact, type CompiledParts } from './assemble.js'
import { kernelSpecOf } from './kernel-spec.js'
import { countStorageWindows } from './requirements.js'

/** The options of compiling a graph. */
export interface CompileOptions {
  readonly name?: string
  /** `false` gives one plain kernel for each node: the reference that optimised kernels are compared with. */
  readonly fuse?: boolean
  /** Which loops run inside kernels; by default those that are faster so. */
  readonly scans?: ScanMode
  /** The fastest schedules by measurement. The cost model decides about all other kernels. */
  readonly tuning?: Tuning
  /** The sizes from which chunking and rematerialisation save memory; by default those of the device. */
  readonly limits?: MemoryLimits
}

/** A graph ready for a device, with its nodes in groups. Each group becomes a kernel. */
export interface GroupedGraph {
  readonly graph: Graph
  readonly groups: readonly Group[]
  /** Makes axes that no node of the graph has. */
  readonly axis: KernelContext['axis']
  /** The inputs that each run reads from main memory, because the cache cannot hold them all. */
  readonly fromMemory: ReadonlySet<NodeId>
}

/** An artifact, and the results of the phases before it. */
export interface CompiledGraph {
  readonly grouped: GroupedGraph
  readonly parts: CompiledParts
  readonly artifact: Artifact
}

/** Compiles a graph to kernels, buffers and an order of dispatches. */
export const compileGraph = (graph: Graph, traits: DeviceTraits, options: CompileOptions = {}): Artifact =>
  compileInPhases(graph, traits, options).artifact

/**
 * Compiles a graph to an artifact, and returns the result of each phase too. The number of bindings that a
 * large tensor takes is known only when its kernels are written. Where a kernel then binds too many buffers,
 * nodes are grouped again with that knowledge. The runtime refuses an artifact that no grouping makes fit.
 */
export const compileInPhases = (
  graph: Graph,
  traits: DeviceTraits,
  options: CompileOptions = {},
): CompiledGraph => {
  let known: WindowCounts = new Map()
  for (let attempt = 1; ; attempt++) {
    const compiled = compileOnce(groupNodes(graph, traits, options, known), traits, options)
    const { artifact, windows } = compiled
    const fits = artifact.requires.storageBuffersPerStage <= traits.storageBuffersPerStage
    const more = new Map(known)
    for (const [id, n] of windows) more.set(id, Math.max(n, known.get(id) ?? 1))
    const learnt = [...more].some(([id, n]) => known.get(id) !== n)
    if (fits || !learnt || attempt === mostAttempts) return compiled
    known = more
  }
}

/**
 * Each attempt finds more windows, and few attempts find all. The bound only guards against endless
 * repetition.
 */
const mostAttempts = 8

/** Compiles a graph whose nodes are in groups already. */
export const compileGroups = (
  grouped: GroupedGraph,
  traits: DeviceTraits,
  options: CompileOptions = {},
): Artifact => compileOnce(grouped, traits, options).artifact

/** The phases from `order` to `assemble`, and the windows that the kernels turned out to need. */
const compileOnce = (
  grouped: GroupedGraph,
  traits: DeviceTraits,
  options: CompileOptions,
): CompiledGraph & { readonly windows: WindowCounts } => {
  const { graph, groups, fromMemory } = grouped
  const order = orderGroups(graph, groups)
  const storage = planStorage(graph, groups, order, fromMemory)
  const kernels = compileKernels(grouped, storage, traits, options)
  const parts = { graph, order, storage, kernels }
  const artifact = assembleArtifact(parts, traits, options.name ?? 'graph')
  return { grouped, parts, artifact, windows: windowsOfNodes([...kernels.values()], storage) }
}

/**
 * Decides which nodes share a kernel. Nodes leave a loop only where the loop then runs inside a kernel, which
 * is known when groups are: a loop that does not is grouped again with its nodes.
 */
export const groupNodes = (
  graph: Graph,
  traits: DeviceTraits,
  options: CompileOptions = {},
  windows: WindowCounts = new Map(),
): GroupedGraph => {
  const plain = options.fuse === false
  const normal = verified(normalise(graph), 'normalise')
  const room = bindingBudgetOf(traits, windows)
  if (plain) {
    const ready = verified(splitReads(normal, room), 'split reads')
    return withGroups(ready, traits, () => oneGroupEach(ready))
  }
  const whole = new Set<RegionId>()
  const { scans = 'best' } = options
  for (;;) {
    const { graph: free, left } =
      scans === 'never'
        ? { graph: normal, left: new Map<RegionId, readonly RegionId[]>() }
        : leaveLoops(normal, traits, scanChooser(traits, scans), whole)
    const lean = fitMemory(verified(free, 'leave loops'), traits, options.limits ?? memoryLimits(traits))
    const short = verified(splitReductions(lean, traits), 'split')
    const ready = verified(splitReads(short, room), 'split reads')
    const grouped = withGroups(ready, traits, axis =>
      fuseNodes(ready, traits, { updates: findInPlaceUpdates(ready, axis), windows, scans }),
    )
    const inKernels = new Set(grouped.groups.flatMap(g => g.scan?.region.id ?? []))
    const wrong = [...left].flatMap(([id, now]) => (now.every(x => inKernels.has(x)) ? [] : [id]))
    if (scans === 'never' || wrong.length === 0) return grouped
    for (const id of wrong) whole.add(id)
  }
}

const withGroups = (
  graph: Graph,
  traits: DeviceTraits,
  group: (axis: KernelContext['axis']) => readonly Group[],
): GroupedGraph => {
  const axis = freshAxes(graph)
  const inputs = graph.nodes.filter(n => n.kind === 'input')
  return { graph, groups: group(axis), axis, fromMemory: inputsFromMemory(inputs, traits) }
}

/** Makes axes that no node of a graph has. */
export const freshAxes = (graph: Graph): KernelContext['axis'] => {
  const own = graph.nodes.flatMap(n =>
    n.kind === 'compute' ? [...n.dims.flat(), ...(n.reduce?.axes ?? [])].map(a => a.id) : [],
  )
  return createAxisSource(1 + Math.max(0, ...own, ...graph.regions.map(r => r.axis.id)))
}

/** Schedules and writes the kernel of each group that stores something. */
const compileKernels = (
  { graph, groups, axis }: GroupedGraph,
  { placements, storages }: StoragePlan,
  traits: DeviceTraits,
  options: CompileOptions,
): ReadonlyMap<Group, EmittedKernel> => {
  const ctx: KernelContext = { traits, placements, storages, axis }
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const choice = { plain: options.fuse === false, tuning: options.tuning }
  const storesNothing = (g: Group): boolean =>
    g.members.every(m => !g.stored.has(m.id) || elementsOf(m) === 0)
  const kernels = new Map<Group, EmittedKernel>()
  for (const g of groups) {
    if (storesNothing(g)) continue
    const spec = kernelSpecOf(g, graph, nodes)
    const problem = problemOf(g, regionPath(graph, g.region), ctx)
    const chosen = chooseSchedule(problem, ctx, choice)
    const kernel = emitKernel({ problem, schedule: chosen.schedule, spec }, ctx)
    kernels.set(g, { ...kernel, decl: { ...kernel.decl, chosen } })
  }
  return kernels
}

/** The number of bindings of each node that takes more than one. */
const windowsOfNodes = (kernels: readonly EmittedKernel[], { placements }: StoragePlan): WindowCounts => {
  const windows = countStorageWindows(kernels)
  return new Map(
    [...placements].flatMap(([id, { storage }]) => {
      const n = windows.get(storage) ?? 1
      return n > 1 ? [[id, n] as const] : []
    }),
  )
}
