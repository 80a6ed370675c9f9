import type { Artifact, BufferDecl, DeviceTraits, KernelDecl, Slice, Step, TensorDecl } from '../artifact.js'
import { fused, unfused } from '../fuse/fuse.js'
import { updatesOf } from '../fuse/in-place.js'
import { normalise } from '../fuse/normalise.js'
import { roomOf, type Windows } from '../fuse/room.js'
import { splitReductions } from '../fuse/split.js'
import { splitReads } from '../fuse/split-reads.js'
import { readsOf } from '../ir/expr.js'
import { elementsOf, regionPath, shapeOf } from '../ir/graph.js'
import type { Graph, Node, NodeId, Region } from '../ir/ir.js'
import { bytesOf } from '../ir/packing.js'
import { verified } from '../ir/verify.js'
import { axisSource, type Context, inputsFromMemory, productOf } from '../kernel/context.js'
import { flopsOf } from '../kernel/cost.js'
import type { Group } from '../kernel/group.js'
import { type MemoryLimits, memoryLimits, withinMemory } from '../memory/memory.js'
import { livesOf } from '../plan/liveness.js'
import { type Sequence, sequence } from '../plan/order.js'
import { leastBytes, type Need, share } from '../plan/share.js'
import { planStorage } from '../plan/storage.js'
import { contractChoice } from '../schedule/contract.js'
import { mapChoice } from '../schedule/map.js'
import { rowsChoice } from '../schedule/rows.js'
import { scatterChoice } from '../schedule/scatter.js'
import { type Choice, settled, type Tuning } from '../schedule/schedule.js'
import type { EmittedKernel, KernelSpec } from '../wgsl/kernel.js'
import { storageBytes } from '../wgsl/slices.js'
import { requirementsOf, windowsOfStorages } from './requirements.js'
import { wordsOf } from './words.js'

/** Bytes that a group reads and writes, each tensor counted once. */
const trafficOf = (g: Group, nodes: ReadonlyMap<NodeId, Node>, slices: (id: NodeId) => number): number => {
  const own = new Map(g.members.map(m => [m.id, m]))
  const read = new Set(g.members.flatMap(m => readsOf(m.body)).map(r => r.node))
  const ids = [...[...read].filter(id => !own.has(id)), ...g.stored]
  const bytes = (n: Node): number => bytesOf(elementsOf(n), n.kind === 'input' ? n.packing : undefined)
  return ids.reduce((n, id) => n + bytes(own.get(id) ?? nodes.get(id)!) / Math.max(1, slices(id)), 0)
}

/** What schedules there are for a group. What a family can't write goes by rows, which can write anything that reduces. */
const choiceOf = (
  g: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
  plain: boolean,
): Choice => {
  if (g.kind === 'map') return mapChoice(g, loops, ctx, spec)
  const special =
    g.kind === 'contract'
      ? contractChoice(g, loops, ctx, spec)
      : g.kind === 'scatter'
        ? scatterChoice(g, loops, ctx, spec)
        : undefined
  return special ?? rowsChoice(g, loops, ctx, spec, plain)
}

/** How a graph is compiled. */
export interface CompileOptions {
  readonly name?: string
  /** `false`: one plain kernel a node, the reference for everything cleverer. */
  readonly fuse?: boolean
  /** Schedules that were measured to be best; the cost model decides about all others. */
  readonly tuning?: Tuning
  /** From which sizes on memory is saved by chunks and by making things again; the device's own limits unless given. */
  readonly limits?: MemoryLimits
}

/** A graph ready for a device, its nodes in the groups that become kernels. */
export interface Grouped {
  readonly graph: Graph
  readonly groups: readonly Group[]
  readonly axis: Context['axis']
  /** The inputs that each run reads from memory. */
  readonly fromMemory: ReadonlySet<NodeId>
}

