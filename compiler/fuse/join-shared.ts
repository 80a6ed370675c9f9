import { type ReadExpr, readsOf } from '../ir/expr.js'
import type { Axis, ComputeNode } from '../ir/ir.js'
import { isUnit } from '../ir/open-extent.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import { findsPosition } from '../kernel/row-program.js'
import { alignmentOf, sameExtents } from './alignment.js'
import { fitsBudget } from './binding-budget.js'
import { readIds } from './dependencies.js'
import { readsOfMember } from './in-place.js'
import type { FusionContext, GroupDraft } from './join-small.js'

/**
 * A software device does about `reads` loads in the time that it takes to launch a kernel. Kernels over rows
 * are given about so many workgroups there, and each does the shared work again.
 */
const launch = { reads: 600_000, workgroups: 32 } as const

/** The most elements of a shared vector: lanes keep them in registers, or close by. */
const longestVector = 4096

/** The most members of a joined group: it bounds the text of a kernel. */
const mostMembers = 16

/** Rows whose reductions are shorter than so many turns of a subgroup are computed by single threads. */
const leastTurns = 4

const longAxes = (axes: readonly Axis[]): readonly Axis[] => axes.filter(a => !isUnit(a))

/**
 * Joins a group of a single row to its only reader, a group over rows, on a software device. Each workgroup
 * of the joined kernel computes the single row first, once for all of its rows. An example is a norm of a
 * vector that is then multiplied by a matrix. No barrier is needed, since each lane reads the elements of a
 * vector that it has computed itself; barriers make the rest of a kernel slow on a software device.
 */
export const joinShared = (
  groups: readonly GroupDraft[],
  { graph, pinned, updates, traits, room }: FusionContext,
): readonly GroupDraft[] => {
  if (!traits.software || traits.subgroupSize <= 1) return groups
  const { own } = alignmentOf(graph)

  const isNumber = (m: ComputeNode): boolean => longAxes(own(m)).length === 0
  const isVector = (m: ComputeNode): boolean => {
    const axes = longAxes(own(m))
    return m.reduce === undefined && axes.length === 1 && productOf(axes) <= longestVector
  }
  const canBeShared = (g: GroupDraft): boolean =>
    g.kind === 'rows' &&
    g.shared === undefined &&
    own(g.members[0]!).slice(0, g.rowRank).every(isUnit) &&
    g.members.every(m => !pinned.has(m.id) && !updates.has(m.id) && (isNumber(m) || isVector(m)))

  /** Whether a read of a shared member is of a number, or of a vector at the place of the reader's lane. */
  const staysInLane = (r: ReadExpr, m: ComputeNode, reader: ComputeNode, shared: boolean): boolean => {
    if (r.guarded) return false
    if (isNumber(m)) return true
    const inner = longAxes(reader.reduce ? reduceAxes(reader) : shared ? own(reader) : [])
    const along = longAxes(own(m))
    const dim = m.dims.findIndex(axes => axes.includes(along[0]!))
    const at = r.at[dim]!
    return (
      sameExtents(inner, along) &&
      m.dims[dim]!.length === 1 &&
      at.op === 'index' &&
      at.axis.id === inner[0]!.id
    )
  }
  const isLong = (m: ComputeNode): boolean =>
    m.reduce === undefined ||
    (!findsPosition(m) && productOf(reduceAxes(m)) >= leastTurns * traits.subgroupSize)
  const loadsOfMember = (m: ComputeNode): number =>
    readsOf(m.body).length * productOf(own(m)) * productOf(reduceAxes(m))

  const joined = (single: GroupDraft, rows: GroupDraft): GroupDraft | undefined => {
    if (rows.kind !== 'rows' || rows.rowRank === 0 || !rows.members.some(m => m.reduce)) return undefined
    if (single.members[0]!.region !== rows.members[0]!.region || !rows.members.every(isLong)) return undefined
    const first = new Map(single.members.map(m => [m.id, m]))
    const inLane = (n: ComputeNode): boolean =>
      [n.body, ...(updates.get(n.id)?.at ?? [])].every(e =>
        readsOf(e).every(r => !first.has(r.node) || staysInLane(r, first.get(r.node)!, n, first.has(n.id))),
      )
    const members = [...single.members, ...rows.members]
    const loads = single.members.reduce((sum, m) => sum + loadsOfMember(m), 0)
    const inside = new Set(members.map(m => m.id))
    const read = members.flatMap(m => readsOfMember(m, updates.get(m.id))).filter(id => !inside.has(id))
    const fits =
      members.length <= mostMembers &&
      launch.workgroups * loads <= launch.reads &&
      members.every(inLane) &&
      fitsBudget(room, [...read, ...rows.members.map(m => m.id)])
    return fits ? { ...rows, members, shared: new Set([...first.keys(), ...(rows.shared ?? [])]) } : undefined
  }

  let out = groups
  for (const single of groups) {
    if (!canBeShared(single)) continue
    const ids = new Set(single.members.map(m => m.id))
    const [rows, ...others] = out.filter(
      g => g !== single && g.members.some(m => readIds(m).some(id => ids.has(id))),
    )
    const both = rows === undefined || others.length > 0 ? undefined : joined(single, rows)
    if (both !== undefined) out = out.filter(g => g !== single).map(g => (g === rows ? both : g))
  }
  return out
}
