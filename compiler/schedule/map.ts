import type { Affine } from '../affine/affine.js'
import type { MapSchedule } from '../artifact.js'
import { axesOf, identityAt, readsOf } from '../ir/expr.js'
import { outerAxes } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import { coalesce } from '../kernel/coalesce.js'
import {
  type Context,
  lowerBody,
  packings,
  productOf,
  renameAxes,
  substituteLocals,
} from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import type { Group } from '../kernel/group.js'
import { addressOf, type Placement } from '../kernel/placement.js'
import { type EmittedKernel, flatGroup, type KernelSpec, settle, spread } from '../wgsl/kernel.js'
import type { Choice } from './schedule.js'

export interface Output {
  readonly node: ComputeNode
  readonly value: Expr
  readonly storage: number
  readonly address: Affine
  /** Stored only where this holds. */
  readonly within?: Expr
}

/** A node's axes without those of the loops around it; a group's kernel runs over those of its first member. */
export const kernelAxes = (n: ComputeNode, loops: readonly Region[]): ReturnType<typeof outerAxes> =>
  outerAxes(n).filter(a => !loops.some(r => r.axis.id === a.id))

/** Where a member's elements go that is stored at `p`; `lower` takes what the member says of its axes to the kernel's. */
export const destinationOf = (
  group: Group,
  m: ComputeNode,
  p: Placement,
  lower: (e: Expr) => Expr,
): Pick<Output, 'address' | 'within'> => {
  const target = group.updates.get(m.id)
  const at = (target?.at ?? identityAt(m.dims)).map(lower)
  return { address: addressOf(p, at), ...(target ? { within: lower(target.within) } : {}) }
}

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

const power = (x: number): number => 2 ** Math.floor(Math.log2(Math.max(1, x)))

/**
 * Launching threads costs a software device more than a short body does, so there a thread goes on with other indices while enough
 * workgroups (32) remain to keep all cores busy. A GPU wants threads.
 */
export const mapSchedules = (
  places: number,
  width: 1 | 4,
  traits: Context['traits'],
): readonly MapSchedule[] => {
  const most = Math.min(256, traits.workgroupInvocations)
  const size = Math.min(most, Math.max(8, 2 ** Math.ceil(Math.log2(Math.max(1, places)))))
  const small = Math.min(64, size)
  const steps = power(places / (32 * small))
  const of = (threads: number, n: number): MapSchedule => ({ family: 'map', threads, steps: n, width })
  const long = steps >= 4 ? [64, 16].map(n => of(small, Math.min(n, steps))) : []
  const all = traits.software ? [...long, of(size, 1)] : [of(size, 1), of(small, 1), of(size, 4)]
  return all.filter((s, i) => all.findIndex(o => o.threads === s.threads && o.steps === s.steps) === i)
}

/** A flat index space and what is stored at each of its places. */
interface MapProgram {
  readonly axes: readonly Axis[]
  readonly units: readonly Axis[]
  readonly outputs: readonly Output[]
}

const mapProgram = (group: Group, loops: readonly Region[], ctx: Context): MapProgram => {
  const outputs = mapOutputs(group, loops, ctx)
  const all = kernelAxes(group.members[0]!, loops)
  const joined = coalesce(
    all,
    outputs.flatMap(o => (o.within === undefined ? [o.value] : [o.value, o.within])),
    outputs.map(o => o.address),
    ctx.axis,
  )
  return {
    axes: joined.axes,
    units: all.filter(a => a.extent === 1),
    outputs: outputs.map(o => ({
      ...o,
      value: joined.expr(o.value),
      address: joined.affine(o.address),
      ...(o.within === undefined ? {} : { within: joined.expr(o.within) }),
    })),
  }
}

/** `map [8·64]; 2 reads 5 operations; …`: what decides the speed of an elementwise kernel. */
const signatureOf = (p: MapProgram, ctx: Context): string =>
  [
    `map [${p.axes.map(a => a.extent).join('·')}]`,
    ...p.outputs.map(o =>
      [
        `${readsOf(o.value).length} reads`,
        ...packings(o.value, ctx),
        `${operationsOf(o.value)} operations`,
      ].join(' '),
    ),
  ].join('; ')

/**
 * Elementwise: one element at a time, or four neighbours where the fastest axis is a multiple of four; the index space
 * is flat, its axes joined where addresses allow.
 */
export const mapChoice = (group: Group, loops: readonly Region[], ctx: Context, spec: KernelSpec): Choice => {
  const program = mapProgram(group, loops, ctx)
  const total = productOf(program.axes)
  const last = program.axes.at(-1)
  const apart = program.outputs.some(o => o.within && last && axesOf(o.within).has(last.id))
  const width = last !== undefined && last.extent % 4 === 0 && total >= 256 && !apart ? 4 : 1
  return {
    signature: signatureOf(program, ctx),
    candidates: mapSchedules(total / width, width, ctx.traits),
    emit: (s: MapSchedule) => writeMap(program, s, ctx, spec),
  }
}

const writeMap = (p: MapProgram, s: MapSchedule, ctx: Context, spec: KernelSpec): EmittedKernel => {
  const { threads: size, steps } = s
  const threads = productOf(p.axes) / s.width
  const each = size * steps
  const workgroups = spread(Math.ceil(threads / each), ctx.traits.workgroupsPerDimension)
  return settle(ctx, spec, w => {
    const values = p.outputs.map(o => w.intern(o.value))
    const guards = p.outputs.map(o => o.within && w.intern(o.within))
    const root = w.root
    for (const a of p.units) root.places.set(a.id, { kind: 'scalar', text: '0' })
    const first = `${flatGroup(workgroups)} * ${each} + i32(local)`
    const block = steps === 1 ? root : root.inner(`for (var j = 0; j < ${w.turns(steps)}; j++) {`)
    block.add(`let i = ${first}${steps === 1 ? '' : ` + j * ${size}`};`)
    if (workgroups[0] * workgroups[1] * workgroups[2] * each > threads)
      block.add(`if (i >= ${threads}) { ${steps === 1 ? 'return' : 'break'}; }`)
    const last = p.axes.at(-1)
    if (s.width === 4 && last) {
      const quarter = ctx.axis('quarter', last.extent / 4)
      w.unflatten('i', [...p.axes.slice(0, -1), quarter], block)
      block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
    } else w.unflatten('i', p.axes, block)
    w.announce(...values, ...guards.filter(g => g !== undefined))
    // All is read before anything is written: an output may lie where another's value still comes from.
    const made = values.map(v => w.emit(v, block))
    const tests = guards.map(g => g && w.emit(g, block).text)
    p.outputs.forEach((o, j) => {
      const at = tests[j] === undefined ? block : block.inner(`if (${tests[j]}) {`)
      w.store(o.storage, o.address, made[j]!, at)
      if (at !== block) block.close(at)
    })
    if (block !== root) root.close(block)
    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      schedule: `map, ${s.width === 4 ? 'four neighbours' : 'one element'} a thread${steps === 1 ? '' : `, ${steps} times`}, workgroups of ${size}`,
    }
  })
}
