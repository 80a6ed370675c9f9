import type { Group } from '../fuse/group.js'
import { identityAt } from '../ir/expr.js'
import { outerAxes } from '../ir/graph.js'
import type { ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import { addressOf } from '../plan/placement.js'
import { type EmittedKernel, flatGroup, type KernelSpec, settle, spread } from '../wgsl/kernel.js'
import type { Affine } from './affine.js'
import { coalesce } from './coalesce.js'
import { type Context, lowerBody, productOf, renameAxes, substituteLocals } from './context.js'

export interface Output {
  readonly node: ComputeNode
  readonly value: Expr
  readonly storage: number
  readonly address: Affine
}

/** The axes that a group's kernel runs over: those of its first member, without those of the loops around. */
export const kernelAxes = (n: ComputeNode, loops: readonly Region[]): ReturnType<typeof outerAxes> =>
  outerAxes(n).filter(a => !loops.some(r => r.axis.id === a.id))

/** Every member's lowered body over the axes of the first, and where the stored ones go. */
const mapOutputs = (group: Group, loops: readonly Region[], ctx: Context): readonly Output[] => {
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
    const places = group.update?.at.map(e => lowerBody(e, ctx, ids)) ?? identityAt(m.dims)
    const at = places.map(e => renameAxes(e, own, axes))
    return [{ node: m, value, storage: p.storage, address: addressOf(p, at) }]
  })
}

/** A kernel over a flat index space: threads of a workgroup, and how many indices, a workgroup apart, a thread handles in turn. */
export interface MapSchedule {
  readonly size: number
  readonly steps: number
}

/**
 * Launching threads costs a software device more than a short body does, so there a thread goes on with other indices while enough
 * workgroups (32) remain to keep all cores busy. A GPU wants threads.
 */
export const mapSchedule = (threads: number, traits: Context['traits']): MapSchedule => {
  const most = Math.min(256, traits.workgroupInvocations)
  const size = Math.min(most, Math.max(8, 2 ** Math.ceil(Math.log2(Math.max(1, threads)))))
  const small = Math.min(64, size)
  const steps = 2 ** Math.floor(Math.log2(Math.max(1, threads / (32 * small))))
  return traits.software && steps >= 4 ? { size: small, steps: Math.min(64, steps) } : { size, steps: 1 }
}

/**
 * Elementwise: one element at a time, or four neighbours where the fastest axis is a multiple of four; the index space
 * is flat, its axes joined where addresses allow.
 */
export const mapKernel = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
): EmittedKernel => {
  const outputs = mapOutputs(group, loops, ctx)
  const all = kernelAxes(group.members[0]!, loops)
  const joined = coalesce(
    all,
    outputs.map(o => o.value),
    outputs.map(o => o.address),
    ctx.axis,
  )
  const total = productOf(joined.axes)
  const last = joined.axes.at(-1)
  const wide = last !== undefined && last.extent % 4 === 0 && total >= 256
  const threads = wide ? total / 4 : total
  const { size, steps } = mapSchedule(threads, ctx.traits)
  const each = size * steps
  const workgroups = spread(Math.ceil(threads / each), ctx.traits.workgroupsPerDimension)
  return settle(ctx, spec, w => {
    const values = outputs.map(o => w.intern(joined.expr(o.value)))
    const root = w.root
    for (const a of all) if (a.extent === 1) root.places.set(a.id, { kind: 'scalar', text: '0' })
    const first = `${flatGroup(workgroups)} * ${each} + i32(local)`
    const block = steps === 1 ? root : root.inner(`for (var j = 0; j < ${w.turns(steps)}; j++) {`)
    block.add(`let i = ${first}${steps === 1 ? '' : ` + j * ${size}`};`)
    if (workgroups[0] * workgroups[1] * workgroups[2] * each > threads)
      block.add(`if (i >= ${threads}) { ${steps === 1 ? 'return' : 'break'}; }`)
    if (wide) {
      const quarter = ctx.axis('quarter', last.extent / 4)
      w.unflatten('i', [...joined.axes.slice(0, -1), quarter], block)
      block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
    } else w.unflatten('i', joined.axes, block)
    w.announce(...values)
    outputs.forEach((o, j) => {
      w.store(o.storage, joined.affine(o.address), w.emit(values[j]!, block), block)
    })
    if (block !== root) root.close(block)
    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      schedule: `map, ${wide ? 'four neighbours' : 'one element'} a thread${steps === 1 ? '' : `, ${steps} times`}, workgroups of ${size}`,
    }
  })
}
