import type { DeviceTraits } from '../artifact.js'
import { Builder } from '../ir/builder.js'
import { index, readsOf, substituteAxes } from '../ir/expr.js'
import { elementsOf } from '../ir/graph.js'
import type { ComputeNode, Graph, NodeId, Region, RegionId } from '../ir/ir.js'
import type { LoopBody } from '../kernel/scan-lanes.js'
import { mergeSums } from './merge-sums.js'
import { loopBodyOf, readOutside, type ScanChooser } from './scan-choice.js'
import { splitLoop } from './split-loops.js'

/** Bytes that nodes which leave a loop may take more than before, in all iterations together. */
const mostBytes = 64 * 2 ** 20

/** Nanoseconds of writing and reading a byte. */
const timeOfByte = (traits: DeviceTraits): number => (traits.software ? 0.8 : 0.002)
/** A loop has to gain so much by nodes that leave it. */
const leastGain = 1.2

/** A graph after nodes have left loops, and the loops that are now in place of each of those. */
export interface LeftLoops {
  readonly graph: Graph
  readonly left: ReadonlyMap<RegionId, readonly RegionId[]>
}

/** The nodes of a loop that its carries do not need, and the sums that do not need its carries. */
interface Parts {
  /** Computed for all iterations at once before the loop. */
  readonly before: ReadonlySet<NodeId>
  /** Computed for all iterations at once after it. */
  readonly after: ReadonlySet<NodeId>
}

const readIdsWithin = (n: ComputeNode, ids: ReadonlySet<NodeId>): readonly NodeId[] =>
  readsOf(n.body).flatMap(r => (ids.has(r.node) ? [r.node] : []))

const partsOf = ({ carries, members }: LoopBody): Parts => {
  const byId = new Map(members.map(m => [m.id, m]))
  const own = new Set(byId.keys())
  const carried = new Set(carries.map(c => c.id))
  const reach = (from: Iterable<NodeId>): Set<NodeId> => {
    const found = new Set<NodeId>()
    const visit = (id: NodeId): void => {
      if (found.has(id)) return
      found.add(id)
      for (const x of readIdsWithin(byId.get(id)!, own)) visit(x)
    }
    for (const id of from) visit(id)
    return found
  }
  const needed = reach(carries.map(c => c.next))
  const free = new Set<NodeId>()
  for (const m of members)
    if (readsOf(m.body).every(r => !carried.has(r.node) && (!own.has(r.node) || free.has(r.node))))
      free.add(m.id)
  const next = new Set(carries.map(c => c.next))
  const sums = members.filter(m => m.reduce && free.has(m.id) && needed.has(m.id) && !next.has(m.id))
  const before = reach(sums.map(m => m.id))
  return {
    before: new Set([...before].filter(id => !next.has(id))),
    after: new Set([...own].filter(id => !needed.has(id))),
  }
}

/** Bytes of all iterations of nodes that memory does not keep yet. */
const bytesOfAll = (nodes: Iterable<{ readonly elements: number }>): number =>
  [...nodes].reduce((sum, n) => sum + 4 * n.elements, 0)

/**
 * Moves nodes out of loops that run inside a kernel. What no later iteration needs is computed after the
 * loop, and a sum that needs no earlier iteration before it, for all iterations at once:
 *
 *     loop l: h[l + 1] = a[l] · h[l] + b[l]; y[l] = Σ n · c[l, n] · h[l + 1, n]
 *     →  loop l: h[l + 1] = …;  y[l] = Σ n · c[l, n] · h[l + 1, n] for all l
 *
 * The loop has more lanes then, if the node read several of them. What the node reads is kept for all
 * iterations; a node stays in the loop where that takes much memory, or more time than the loop gains. Loops
 * that are `whole` keep their nodes.
 */