/** What shares a kernel. */
export const grouped = (
  graph: Graph,
  traits: DeviceTraits,
  options: CompileOptions = {},
  windows: Windows = new Map(),
): Grouped => {
  const plain = options.fuse === false
  const whole = verified(normalise(graph), 'normalise')
  const lean = plain ? whole : withinMemory(whole, traits, options.limits ?? memoryLimits(traits))
  const short = plain ? lean : verified(splitReductions(lean, traits), 'split')
  const ready = verified(splitReads(short, roomOf(traits, windows)), 'split reads')
  const axis = freshAxes(ready)
  return {
    graph: ready,
    groups: plain ? unfused(ready) : fused(ready, traits, updatesOf(ready, axis), windows),
    axis,
    fromMemory: inputsFromMemory(
      ready.nodes.filter(n => n.kind === 'input'),
      traits,
    ),
  }
}

/** Axes that no node of a graph has. */
export const freshAxes = (graph: Graph): Context['axis'] => {
  const own = graph.nodes.flatMap(n =>
    n.kind === 'compute' ? [...n.dims.flat(), ...(n.reduce?.axes ?? [])].map(a => a.id) : [],
  )
  return axisSource(1 + Math.max(0, ...own, ...graph.regions.map(r => r.axis.id)))
}

/** Groups that are made anew, at most so often, because a kernel binds too much. */
const mostAttempts = 8

/**
 * A graph as kernels, buffers and an order of dispatches for a device. How many bindings a tensor takes is known when kernels are written: where one has
 * too many, nodes are put into groups anew by what was found. What no grouping makes fit, the runtime refuses.
 */
export const compileGraph = (graph: Graph, traits: DeviceTraits, options: CompileOptions = {}): Artifact => {
  let known: Windows = new Map()
  for (let attempt = 1; ; attempt++) {
    const { artifact, windows } = assembled(grouped(graph, traits, options, known), traits, options)
    const fits = artifact.requires.storageBuffersPerStage <= traits.storageBuffersPerStage
    const more = new Map(known)
    for (const [id, n] of windows) more.set(id, Math.max(n, known.get(id) ?? 1))
    const same = [...more].every(([id, n]) => known.get(id) === n)
    if (fits || same || attempt === mostAttempts) return artifact
    known = more
  }
}

/** The same of nodes that are in groups already. */
export const compileGroups = (
  groups: Grouped,
  traits: DeviceTraits,
  options: CompileOptions = {},
): Artifact => assembled(groups, traits, options).artifact

/** How many bindings nodes take that take more than one. */
const windowsIn = (
  kernels: readonly EmittedKernel[],
  placements: ReadonlyMap<NodeId, { readonly storage: number }>,
): Windows => {
  const most = windowsOfStorages(kernels)
  return new Map(
    [...placements].flatMap(([id, { storage }]) => {
      const n = most.get(storage) ?? 1
      return n > 1 ? [[id, n]] : []
    }),
  )
}

