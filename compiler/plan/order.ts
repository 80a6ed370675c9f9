import { dependenciesOf, regionPath } from '../ir/graph.js'
import type { Graph, NodeId, Region, RegionId } from '../ir/ir.js'
import type { Group } from '../kernel/group.js'

/** The order in which groups run: single groups, and loops around the groups of a region. */
export type Sequence = readonly (
  | { readonly kind: 'group'; readonly group: Group }
  | { readonly kind: 'loop'; readonly region: Region; readonly body: Sequence }
)[]

/**
 * Orders groups so that each runs after the groups that it reads: a topological sort, depth first, in which a
 * region is one unit at each level. `graph` gives regions and carries; fusion may have rewritten its compute
 * nodes.
 *
 * Throws where groups need each other, which fusion must not let happen.
 */
export const orderGroups = (graph: Graph, groups: readonly Group[]): Sequence => {
  const producer = new Map<NodeId, Group>()
  for (const g of groups) for (const m of g.members) producer.set(m.id, g)
  const carries = new Map(graph.nodes.flatMap(n => (n.kind === 'carry' ? [[n.id, n] as const] : [])))
  const paths = new Map(groups.map(g => [g, regionPath(graph, g.region).map(r => r.id)]))

  /**
   * The groups that must run before a group can read a node. A reader outside a carry's loop needs the whole
   * loop.
   */
  const needed = (id: NodeId, from: Group): readonly Group[] => {
    const carry = carries.get(id)
    if (carry === undefined) return producer.has(id) ? [producer.get(id)!] : []
    const init = producer.get(carry.init)
    const inside = paths.get(from)!.includes(carry.region)
    const next = producer.get(carry.next)
    return [...(init ? [init] : []), ...(inside || !next ? [] : [next])]
  }
  const readsOfGroup = (g: Group): readonly Group[] => [
    ...new Set(
      [...g.members.flatMap(m => dependenciesOf(m)), ...(g.scan?.carries.map(c => c.id) ?? [])].flatMap(id =>
        needed(id, g),
      ),
    ),
  ]

  /**
   * A carry's initial value must be written before its loop runs, even if no node in the loop reads the
   * carry.
   */
  const starts = new Map<RegionId, Group[]>()
  for (const c of carries.values()) {
    const g = producer.get(c.init)
    if (g) starts.set(c.region, [...(starts.get(c.region) ?? []), g])
  }

  const order = (members: readonly Group[], depth: number): Sequence => {
    const units = new Map<string, Group[]>()
    const unitOf = (g: Group): string => {
      const inner = paths.get(g)![depth]
      return inner === undefined ? `g${groups.indexOf(g)}` : `r${inner}`
    }
    for (const g of members) units.set(unitOf(g), [...(units.get(unitOf(g)) ?? []), g])
    const done = new Set<string>()
    const active = new Set<string>()
    const out: Sequence[number][] = []
    const visit = (unit: string): void => {
      if (done.has(unit)) return
      if (active.has(unit)) throw new Error('fusion has made kernels that depend on each other')
      active.add(unit)
      const inside = units.get(unit)!
      const region = unit.startsWith('r') ? Number(unit.slice(1)) : undefined
      const before = [
        ...inside.flatMap(readsOfGroup),
        ...(region === undefined ? [] : (starts.get(region) ?? [])),
      ]
      for (const g of before) {
        const other = members.includes(g) ? unitOf(g) : undefined
        if (other !== undefined && other !== unit) visit(other)
      }
      done.add(unit)
      if (region === undefined) out.push({ kind: 'group', group: inside[0]! })
      else
        out.push({
          kind: 'loop',
          region: graph.regions.find(r => r.id === region)!,
          body: order(inside, depth + 1),
        })
    }
    for (const unit of units.keys()) visit(unit)
    return out
  }
  return order(groups, 0)
}