export const leaveLoops = (
  graph: Graph,
  traits: DeviceTraits,
  choose: ScanChooser,
  whole: ReadonlySet<RegionId>,
): LeftLoops => {
  let current = graph
  const left = new Map<RegionId, readonly RegionId[]>()
  const memory = { most: mostBytes, ofByte: timeOfByte(traits) }
  const bodyOf = (region: Region): LoopBody | undefined =>
    loopBodyOf(
      current,
      region,
      current.nodes.filter(n => n.kind === 'compute'),
    )
  for (const region of graph.regions) {
    const body = whole.has(region.id) ? undefined : bodyOf(region)
    if (body === undefined) continue
    const split = splitLoop(current, body, choose, memory)
    current = split.graph
    let moved = split.regions.length > 1
    for (const part of split.regions) {
      const own = bodyOf(part)
      const ids = own === undefined ? undefined : leaving(current, own, choose, memory.ofByte)
      if (own === undefined || ids === undefined || ids.size === 0) continue
      current = mergeSums(moveOut(current, part, ids), ids)
      moved = moved || own.carries.length > 0
    }
    const needed = new Set(current.regions.map(r => r.id))
    if (moved)
      left.set(
        region.id,
        split.regions.map(r => r.id).filter(id => needed.has(id)),
      )
  }
  return { graph: current, left }
}

/** The nodes that leave a loop. */
const leaving = (
  graph: Graph,
  body: LoopBody,
  choose: ScanChooser,
  byteTime: number,
): ReadonlySet<NodeId> => {
  const none = new Set<NodeId>()
  const { before, after } = partsOf(body)
  if (before.size + after.size === 0) return none
  const without = (ids: ReadonlySet<NodeId>): LoopBody => ({
    ...body,
    members: body.members.filter(m => !ids.has(m.id)),
  })
  const both = new Set([...before, ...after])
  const core = body.carries.length === 0 ? undefined : choose(without(both))
  if (core === undefined && body.carries.length > 0) return none
  const kept = readOutside(graph, body.region)
  const next = new Map(body.carries.map(c => [c.next, c.id]))
  const isKept = (id: NodeId): boolean =>
    kept.has(id) ||
    (next.has(id) && kept.has(next.get(id)!)) ||
    body.carries.some(c => c.id === id && kept.has(c.next))
  const all = new Map([...body.carries, ...body.members].map(n => [n.id, n]))
  const more = (ids: ReadonlySet<NodeId>): number => {
    const read = body.members
      .filter(m => ids.has(m.id))
      .flatMap(m => readsOf(m.body).flatMap(r => (all.has(r.node) ? [next.get(r.node) ?? r.node] : [])))
    const stored = [...new Set([...ids, ...read])].filter(id => !isKept(id))
    return bytesOfAll(stored.map(id => ({ elements: elementsOf(all.get(id)!) })))
  }
  // A loop that carries nothing is none.
  if (core === undefined) return more(after) <= mostBytes ? after : none
  const first = more(before) <= mostBytes ? before : none
  const whole = choose(without(first))
  const cost = more(after)
  const gains = whole === undefined || whole.time > leastGain * core.time + cost * byteTime
  const goes = cost === 0 || (gains && cost <= mostBytes)
  return new Set([...first, ...(goes ? after : [])])
}

/** The graph with nodes of a loop outside of it, where the loop's index is an axis like others. */
const moveOut = (graph: Graph, region: Region, ids: ReadonlySet<NodeId>): Graph => {
  const b = new Builder(graph)
  for (const n of graph.nodes) {
    if (n.kind !== 'compute' || !ids.has(n.id)) continue
    const axis = b.axis(region.axis.name, region.axis.extent, region.axis.open)
    const { region: _, ...rest } = n
    b.nodes.set(n.id, {
      ...rest,
      dims: n.dims.map(d => d.map(a => (a.id === region.axis.id ? axis : a))),
      body: substituteAxes(n.body, new Map([[region.axis.id, index(axis)]])),
      ...(region.parent === undefined ? {} : { region: region.parent }),
    })
  }
  return b.finish()
}
