/**
 * Memory planning, first half: which nodes share a *storage*, and how each node's elements lie in it. The
 * other half gives buffers to storages: `order.ts` puts groups in sequence, `liveness.ts` finds each
 * storage's live range, and `share.ts` assigns buffers to ranges that do not overlap, as register allocators
 * do (Chaitin, 1982, "Register allocation & spilling via graph coloring"; here buffers have sizes and nothing
 * is spilled).
 *
 *     a carry of 8 elements of which only the last slot is read outside  →  one storage of 8 elements
 *     for the carry, its init and its next
 *
 * No kernel is chosen or written here, and no values are known.
 */
import { readsOf } from '../ir/expr.js'
import { dimensionsOfNode, regionPath, shapeOf } from '../ir/graph.js'
import type { CarryNode, Graph, NodeId, RegionId } from '../ir/ir.js'
import type { Group } from '../kernel/group.js'
import type { Placement, Storage } from '../kernel/placement.js'
import { layoutOf } from './layout.js'
import type { Sequence } from './order.js'
import { slotsOf } from './slots.js'

/** Elements of a vector in WGSL. */
const vectorElements = 4

/** The storages of a graph, and the place of each stored node in them. */
export interface StoragePlan {
  readonly storages: readonly Storage[]
  readonly placements: ReadonlyMap<NodeId, Placement>
  /** For each storage, the loops during all of whose iterations it keeps its values. */
  readonly persistent: ReadonlyMap<number, ReadonlySet<RegionId>>
}

/**
 * Decides how every stored node lies in memory. A node of a loop has a slot for each iteration if a node
 * outside the loop reads it, else a single slot. A carry has as many slots as `slotsOf` says; its `init` and
 * `next` are views of them. `fromMemory` are the inputs that each run reads from main memory.
 */
export const planStorage = (
  graph: Graph,
  groups: readonly Group[],
  order: Sequence,
  fromMemory: ReadonlySet<NodeId>,
): StoragePlan => {
  const slots = slotsOf(graph, groups, order)
  const layout = layoutOf(graph, groups)
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const carryOf = new Map<NodeId, CarryNode>()
  for (const n of graph.nodes) if (n.kind === 'carry') for (const id of [n.init, n.next]) carryOf.set(id, n)
  const owner = (id: NodeId): NodeId => carryOf.get(id)?.id ?? id

  /** For every owner, the loops outside of which it or one of its views is read. */
  const kept = new Map<NodeId, Set<RegionId>>()
  const note = (id: NodeId, readerPath: readonly RegionId[]): void => {
    const n = nodes.get(id)!
    if (n.kind !== 'compute' && n.kind !== 'carry') return
    const set = kept.get(owner(id)) ?? new Set()
    for (const r of regionPath(graph, n.region)) if (!readerPath.includes(r.id)) set.add(r.id)
    kept.set(owner(id), set)
  }
  for (const g of groups) {
    for (const m of g.members) {
      const path = regionPath(graph, m.region).map(r => r.id)
      for (const r of readsOf(m.body)) note(r.node, path)
    }
  }
  for (const o of graph.outputs) note(o.node, [])
  for (const n of graph.nodes)
    if (n.kind === 'carry') kept.set(n.id, (kept.get(n.id) ?? new Set<RegionId>()).add(n.region))

  const storages: Storage[] = []
  const placements = new Map<NodeId, Placement>()
  const place = (id: NodeId): Placement => {
    const known = placements.get(id)
    if (known) return known
    const n = nodes.get(id)!
    const carry = carryOf.get(id)
    const out = carry ? viewOf(place(carry.id), carry, id) : placeInOwnStorage(id, shapeOf(n))
    placements.set(id, out)
    return out
  }
  const placeInOwnStorage = (id: NodeId, shape: readonly number[]): Placement => {
    const n = nodes.get(id)!
    const path = n.kind === 'compute' || n.kind === 'carry' ? regionPath(graph, n.region) : []
    const dropped = shape.map((_, i) => i < path.length && !kept.get(id)?.has(path[i]!.id))
    const needed = n.kind === 'carry' ? slots.get(id)! : shape[path.length - 1]!
    let stride = 1
    const whole = dimensionsOfNode(n)
    const openOf = (i: number) => (whole[i]!.open === undefined ? {} : { open: whole[i]!.open })
    const dims: Placement['dims'][number][] = shape.map((extent, i) => ({
      ...{ stride: 0, shift: 0, extent },
      ...openOf(i),
    }))
    for (const i of [...layout(n)].reverse()) {
      const turns = i === path.length - 1 && needed < shape[i]! ? needed : undefined
      if (dropped[i] || turns === 1) continue
      // Each slot begins at a multiple of four elements, so that a kernel may access it by vectors.
      if (turns !== undefined) stride = vectorElements * Math.ceil(stride / vectorElements)
      dims[i] = {
        ...{ stride, shift: 0, extent: shape[i]! },
        ...openOf(i),
        ...(turns === undefined ? {} : { turns }),
      }
      stride *= turns ?? shape[i]!
    }
    const name = n.kind === 'input' ? n.name : n.origin.label
    const packing = n.kind === 'input' && n.packing !== undefined ? { packing: n.packing } : {}
    const memory = fromMemory.has(id) ? { fromMemory: true as const } : {}
    storages.push({ id: storages.length, name, dtype: n.dtype, elements: stride, ...packing, ...memory })
    const size = n.kind === 'input' && n.size !== undefined ? { size: n.size.number } : {}
    return { storage: storages.length - 1, base: 0, dims, ...size }
  }
  /**
   * The placement of a carry's `init` or `next` in the carry's storage. `next` at iteration l is slot l + 1
   * in a loop upwards and slot l in a loop downwards. `init` is the slot that the first iteration reads.
   */
  const viewOf = (whole: Placement, carry: CarryNode, id: NodeId): Placement => {
    const path = regionPath(graph, carry.region)
    const level = path.length - 1
    const region = path[level]!
    const up = region.direction === 'up'
    if (id === carry.next)
      return {
        ...whole,
        dims: whole.dims.map((d, i) =>
          i === level ? { ...d, shift: up ? 1 : 0, extent: region.axis.extent } : d,
        ),
      }
    const { stride, turns } = whole.dims[level]!
    const slot = up ? 0 : region.axis.extent
    return {
      storage: whole.storage,
      base: whole.base + (turns === undefined ? slot : slot % turns) * stride,
      dims: whole.dims.filter((_, i) => i !== level),
    }
  }
  for (const n of graph.nodes)
    if (n.kind === 'input' || n.kind === 'literal' || n.kind === 'carry') place(n.id)
  for (const g of groups)
    for (const m of g.members)
      if (g.updates.has(m.id)) placements.set(m.id, place(g.updates.get(m.id)!.into))
      else if (g.stored.has(m.id)) place(m.id)
  const persistent = new Map(
    [...kept].flatMap(([id, regions]) =>
      placements.has(id) ? [[placements.get(id)!.storage, regions] as const] : [],
    ),
  )
  return { storages, placements, persistent }
}
