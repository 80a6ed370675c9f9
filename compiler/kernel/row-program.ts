import { type Affine, coefficientOf } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import { axesOf, readsOf } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import { isUnit } from '../ir/open-extent.js'
import { coalesceAxes } from './coalesce-axes.js'
import {
  type KernelContext,
  localOf,
  lowerBody,
  reduceAxes,
  renameAxes,
  substituteLocals,
} from './context.js'
import type { Group } from './group.js'
import { destinationOf, kernelAxes } from './outputs.js'
import { shareLoops } from './share-loops.js'
import { readsSize } from './size-values.js'

/** One member's computation for a row: a loop over its inner axes, or one value where it has none. */
export interface Phase {
  readonly node: ComputeNode
  readonly inner: readonly Axis[]
  readonly value: Expr
  readonly storage?: number
  readonly address?: Affine
  /** The condition under which it is stored; absent for always. */
  readonly within?: Expr
  /** Conditions outside of which a reduction gains nothing, and other values are one constant. */
  readonly band: readonly Expr[]
  /** Whether its value is the same for all rows along the last row axis. */
  readonly common: boolean
  /** Whether each workgroup computes it once, before its rows. */
  readonly shared: boolean
  /** Whether it is a reduction that runs in the loop of the phase before it, over the same inner axes. */
  readonly follows: boolean
}

/** A kernel over rows: every member is a phase, and the phases run one after another in each row. */
export interface RowProgram {
  readonly rows: readonly Axis[]
  readonly phases: readonly Phase[]
  /** Axes of extent 1: their index is 0. */
  readonly units: readonly Axis[]
}

const lowerMembers = (
  group: Group,
  rows: readonly Axis[],
  loops: readonly Region[],
  ctx: KernelContext,
): readonly Omit<Phase, 'common' | 'follows'>[] => {
  const ids = new Set(group.members.map(m => m.id))
  const scalars = new Map<NodeId, Expr>()
  return group.members.map(m => {
    const outer = kernelAxes(m, loops)
    const shared = group.shared?.has(m.id) ?? false
    const own = shared ? [] : outer.slice(0, group.rowRank)
    const rest = shared ? outer.filter(a => !isUnit(a)) : outer.slice(own.length)
    const inner = m.reduce ? reduceAxes(m) : rest
    const value = substituteLocals(lowerBody(renameAxes(m.body, own, rows), ctx, ids), scalars)
    const lower = (e: Expr): Expr => renameAxes(lowerBody(e, ctx, ids), own, rows)
    const band = (m.band ?? []).map(lower)
    if (!m.reduce && inner.length === 0) scalars.set(m.id, value)
    if (!group.stored.has(m.id)) return { node: m, inner, value, band, shared }
    const p = ctx.placements.get(m.id)!
    return { node: m, inner, value, band, shared, storage: p.storage, ...destinationOf(group, m, p, lower) }
  })
}

/**
 * Whether a node is an argmax or an argmin. Its result is a position along its one axis, so that axis is not
 * merged.
 */
export const findsPosition = (n: ComputeNode): boolean => n.reduce?.op.startsWith('arg') ?? false

/** The members of a group as phases over its rows. */
export const rowProgramOf = (group: Group, loops: readonly Region[], ctx: KernelContext): RowProgram => {
  const all = group.members
    .filter(m => !group.shared?.has(m.id))
    .map(m => kernelAxes(m, loops).slice(0, group.rowRank))
    .find(axes => axes.length === group.rowRank)!
  const found = lowerMembers(group, all, loops, ctx)
  const joined = coalesceAxes(
    all,
    found.flatMap(p => [p.value, ...p.band, ...(p.within ? [p.within] : [])]),
    found.flatMap(p => p.address ?? []),
    ctx.axis,
  )
  const last = joined.axes.at(-1)
  const common = new Set<number>()
  const phases = found.map((p): Phase => {
    const value = joined.expr(p.value)
    const address = p.address && joined.affine(p.address)
    const within = p.within && joined.expr(p.within)
    const band = p.band.map(joined.expr)
    const same = last !== undefined && p.storage === undefined && !axesOf(value).has(last.id)
    if (
      same &&
      !p.shared &&
      readsOf(value).every(r => r.node >= 0 || readsSize(r.node) || common.has(r.node))
    )
      common.add(localOf(p.node.id))
    const shared = { common: common.has(localOf(p.node.id)), follows: false }
    if (findsPosition(p.node)) return { ...p, ...shared, value, band, ...(address ? { address } : {}) }
    const own = coalesceAxes(
      p.inner,
      [value, ...band, ...(within ? [within] : [])],
      address ? [address] : [],
      ctx.axis,
    )
    return {
      ...p,
      ...shared,
      inner: own.axes,
      value: own.expr(value),
      band: band.map(own.expr),
      ...(address ? { address: own.affine(address) } : {}),
      ...(within ? { within: own.expr(within) } : {}),
    }
  })
  const outer = found.flatMap(p => (p.shared ? kernelAxes(p.node, loops) : []))
  const units = [...all, ...outer, ...found.flatMap(p => p.inner)].filter(isUnit)
  const isLoop = (p: Phase): boolean =>
    p.node.reduce !== undefined &&
    p.inner.length > 0 &&
    p.band.length === 0 &&
    !findsPosition(p.node) &&
    !p.shared &&
    !p.common
  return { rows: joined.axes, phases: shareLoops(phases, isLoop), units }
}

/** The addresses that an expression reads. */
export const addressesOf = (e: Expr): readonly Affine[] =>
  readsOf(e)
    .filter(r => r.node >= 0)
    .map(r => affineOf(r.at[0]!))

/** The number of reads that are contiguous along an axis. */
export const countReadsAlong = (e: Expr, axis: Axis): number =>
  addressesOf(e).filter(a => coefficientOf(a, axis.id) === 1).length
