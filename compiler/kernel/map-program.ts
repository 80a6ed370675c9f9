import type { Axis, Expr, NodeId, Region } from '../ir/ir.js'
import { isUnit } from '../ir/open-extent.js'
import { coalesceAxes } from './coalesce-axes.js'
import { type KernelContext, lowerBody, renameAxes, substituteLocals } from './context.js'
import type { Group } from './group.js'
import { destinationOf, kernelAxes, type StoredMember } from './outputs.js'

/** The stored members: each lowered body over the axes of the first member, and its destination. */
const mapOutputs = (group: Group, loops: readonly Region[], ctx: KernelContext): readonly StoredMember[] => {
  const first = group.members[0]!
  const axes = kernelAxes(first, loops)
  const ids = new Set(group.members.map(m => m.id))
  const values = new Map<NodeId, Expr>()
  return group.members.flatMap(m => {
    const own = kernelAxes(m, loops)
    const value = substituteLocals(lowerBody(renameAxes(m.body, own, axes), ctx, ids), values)
    values.set(m.id, value)
    if (!group.stored.has(m.id)) return []
    const p = ctx.placements.get(m.id)!
    return [
      {
        node: m,
        value,
        storage: p.storage,
        ...destinationOf(group, m, p, e => renameAxes(lowerBody(e, ctx, ids), own, axes)),
      },
    ]
  })
}

/** An elementwise kernel: a flat index space and the values stored at each of its positions. */
export interface MapProgram {
  readonly axes: readonly Axis[]
  /** Axes of extent 1: their index is 0. */
  readonly units: readonly Axis[]
  readonly outputs: readonly StoredMember[]
}

/** The program of a group of elementwise nodes. */
export const mapProgramOf = (group: Group, loops: readonly Region[], ctx: KernelContext): MapProgram => {
  const outputs = mapOutputs(group, loops, ctx)
  const all = kernelAxes(group.members[0]!, loops)
  const joined = coalesceAxes(
    all,
    outputs.flatMap(o => (o.within === undefined ? [o.value] : [o.value, o.within])),
    outputs.map(o => o.address),
    ctx.axis,
  )
  return {
    axes: joined.axes,
    units: all.filter(isUnit),
    outputs: outputs.map(o => ({
      ...o,
      value: joined.expr(o.value),
      address: joined.affine(o.address),
      ...(o.within === undefined ? {} : { within: joined.expr(o.within) }),
    })),
  }
}
