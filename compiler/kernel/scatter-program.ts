import type { Affine } from '../affine/affine.js'
import { identityAt } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr, Region } from '../ir/ir.js'
import { isUnit } from '../ir/open-extent.js'
import { coalesceAxes } from './coalesce-axes.js'
import { type KernelContext, lowerBody, reduceAxes } from './context.js'
import type { Group } from './group.js'
import { kernelAxes } from './outputs.js'
import { addressOf } from './placement.js'
import { scatterOf } from './scatter-pattern.js'

/**
 * A scatter over addresses: for each slot and each place of its row (`width`), a sum over all `positions`.
 */
export interface ScatterProgram {
  readonly node: ComputeNode
  readonly condition: Expr
  readonly value: Expr
  readonly address: Affine
  readonly storage: number
  readonly slots: readonly Axis[]
  readonly width: readonly Axis[]
  readonly positions: readonly Axis[]
  /** Axes of extent 1: their index is 0. */
  readonly units: readonly Axis[]
}

/** The program of a group that is a scatter; undefined where its node does not have that form. */
export const scatterProgramOf = (
  group: Group,
  loops: readonly Region[],
  ctx: KernelContext,
): ScatterProgram | undefined => {
  const node = group.members[0]!
  const outer = kernelAxes(node, loops)
  const found = scatterOf(node, outer)
  if (found === undefined) return undefined
  const none = new Set<number>()
  const p = ctx.placements.get(node.id)!
  let condition = lowerBody(found.condition, ctx, none)
  let value = lowerBody(found.value, ctx, none)
  let address = addressOf(p, identityAt(node.dims))
  const join = (axes: readonly Axis[], stored: boolean): readonly Axis[] => {
    const joined = coalesceAxes(axes, [condition, value], stored ? [address] : [], ctx.axis)
    condition = joined.expr(condition)
    value = joined.expr(value)
    address = joined.affine(address)
    return joined.axes
  }
  const slots = join(found.slots, true)
  const width = join(found.width, true)
  const positions = join(reduceAxes(node), false)
  const units = [...outer, ...reduceAxes(node)].filter(isUnit)
  return { node, condition, value, address, storage: p.storage, slots, width, positions, units }
}
