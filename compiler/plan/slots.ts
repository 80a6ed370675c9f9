import { type ReadExpr, readsOf } from '../ir/expr.js'
import { regionPath } from '../ir/graph.js'
import type { CarryNode, ComputeNode, Graph, NodeId, RegionId } from '../ir/ir.js'
import type { Group } from '../kernel/group.js'
import type { Sequence } from './order.js'

/** The moment at which each group runs in one pass over the sequence, and at which each loop begins. */
interface Moments {
  readonly group: ReadonlyMap<Group, number>
  readonly loop: ReadonlyMap<RegionId, number>
}

const momentsOf = (order: Sequence): Moments => {
  const group = new Map<Group, number>()
  const loop = new Map<RegionId, number>()
  let now = 0
  const walk = (s: Sequence): void => {
    for (const item of s)
      if (item.kind === 'group') {
        // A loop inside a kernel begins with the kernel.
        if (item.group.scan) loop.set(item.group.scan.region.id, now)
        group.set(item.group, now++)
      } else {
        loop.set(item.region.id, now++)
        walk(item.body)
      }
  }
  walk(order)
  return { group, loop }
}

interface CarryRead {
  readonly group: Group
  readonly member: ComputeNode
  readonly read: ReadExpr
}

/**
 * The number of slots of each carry that must be in memory at once: one, two (iterations write them in turn),
 * or all.
 *
 * All slots are needed if a reader outside the loop takes another slot than the last, or reads `init` after
 * the loop has begun. Otherwise one slot is enough if in each iteration every reader of the carry runs before
 * the kernel that writes its `next`, or is that kernel, is elementwise, and reads exactly the positions that
 * it writes. Else two are needed.
 */
export const slotsOf = (
  graph: Graph,
  groups: readonly Group[],
  order: Sequence,
): ReadonlyMap<NodeId, number> => {
  const moments = momentsOf(order)
  const readings = new Map<NodeId, CarryRead[]>()
  for (const group of groups)
    for (const member of group.members)
      for (const read of readsOf(member.body))
        readings.set(read.node, [...(readings.get(read.node) ?? []), { group, member, read }])
  const readersOf = (id: NodeId): readonly CarryRead[] => readings.get(id) ?? []
  const writer = new Map(groups.flatMap(g => g.members.map(m => [m.id, g] as const)))
  const pathOf = (n: ComputeNode): readonly RegionId[] => regionPath(graph, n.region).map(r => r.id)

  const slots = (carry: CarryNode): number => {
    const path = regionPath(graph, carry.region)
    const level = path.length - 1
    const { axis, direction, parent } = path[level]!
    const all = axis.extent + 1
    if (all === 1 || graph.outputs.some(o => o.node === carry.id)) return all
    const isInside = (r: CarryRead): boolean => pathOf(r.member).includes(carry.region)
    const isLast = (id: NodeId) => {
      const slot = direction === 'down' ? 0 : id === carry.id ? axis.extent : axis.extent - 1
      return ({ read }: CarryRead): boolean => {
        const p = read.at[level]!
        return p.op === 'const' && p.value === slot
      }
    }
    const kept = [carry.id, carry.next].some(id => !readersOf(id).every(r => isInside(r) || isLast(id)(r)))
    const begun = moments.loop.get(carry.region) ?? 0
    const late = readersOf(carry.init).some(
      r => r.member.region !== parent || moments.group.get(r.group)! >= begun,
    )
    if (kept || late) return all

    const writing = writer.get(carry.next)!
    // Each lane keeps its carries to itself until the loop ends.
    if (writing.scan) return 1
    const safe = readersOf(carry.id)
      .filter(isInside)
      .every(r => (r.group === writing ? readsWhatItWrites(r, level) : before(r.group, writing)))
    return safe ? 1 : 2
  }
  const before = (a: Group, b: Group): boolean => moments.group.get(a)! < moments.group.get(b)!
  return new Map(graph.nodes.flatMap(n => (n.kind === 'carry' ? [[n.id, slots(n)] as const] : [])))
}

/**
 * Whether a thread of an elementwise kernel, which reads everything before it writes, reads of the carry
 * exactly the element that it writes.
 */
const readsWhatItWrites = ({ group, member, read }: CarryRead, level: number): boolean => {
  const own = read.at.slice(level + 1)
  return (
    group.kind === 'map' &&
    !read.guarded &&
    own.every((p, i) => {
      const dim = member.dims[level + 1 + i]
      return dim?.length === 1 && p.op === 'index' && p.axis.id === dim[0]!.id
    })
  )
}
