import { Builder } from '../ir/builder.js'
import { index, readsOf, substituteAxes } from '../ir/expr.js'
import { elementsOf } from '../ir/graph.js'
import type { CarryNode, ComputeNode, Graph, NodeId, Region } from '../ir/ir.js'
import type { LoopBody } from '../kernel/scan-lanes.js'
import type { ScanChooser } from './scan-choice.js'

/** A split has to gain so much. */
const leastGain = 1.2

/** What memory may take more, in bytes, and the nanoseconds of writing and reading a byte. */
export interface MemoryCost {
  readonly most: number
  readonly ofByte: number
}

/** What a value of a loop needs of the loop's nodes and carries, itself included. */
const needsOf = ({ carries, members }: LoopBody): ((id: NodeId) => ReadonlySet<NodeId>) => {
  const nextOf = new Map(carries.map(c => [c.id, c.next]))
  const byId = new Map(members.map(m => [m.id, m]))
  return root => {
    const found = new Set<NodeId>()
    const visit = (id: NodeId): void => {
      if (found.has(id)) return
      const next = nextOf.get(id)
      const member = byId.get(id)
      if (next === undefined && member === undefined) return
      found.add(id)
      if (next !== undefined) visit(next)
      else for (const r of readsOf(member!.body)) visit(r.node)
    }
    visit(root)
    return found
  }
}

/** The parts of a loop, each after those that it needs: carries that need each other, and their nodes. */
const partsOf = (body: LoopBody): readonly LoopBody[] => {
  const needs = needsOf(body)
  const of = new Map(body.carries.map(c => [c, needs(c.id)]))
  const sets: CarryNode[][] = []
  for (const c of body.carries) {
    const mate = sets.find(s => of.get(s[0]!)!.has(c.id) && of.get(c)!.has(s[0]!.id))
    if (mate) mate.push(c)
    else sets.push([c])
  }
  // What needs more comes later: a part needs all that the parts before it need of the loop.
  sets.sort((a, b) => of.get(a[0]!)!.size - of.get(b[0]!)!.size)
  const taken = new Set<NodeId>()
  return sets.map((carries, i) => {
    const own = (m: ComputeNode): boolean =>
      !taken.has(m.id) && (i === sets.length - 1 || of.get(carries[0]!)!.has(m.id))
    const members = body.members.filter(own)
    for (const m of members) taken.add(m.id)
    return { ...body, carries, members }
  })
}

/** The nodes of a part that need its carries; all others can be computed for all iterations at once. */
const coreOf = (part: LoopBody): LoopBody => {
  const needs = needsOf(part)
  const next = new Set(part.carries.map(c => c.next))
  const own = part.carries.map(c => c.id)
  const needed = new Set(part.carries.flatMap(c => [...needs(c.id)]))
  return {
    ...part,
    members: part.members.filter(
      m => next.has(m.id) || (needed.has(m.id) && own.some(id => needs(m.id).has(id))),
    ),
  }
}

/** Bytes of what a part reads of other parts, for all iterations. */
const bytesBetween = (parts: readonly LoopBody[]): number => {
  const nextOf = new Map(parts.flatMap(p => p.carries.map(c => [c.next, c.id] as const)))
  const homes = new Map(parts.flatMap(p => [...p.carries, ...p.members].map(n => [n.id, { p, n }] as const)))
  const read = new Set<NodeId>()
  for (const p of parts)
    for (const m of p.members)
      for (const r of readsOf(m.body)) {
        const home = homes.get(r.node)
        if (home !== undefined && home.p !== p) read.add(nextOf.get(r.node) ?? r.node)
      }
  return [...read].reduce((sum, id) => sum + 4 * elementsOf(homes.get(id)!.n), 0)
}

/**
 * Splits a loop into several, one after the other, where carries do not need each other and the parts have
 * more lanes than the whole. An example is a loss that is summed up beside a state: the state's loop has a
 * lane for each of its elements, and the sum runs over what that loop has kept.
 *
 * Returns the graph and its loops in place of this one.
 */
export const splitLoop = (
  graph: Graph,
  body: LoopBody,
  choose: ScanChooser,
  memory: MemoryCost,
): { readonly graph: Graph; readonly regions: readonly Region[] } => {
  const same = { graph, regions: [body.region] }
  const parts = body.carries.length < 2 ? [] : partsOf(body)
  if (parts.length < 2) return same
  const bytes = bytesBetween(parts)
  const times = parts.map(p => choose(coreOf(p))?.time ?? Number.POSITIVE_INFINITY)
  const apart = times.reduce((a, b) => a + b, 0) + bytes * memory.ofByte
  const whole = choose(body)?.time ?? Number.POSITIVE_INFINITY
  if (bytes > memory.most || !(leastGain * apart < whole)) return same
  const b = new Builder(graph)
  const { axis, direction, parent } = body.region
  const regions = parts.map((part, i) => {
    if (i === 0) return body.region
    const own = b.region(b.axis(axis.name, axis.extent, axis.open), direction, parent)
    for (const c of part.carries) b.nodes.set(c.id, { ...c, region: own.id })
    for (const m of part.members)
      b.nodes.set(m.id, {
        ...m,
        region: own.id,
        dims: m.dims.map(d => d.map(a => (a.id === axis.id ? own.axis : a))),
        body: substituteAxes(m.body, new Map([[axis.id, index(own.axis)]])),
      })
    return own
  })
  return { graph: b.finish(), regions }
}
