import type { Builder } from '../ir/builder.js'
import { regionOf } from '../ir/graph.js'
import type { CarryNode, NodeId, Region, RegionId } from '../ir/ir.js'
import type { Activity } from './activity.js'

/** A node, or a region with its active carries and what else is active in it. */
export type ReversalUnit =
  | { readonly kind: 'node'; readonly id: NodeId }
  | {
      readonly kind: 'region'
      readonly region: Region
      readonly carries: readonly CarryNode[]
      readonly units: readonly ReversalUnit[]
    }

/** The active nodes, each after its sources, every region that is not open in one piece. */
export const reversalOrder = (
  builder: Builder,
  { active, sources, open }: Activity,
): readonly ReversalUnit[] => {
  const regionsOf = (id: NodeId): readonly RegionId[] =>
    builder
      .enclosing(regionOf(builder.node(id)))
      .map(r => r.id)
      .filter(r => !open.has(r))
  const paths = new Map([...active].map(id => [id, regionsOf(id)]))

  const order = (ids: readonly NodeId[], depth: number): readonly ReversalUnit[] => {
    const keyOf = (id: NodeId): string => {
      const inner = paths.get(id)![depth]
      return inner === undefined ? `n${id}` : `r${inner}`
    }
    const members = new Map<string, NodeId[]>()
    for (const id of ids) members.set(keyOf(id), [...(members.get(keyOf(id)) ?? []), id])
    const keys = new Map(ids.map(id => [id, keyOf(id)]))

    const done = new Set<string>()
    const out: ReversalUnit[] = []
    const visit = (key: string): void => {
      if (done.has(key)) return
      done.add(key)
      const inside = members.get(key)!
      for (const id of inside) {
        const node = builder.node(id)
        for (const s of node.kind === 'carry' ? [node.init] : sources.get(id)!) {
          const other = keys.get(s)
          if (other !== undefined) visit(other)
        }
      }
      out.push(unitOf(inside, depth))
    }
    for (const key of members.keys()) visit(key)
    return out
  }

  const unitOf = (inside: readonly NodeId[], depth: number): ReversalUnit => {
    const region = builder.regions.get(paths.get(inside[0]!)![depth] ?? -1)
    if (region === undefined) return { kind: 'node', id: inside[0]! }
    const carries = inside
      .map(id => builder.node(id))
      .filter((n): n is CarryNode => n.kind === 'carry' && n.region === region.id)
    const own = new Set(carries.map(c => c.id))
    return {
      kind: 'region',
      region,
      carries,
      units: order(
        inside.filter(id => !own.has(id)),
        depth + 1,
      ),
    }
  }
  return order([...active], 0)
}
