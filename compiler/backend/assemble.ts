import type { Artifact, BufferDecl, DeviceTraits, KernelDecl, Slice, Step, TensorDecl } from '../artifact.js'
import { shapeOf } from '../ir/graph.js'
import type { Graph, Node, NodeId } from '../ir/ir.js'
import type { Group } from '../kernel/group.js'
import { type LiveRange, liveRangesOf } from '../plan/liveness.js'
import type { Sequence } from '../plan/order.js'
import { type BufferDemand, leastBytes, shareBuffers } from '../plan/share.js'
import type { StoragePlan } from '../plan/storage.js'
import type { EmittedKernel } from '../wgsl/kernel.js'
import { storageBytes } from '../wgsl/slices.js'
import { requirementsOf } from './requirements.js'
import { wordsOf } from './words.js'

/** The results of the earlier phases. */
export interface CompiledParts {
  readonly graph: Graph
  readonly order: Sequence
  readonly storage: StoragePlan
  /** The kernel of each group. A group that stores nothing has none. */
  readonly kernels: ReadonlyMap<Group, EmittedKernel>
}

/** The buffers of an artifact, and the buffer of each storage. */
export interface PlannedBuffers {
  readonly buffers: readonly BufferDecl[]
  /** The buffer of each storage. */
  readonly bufferOf: ReadonlyMap<number, number>
  /**
   * The live ranges of storages that kernels use. Inputs, literals and outputs are live during the whole run.
   */
  readonly ranges: ReadonlyMap<number, LiveRange>
  /** The most bytes that are live at one moment. */
  readonly leastBytes: number
}

/** Builds the artifact from kernels, buffers and the sequence of groups. */
export const assembleArtifact = (parts: CompiledParts, traits: DeviceTraits, name: string): Artifact => {
  const { graph, storage } = parts
  const planned = planBuffers(parts)
  const { kernels, numbers } = numberKernels([...parts.kernels.values()])
  const steps = stepsOf(parts.order, { parts, planned, numbers, bindingBytes: traits.bindingBytes })
  const nodes = new Map<NodeId, Node>(graph.nodes.map(n => [n.id, n]))
  const tensor = (label: string, id: NodeId): TensorDecl => {
    const n = nodes.get(id)!
    return {
      name: label,
      dtype: n.dtype,
      shape: shapeOf(n),
      buffer: planned.bufferOf.get(storage.placements.get(id)!.storage)!,
      offset: 0,
      ...(n.kind === 'input' && n.below !== undefined ? { below: n.below } : {}),
      ...(n.kind === 'input' && n.packing !== undefined ? { packing: n.packing } : {}),
    }
  }
  const { buffers } = planned
  return {
    format: 'jola-artifact-2',
    name,
    requires: requirementsOf([...parts.kernels.values()], traits, {
      buffers,
      steps,
      storages: storage.storages,
    }),
    buffers,
    inputs: graph.nodes.flatMap(n =>
      n.kind === 'input' && n.size === undefined ? [tensor(n.name, n.id)] : [],
    ),
    outputs: graph.outputs.map(o => ({
      ...tensor(o.name, o.node),
      ...(o.replaces === undefined ? {} : { replaces: o.replaces }),
    })),
    ...(graph.sizes === undefined ? {} : { sizes: graph.sizes }),
    kernels,
    steps,
    peakBytes: buffers.reduce((n, b) => n + b.bytes, 0),
    leastBytes: planned.leastBytes,
  }
}

/** The kernels with distinct texts, and the number of each by its key. */
const numberKernels = (
  emitted: readonly EmittedKernel[],
): { readonly kernels: readonly KernelDecl[]; readonly numbers: ReadonlyMap<string, number> } => {
  const kernels: KernelDecl[] = []
  const numbers = new Map<string, number>()
  for (const k of emitted) if (!numbers.has(k.key)) numbers.set(k.key, kernels.push(k.decl) - 1)
  return { kernels, numbers }
}

