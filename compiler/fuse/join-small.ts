import type { DeviceTraits } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import type { ComputeNode, Graph, NodeId } from '../ir/ir.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import type { GroupKind, ScanLoop, UpdateTarget } from '../kernel/group.js'
import { alignmentOf, sameExtents } from './alignment.js'
import { type BindingBudget, fitsBudget } from './binding-budget.js'
import { groupDependencies, readIds } from './dependencies.js'
import { readsOfMember } from './in-place.js'

/** A group while groups are being found. */
export interface GroupDraft {
  readonly kind: GroupKind
  readonly members: readonly ComputeNode[]
  readonly rowRank: number
  /** The members that each workgroup computes once. */
  readonly shared?: ReadonlySet<NodeId>
  /** Of a `scan`: its loop. */
  readonly scan?: ScanLoop
}

/**
 * Below so many evaluations of bodies, in all and for one row, launching a second kernel costs more time than
 * doing two things at once would save, and compiling one costs much more.
 */
const smallGroup = { evaluations: 2 ** 16, row: 2 ** 13, members: 16 } as const

/** The graph, its nodes after inlining, and what the device allows. */
export interface FusionContext {
  readonly graph: Graph
  readonly nodes: ReadonlyMap<NodeId, ComputeNode>
  /** Nodes that are stored whether or not a node reads them. */
  readonly pinned: ReadonlySet<NodeId>
  /** Nodes that are written into an input's memory. Only other kernels read them. */
  readonly updates: ReadonlyMap<NodeId, UpdateTarget>
  readonly traits: DeviceTraits
  readonly room: BindingBudget
}

/**
 * Joins groups that do little over the same index space or the same rows, whether or not they are related:
 * sums of a few numbers, tables, metrics. Their members run one after another in each row; a member reads
 * another's result as a local value. Groups come in the order in which they were found; a joined group takes
 * the place of its last part.
 */
export const joinSmallGroups = (
  groups: readonly GroupDraft[],
  around: FusionContext,
): readonly GroupDraft[] => {
  const { graph, nodes, pinned, updates, room } = around
  const groupOf = new Map(groups.flatMap(g => g.members.map(m => [m.id, g] as const)))
  const { dependsOn, free } = groupDependencies(graph, nodes, groupOf)
  const { own, aligned } = alignmentOf(graph)
  const readers = new Map<NodeId, NodeId[]>()
  for (const n of nodes.values())
    for (const id of readIds(n)) readers.set(id, [...(readers.get(id) ?? []), n.id])

  const rowsOf = (g: GroupDraft) => own(g.members[0]!).slice(0, g.rowRank)
  const evaluationsOf = (n: ComputeNode): number => productOf(own(n)) * productOf(reduceAxes(n))
  const isSmall = (members: readonly ComputeNode[], rows: number): boolean => {
    const all = members.reduce((n, m) => n + evaluationsOf(m), 0)
    return (
      all <= smallGroup.evaluations && all <= smallGroup.row * rows && members.length <= smallGroup.members
    )
  }
  /** Large tensors are read as soon as they are there, so that none of them is kept for longer. */
  const readsLittle = (n: ComputeNode): boolean =>
    readIds(n).every(id => {
      const read = nodes.get(id)
      return read === undefined || read.region !== n.region || productOf(own(read)) <= smallGroup.evaluations
    })
  const fits = (members: readonly ComputeNode[]): boolean => {
    const ids = new Set(members.map(m => m.id))
    const stored = [...ids].filter(id => pinned.has(id) || readers.get(id)?.some(x => !ids.has(x)))
    const read = members.flatMap(m => readsOfMember(m, updates.get(m.id))).filter(id => !ids.has(id))
    return fitsBudget(room, [...stored, ...read])
  }

  const candidate = (g: GroupDraft): boolean =>
    (g.kind === 'map' || g.kind === 'rows') &&
    isSmall(g.members, productOf(rowsOf(g))) &&
    g.members.every(readsLittle)

  /** `after` as a continuation of `before`, where every read of `before` is a value of the same row. */
  const append = (before: GroupDraft, after: GroupDraft): GroupDraft | undefined => {
    const rank = before.rowRank
    const right = after.members.every(
      n =>
        free(n, before, after) &&
        readsOf(n.body).every(
          r =>
            groupOf.get(r.node) !== before ||
            (!updates.has(r.node) && aligned(r, before.members.find(m => m.id === r.node)!, n, rank)),
        ),
    )
    if (!right || dependsOn(before, after)) return undefined
    const kind = before.kind === 'map' && after.kind === 'map' ? 'map' : 'rows'
    return { kind, members: [...before.members, ...after.members], rowRank: rank }
  }
  const joined = (a: GroupDraft, b: GroupDraft): GroupDraft | undefined => {
    const members = [...a.members, ...b.members]
    const rows = rowsOf(a)
    return a.members[0]!.region === b.members[0]!.region &&
      sameExtents(rows, rowsOf(b)) &&
      isSmall(members, productOf(rows)) &&
      fits(members)
      ? (append(a, b) ?? append(b, a))
      : undefined
  }

  let out: readonly GroupDraft[] = []
  for (const g of groups) {
    let grown = g
    if (candidate(g))
      for (const other of out.filter(candidate)) {
        const both = joined(other, grown)
        if (both === undefined) continue
        for (const m of both.members) groupOf.set(m.id, both)
        out = out.filter(x => x !== other)
        grown = both
      }
    out = [...out, grown]
  }
  return out
}
