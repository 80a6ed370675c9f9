import type { Affine } from '../affine/affine.js'
import type { ScatterSchedule } from '../artifact.js'
import { identityAt } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr, Region } from '../ir/ir.js'
import { coalesce } from '../kernel/coalesce.js'
import { type Context, lowerBody, productOf, reduceAxes } from '../kernel/context.js'
import type { Group } from '../kernel/group.js'
import { addressOf } from '../kernel/placement.js'
import { scatterOf } from '../kernel/scatter.js'
import type { Block } from '../wgsl/block.js'
import { type EmittedKernel, flatGroup, type KernelSpec, settle, spread } from '../wgsl/kernel.js'
import type { Writer } from '../wgsl/writer.js'
import { kernelAxes } from './map.js'
import type { Choice } from './schedule.js'

/** Opens a loop over each axis, of the last one by fours if `wide`. */
const nest = (
  axes: readonly Axis[],
  wide: boolean,
  from: Block,
  w: Writer,
  ctx: Context,
): { block: Block; close: () => void } => {
  const last = axes.at(-1)
  const quarter = wide && last ? ctx.axis('quarter', last.extent / 4) : undefined
  const open: Block[] = []
  let block = from
  for (const a of quarter ? [...axes.slice(0, -1), quarter] : axes) {
    const j = w.fresh('j')
    block = block.inner(`for (var ${j} = 0; ${j} < ${w.turns(a.extent)}; ${j}++) {`)
    block.places.set(a.id, { kind: 'scalar', text: j })
    open.push(block)
  }
  if (quarter && last) block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
  return {
    block,
    close: () => {
      for (const b of [...open].reverse()) b.parent!.close(b)
    },
  }
}

/** A scatter ready to be written. */
interface ScatterProgram {
  readonly node: ComputeNode
  readonly condition: Expr
  readonly value: Expr
  readonly address: Affine
  readonly storage: number
  readonly slots: readonly Axis[]
  readonly width: readonly Axis[]
  readonly positions: readonly Axis[]
  readonly units: readonly Axis[]
}

const scatterProgram = (group: Group, loops: readonly Region[], ctx: Context): ScatterProgram | undefined => {
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
    const joined = coalesce(axes, [condition, value], stored ? [address] : [], ctx.axis)
    condition = joined.expr(condition)
    value = joined.expr(value)
    address = joined.affine(address)
    return joined.axes
  }
  const slots = join(found.slots, true)
  const width = join(found.width, true)
  const positions = join(reduceAxes(node), false)
  const units = [...outer, ...reduceAxes(node)].filter(a => a.extent === 1)
  return { node, condition, value, address, storage: p.storage, slots, width, positions, units }
}

/** The schedules of a sum of what a condition selects; undefined where it has not the shape of one. */
export const scatterChoice = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
): Choice | undefined => {
  const program = scatterProgram(group, loops, ctx)
  if (program === undefined) return undefined
  const extents = (axes: readonly Axis[]): string => `[${axes.map(a => a.extent).join('·')}]`
  const sizes = productOf(program.slots) >= 4096 ? [64, 8] : [8, 64]
  const most = ctx.traits.workgroupInvocations
  return {
    signature: `scatter to ${extents(program.slots)} of ${extents(program.width)} from ${extents(program.positions)}`,
    candidates: sizes.filter(n => n <= most).map(threads => ({ family: 'scatter', threads })),
    emit: (s: ScatterSchedule) => writeScatter(program, s, ctx, spec),
  }
}

/**
 * One thread a slot: it clears its row, goes over all positions in order, and adds the rows of those that pick the slot. No atomics, one order
 * of summation; the values are read only where the condition holds.
 */
const writeScatter = (
  p: ScatterProgram,
  s: ScatterSchedule,
  ctx: Context,
  spec: KernelSpec,
): EmittedKernel => {
  const { node, condition, value, address, slots, width, positions } = p
  const threads = productOf(slots)
  const size = s.threads
  const workgroups = spread(Math.ceil(threads / size), ctx.traits.workgroupsPerDimension)
  const wide = width.length > 0 && width.at(-1)!.extent % 4 === 0
  return settle(ctx, spec, w => {
    const root = w.root
    for (const a of p.units) root.places.set(a.id, { kind: 'scalar', text: '0' })
    root.add(`let slot = ${flatGroup(workgroups)} * ${size} + i32(local);`)
    if (workgroups[0] * workgroups[1] * workgroups[2] * size > threads)
      root.add(`if (slot >= ${threads}) { return; }`)
    w.unflatten('slot', slots, root)
    const test = w.intern(condition)
    const term = w.intern(value)
    w.announce(test, term)
    const clear = nest(width, wide, root, w, ctx)
    const zero = {
      text: node.dtype === 'f32' ? '0.0' : `${node.dtype}(0)`,
      dtype: node.dtype,
      width: 1,
      atom: true,
    } as const
    w.store(p.storage, address, zero, clear.block, undefined)
    clear.close()

    const search = nest(positions, false, root, w, ctx)
    const hit = search.block.inner(`if (${w.emit(test, search.block).text}) {`)
    // Known again here, so that what depends on the position is not read before the condition is tested.
    for (const a of positions) hit.places.set(a.id, search.block.place(a.id)!.place)
    const add = nest(width, wide, hit, w, ctx)
    const old = w.load(p.storage, address, node.dtype, add.block)
    const more = w.emit(term, add.block)
    w.store(p.storage, address, { ...old, text: `${old.text} + ${more.text}`, atom: false }, add.block)
    add.close()
    search.block.close(hit)
    search.close()
    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      schedule: `scatter, one thread a slot, workgroups of ${size}`,
    }
  })
}