/** Storages that are live during the whole run: inputs, literals with their words, and outputs. */
const standingStorages = (
  graph: Graph,
  { placements }: StoragePlan,
): ReadonlyMap<number, Omit<BufferDecl, 'bytes'>> => {
  const standing = new Map<number, Omit<BufferDecl, 'bytes'>>()
  const storageOf = (id: NodeId): number => placements.get(id)!.storage
  for (const n of graph.nodes) {
    if (n.kind === 'input' && n.size === undefined) standing.set(storageOf(n.id), { role: 'input' })
    if (n.kind === 'literal')
      standing.set(storageOf(n.id), { role: 'literal', words: wordsOf(n.dtype, n.data) })
  }
  for (const o of graph.outputs)
    if (!standing.has(storageOf(o.node))) standing.set(storageOf(o.node), { role: 'output' })
  return standing
}

/** One buffer for each standing storage. All others share buffers where their live ranges do not overlap. */
export const planBuffers = ({ graph, order, storage, kernels }: CompiledParts): PlannedBuffers => {
  const bytesOf = (id: number): number => storageBytes(storage.storages[id]!)
  const standing = standingStorages(graph, storage)
  const buffers: BufferDecl[] = []
  const bufferOf = new Map<number, number>()
  for (const [id, decl] of standing) {
    bufferOf.set(id, buffers.length)
    buffers.push({ bytes: bytesOf(id), ...decl })
  }
  const standingBytes = buffers.reduce((n, b) => n + b.bytes, 0)
  const ranges = liveRangesOf(order, g => kernels.get(g)?.storages ?? [], storage.persistent)
  const demands = [...ranges].flatMap(([id, range]): readonly BufferDemand[] =>
    standing.has(id) ? [] : [{ storage: id, bytes: bytesOf(id), range }],
  )
  const shared = shareBuffers(demands)
  for (const [id, i] of shared.bufferOf) bufferOf.set(id, buffers.length + i)
  for (const bytes of shared.sizes) buffers.push({ bytes, role: 'temp' })
  return { buffers, bufferOf, ranges, leastBytes: standingBytes + leastBytes(demands) }
}

/** The tables that turn groups into dispatches. */
interface StepParts {
  readonly parts: CompiledParts
  readonly planned: PlannedBuffers
  readonly numbers: ReadonlyMap<string, number>
  readonly bindingBytes: number
}

/** The sequence of groups as dispatches and loops. A loop without a dispatch is left out. */
const stepsOf = (order: Sequence, s: StepParts): readonly Step[] =>
  order.flatMap((item): readonly Step[] => {
    if (item.kind === 'loop') {
      const steps = stepsOf(item.body, s)
      const { axis, direction } = item.region
      const empty = axis.extent === 0 || steps.length === 0
      return empty ? [] : [{ kind: 'loop', count: axis.extent, direction, steps }]
    }
    const kernel = s.parts.kernels.get(item.group)
    return kernel === undefined ? [] : [dispatchOf(kernel, s)]
  })

const dispatchOf = (k: EmittedKernel, { parts, planned, numbers, bindingBytes }: StepParts): Step => {
  const bufferOf = (storage: number): number => planned.bufferOf.get(storage)!
  /**
   * A tensor may share a buffer with a larger one. Where the whole buffer is too large for a binding, only
   * the tensor is bound.
   */
  const wholeTensor = (storage: number): Slice | null => {
    const { bytes } = planned.buffers[bufferOf(storage)]!
    const size = storageBytes(parts.storage.storages[storage]!)
    return bytes > bindingBytes && size < bytes ? { offset: 0, strides: [], size } : null
  }
  const slices = k.slices.map((slice, i) => slice ?? wholeTensor(k.storages[i]!))
  return {
    kind: 'dispatch',
    kernel: numbers.get(k.key)!,
    buffers: k.storages.map(bufferOf),
    ...(slices.some(slice => slice !== null) ? { slices } : {}),
    workgroups: k.workgroups,
    ...(typeof k.count === 'number' ? {} : { count: k.count }),
  }
}
