import {
  type Affine,
  affineAxis,
  affineConstant,
  affineRange,
  affineScale,
  coefficientOf,
  restDependsOn,
} from '../affine/affine.js'
import { affineAdd } from '../affine/affine-of.js'
import { identityAt, readsOf } from '../ir/expr.js'
import type { ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import type { UpdateTarget } from '../kernel/group.js'
import { type Placement, slotAt } from '../kernel/placement.js'

/**
 * The addresses at which a kernel reads or writes a buffer: `moves`, which depends on the loops around the
 * kernel, plus an offset from `low` to `high`, both included. Addresses that a guard excludes do not count.
 */
export interface Access {
  readonly storage: number
  /** Undefined where data or a division decides how the address moves with a loop. */
  readonly moves: Affine | undefined
  readonly low: number
  readonly high: number
}

/** The part of an affine form that depends on the loops. */
const moving = (a: Affine, loops: readonly Region[]): Affine =>
  loops.reduce((sum, r) => affineAdd(sum, affineAxis(r.axis, coefficientOf(a, r.axis.id))), affineConstant(0))

/**
 * The access at the position `at` of a node with a placement. A position is inside its dimension, or the
 * access is guarded there.
 */
export const accessAt = (p: Placement, at: readonly Expr[], loops: readonly Region[]): Access => {
  let moves: Affine | undefined = affineConstant(0)
  let [low, high] = [p.base, p.base]
  p.dims.forEach((d, i) => {
    const { stride, shift, extent, turns } = d
    if (stride === 0 || moves === undefined) return
    const slot = slotAt(at[i]!, d)
    const [first, last] = turns === undefined ? [shift, shift + extent - 1] : [0, turns - 1]
    if (loops.some(r => restDependsOn(slot, r.axis.id))) {
      moves = undefined
      return
    }
    const own = moving(slot, loops)
    const rest = affineRange(affineAdd(slot, affineScale(own, -1)))
    const [least, most] = affineRange(own)!
    moves = affineAdd(moves, affineScale(own, stride))
    low += stride * Math.max(rest?.[0] ?? first - most, first - most)
    high += stride * Math.min(rest?.[1] ?? last - least, last - least)
  })
  return { storage: p.storage, moves, low, high }
}

/**
 * All reads and writes of memory in one kernel. Nodes that are not stored have no placement and are not read
 * from memory.
 */
export const accessesOf = (
  members: readonly ComputeNode[],
  updates: ReadonlyMap<NodeId, UpdateTarget>,
  placements: ReadonlyMap<NodeId, Placement>,
  loops: readonly Region[],
): readonly Access[] => {
  const own = new Set(members.map(m => m.id))
  return members.flatMap(m => {
    const target = updates.get(m.id)
    const at = target?.at ?? identityAt(m.dims)
    const roots = target ? [m.body, ...target.at, target.within] : [m.body]
    const reads = readsOf(...roots).filter(r => !own.has(r.node))
    const place = placements.get(m.id)
    return [
      ...reads.map(r => accessAt(placements.get(r.node)!, r.at, loops)),
      ...(place === undefined ? [] : [accessAt(place, at, loops)]),
    ]
  })
}