const assembled = (
  { graph: ready, groups, axis, fromMemory }: Grouped,
  traits: DeviceTraits,
  options: CompileOptions,
): { readonly artifact: Artifact; readonly windows: Windows } => {
  const plain = options.fuse === false
  const nodes = new Map<NodeId, Node>(ready.nodes.map(n => [n.id, n]))
  const order = sequence(ready, groups)
  const plan = planStorage(ready, groups, order, fromMemory)
  const ctx: Context = {
    traits,
    placements: plan.placements,
    storages: plan.storages,
    axis,
  }

  const emitted = new Map<Group, EmittedKernel>()
  for (const g of groups) {
    const loops = regionPath(ready, g.region)
    if (g.members.every(m => !g.stored.has(m.id) || elementsOf(m) === 0)) continue
    const iterations = (id: NodeId): number => {
      const n = nodes.get(id)!
      const path = n.kind === 'compute' || n.kind === 'carry' ? regionPath(ready, n.region) : []
      return productOf(path.map(r => r.axis))
    }
    const spec: KernelSpec = {
      members: g.members,
      updates: g.updates,
      loops,
      flops: g.members.reduce((n, m) => n + flopsOf(m) / Math.max(1, productOf(loops.map(l => l.axis))), 0),
      bytes: trafficOf(g, nodes, iterations),
    }
    emitted.set(g, settled(choiceOf(g, loops, ctx, spec, plain), options.tuning))
  }

  const kernels: KernelDecl[] = []
  const kernelOf = new Map<string, number>()
  for (const k of emitted.values()) if (!kernelOf.has(k.key)) kernelOf.set(k.key, kernels.push(k.decl) - 1)

  const roles = new Map<number, BufferDecl['role']>()
  const literals = new Map<number, readonly number[]>()
  for (const n of ready.nodes) {
    if (n.kind === 'input') roles.set(plan.placements.get(n.id)!.storage, 'input')
    if (n.kind !== 'literal') continue
    roles.set(plan.placements.get(n.id)!.storage, 'literal')
    literals.set(plan.placements.get(n.id)!.storage, wordsOf(n.dtype, n.data))
  }
  for (const o of ready.outputs) {
    const { storage } = plan.placements.get(o.node)!
    if (!roles.has(storage)) roles.set(storage, 'output')
  }

  const persistent = plan.persistent
  const lives = livesOf(order, g => emitted.get(g)?.storages ?? [], persistent)
  const buffers: BufferDecl[] = []
  const bufferOf = new Map<number, number>()
  for (const [storage, role] of roles) {
    const words = literals.get(storage)
    bufferOf.set(storage, buffers.length)
    buffers.push({
      bytes: storageBytes(plan.storages[storage]!),
      role,
      ...(words ? { words } : {}),
    })
  }
  const needs = [...lives].flatMap(([storage, life]): readonly Need[] =>
    roles.has(storage) ? [] : [{ storage, bytes: storageBytes(plan.storages[storage]!), life }],
  )
  const standing = buffers.reduce((n, b) => n + b.bytes, 0)
  const shared = share(needs)
  for (const [storage, i] of shared.bufferOf) bufferOf.set(storage, buffers.length + i)
  for (const bytes of shared.sizes) buffers.push({ bytes, role: 'temp' })

  /** A tensor in a buffer that is too large to be bound, which it shares with a larger one. */
  const wholeOf = (storage: number): Slice | null => {
    const { bytes } = buffers[bufferOf.get(storage)!]!
    const size = storageBytes(plan.storages[storage]!)
    return bytes > traits.bindingBytes && size < bytes ? { offset: 0, strides: [], size } : null
  }

  const stepsOf = (s: Sequence): readonly Step[] =>
    s.flatMap((item): readonly Step[] => {
      if (item.kind === 'loop') {
        const steps = stepsOf(item.body)
        const { axis, direction } = item.region
        return axis.extent === 0 || steps.length === 0
          ? []
          : [{ kind: 'loop', count: axis.extent, direction, steps }]
      }
      const k = emitted.get(item.group)
      if (k === undefined) return []
      const buffersBound = k.storages.map(id => bufferOf.get(id)!)
      const slices = k.slices.map((slice, i) => slice ?? wholeOf(k.storages[i]!))
      return [
        {
          kind: 'dispatch',
          kernel: kernelOf.get(k.key)!,
          buffers: buffersBound,
          ...(slices.some(slice => slice !== null) ? { slices } : {}),
          workgroups: k.workgroups,
        },
      ]
    })

  const tensor = (name: string, id: NodeId): TensorDecl => {
    const n = nodes.get(id)!
    return {
      name,
      dtype: n.dtype,
      shape: shapeOf(n),
      buffer: bufferOf.get(plan.placements.get(id)!.storage)!,
      offset: 0,
      ...(n.kind === 'input' && n.below !== undefined ? { below: n.below } : {}),
      ...(n.kind === 'input' && n.packing !== undefined ? { packing: n.packing } : {}),
    }
  }
  const used = [...emitted.values()]
  const steps = stepsOf(order)
  const artifact: Artifact = {
    format: 'jola-artifact-2',
    name: options.name ?? 'graph',
    requires: requirementsOf(used, traits, { buffers, steps, storages: plan.storages }),
    buffers,
    inputs: ready.nodes.flatMap(n => (n.kind === 'input' ? [tensor(n.name, n.id)] : [])),
    outputs: ready.outputs.map(o => ({
      ...tensor(o.name, o.node),
      ...(o.replaces === undefined ? {} : { replaces: o.replaces }),
    })),
    kernels,
    steps,
    peakBytes: buffers.reduce((n, b) => n + b.bytes, 0),
    leastBytes: standing + leastBytes(needs),
  }
  return { artifact, windows: windowsIn(used, plan.placements) }
}
