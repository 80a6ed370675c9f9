/**
 * Decides whether a loop runs inside one kernel: by a thread for each lane, by a workgroup for each lane, or
 * not. The estimates compare one launch and less parallelism with a launch for each kernel of each iteration.
 */
import type { DeviceTraits } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import { dimensionsOfNode, elementsOf, regionOf, regionPath, shapeOf } from '../ir/graph.js'
import type { CarryNode, ComputeNode, Graph, NodeId, Region } from '../ir/ir.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import { countLanes, innerExtents, type Lanes, type LoopBody, lanesOf } from '../kernel/scan-lanes.js'

/** How a loop is laid over threads inside a kernel. */
export interface ScanChoice {
  readonly lanes: Lanes
  /** Who runs a lane: one thread, or a workgroup whose threads share arrays. */
  readonly by: 'thread' | 'workgroup'
  /** The estimate, in nanoseconds. */
  readonly time: number
}

/**
 * Nanoseconds: of an operation, of a read, of one turn of an inner loop, of a barrier, and of launching a
 * kernel; threads that run at once, and those of them that one workgroup has. On a software device the times
 * are those of a vector of eight lanes.
 */
interface Costs {
  readonly operation: number
  readonly read: number
  readonly turn: number
  readonly barrier: number
  readonly launch: number
  readonly threads: number
  readonly workgroup: number
  /** Most elements of arrays that one thread holds. */
  readonly arrays: number
  /** Compiling a node in a longer kernel, divided by the runs of a typical program. */
  readonly compile: number
  /** The longest kernel: systems reset a GPU that does not answer for a second or two. */
  readonly longest: number
}

const software: Costs = {
  operation: 0.5,
  read: 6.5,
  turn: 1,
  barrier: 400,
  launch: 25_000,
  threads: 16,
  workgroup: 8,
  arrays: 256,
  compile: 100_000,
  longest: 20e9,
}

const gpu: Costs = {
  operation: 2,
  read: 20,
  turn: 4,
  barrier: 60,
  launch: 4000,
  threads: 2 ** 14,
  workgroup: 128,
  arrays: 64,
  compile: 20_000,
  longest: 0.25e9,
}

/**
 * The most nodes of a loop inside a kernel, and the most sums among them that a workgroup shares out: a
 * longer kernel takes seconds to compile.
 */
const most = { members: 40, sums: 8 } as const

/** The loop of a region, with its carries and nodes. `nodes` are those of the graph, in evaluation order. */
export const loopBodyOf = (
  graph: Graph,
  region: Region,
  nodes: Iterable<ComputeNode>,
): LoopBody | undefined => {
  if (region.chunks || graph.regions.some(r => r.parent === region.id)) return undefined
  const carries = graph.nodes.filter((n): n is CarryNode => n.kind === 'carry' && n.region === region.id)
  const members = [...nodes].filter(n => n.region === region.id)
  const depth = regionPath(graph, region.id).length
  return { region, depth, carries, members }
}

const hasOpenExtent = (n: CarryNode | ComputeNode): boolean =>
  dimensionsOfNode(n).some(d => d.open !== undefined) ||
  (n.kind === 'compute' && reduceAxes(n).some(a => a.open !== undefined))

/**
 * Which loops run inside kernels: those that are faster so, none, or (for tests) all that a thread or a
 * workgroup for each lane can run.
 */
export type ScanMode = 'best' | 'never' | 'thread' | 'workgroup'

/** Says how a loop runs inside a kernel; undefined where it is dispatched kernel by kernel. */
export type ScanChooser = (body: LoopBody) => ScanChoice | undefined

/** The choice for a device. */
export const scanChooser =
  (traits: DeviceTraits, mode: ScanMode): ScanChooser =>
  body =>
    mode === 'never' ? undefined : chooseScan(body, traits, mode)

const chooseScan = (
  body: LoopBody,
  traits: DeviceTraits,
  mode: Exclude<ScanMode, 'never'>,
): ScanChoice | undefined => {
  const { region, depth, carries, members } = body
  if (carries.length === 0 || members.length > most.members) return undefined
  if ([...carries, ...members].some(n => elementsOf(n) === 0)) return undefined
  // Lanes are counted when the kernel is written.
  if ([...carries, ...members].some(hasOpenExtent)) return undefined
  const costs = traits.software ? software : gpu
  const lanes = lanesOf(body)
  const count = countLanes(lanes)
  const innerOf = (n: ComputeNode | CarryNode): readonly number[] =>
    innerExtents(n.id, shapeOf(n), body, lanes)
  const elements = (n: ComputeNode | CarryNode): number => innerOf(n).reduce((a, b) => a * b, 1)
  const held = [...carries, ...members].map(elements).filter(n => n > 1)
  const arrays = held.reduce((a, b) => a + b, 0)
  const sharedBytes = held.reduce((sum, n) => sum + 16 * Math.ceil(n / 4), 0)
  const each = (m: ComputeNode): number =>
    operationsOf(m.body) * costs.operation + readsOf(m.body).length * costs.read + costs.turn
  const own = (m: ComputeNode): number => productOf(m.dims.flat().slice(depth))
  const turns = region.axis.extent
  const work = (times: (m: ComputeNode) => number): number =>
    members.reduce((sum, m) => sum + times(m) * productOf(reduceAxes(m)) * each(m), 0)

  const sums = members.filter(m => m.reduce !== undefined).length
  const kernels = 1 + sums
  const dispatched = turns * (kernels * costs.launch + work(m => Math.ceil(own(m) / costs.threads)))
  const byThread =
    arrays <= costs.arrays
      ? costs.launch + turns * Math.ceil(count / costs.threads) * work(elements)
      : Number.POSITIVE_INFINITY
  const groups = Math.ceil((count * costs.workgroup) / costs.threads)
  const byWorkgroup =
    sharedBytes <= traits.workgroupBytes && (mode !== 'best' || (arrays > 0 && sums <= most.sums))
      ? costs.launch +
        turns *
          groups *
          (work(m => Math.ceil(elements(m) / costs.workgroup)) + (members.length + 2) * costs.barrier)
      : Number.POSITIVE_INFINITY
  const best = Math.min(byThread, byWorkgroup)
  if (mode !== 'best')
    return sharedBytes <= traits.workgroupBytes ? { lanes, by: mode, time: best } : undefined
  if (best > costs.longest || !(best + members.length * costs.compile < dispatched)) return undefined
  return { lanes, by: byThread <= byWorkgroup ? 'thread' : 'workgroup', time: best }
}

/** Whether a node is read outside of a loop, or is an output. */
export const readOutside = (graph: Graph, region: Region): ReadonlySet<NodeId> => {
  const ids = new Set<NodeId>(graph.outputs.map(o => o.node))
  for (const n of graph.nodes)
    if (n.kind === 'compute' && n.region !== region.id) for (const r of readsOf(n.body)) ids.add(r.node)
    else if (n.kind === 'carry' && n.region !== region.id) for (const id of [n.init, n.next]) ids.add(id)
  return new Set([...ids].filter(id => regionOf(graph.nodes.find(n => n.id === id)!) === region.id))
}
