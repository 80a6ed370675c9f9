import type { Group } from '../fuse/group.js'
import { identityAt, readsOf } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import { addressOf } from '../plan/placement.js'
import { accumulator, finish } from '../wgsl/accumulate.js'
import type { Block } from '../wgsl/block.js'
import { type EmittedKernel, flatGroup, type KernelSpec, settle, spread } from '../wgsl/kernel.js'
import type { Writer } from '../wgsl/writer.js'
import { type Affine, affineOf, coefficientOf } from './affine.js'
import { coalesce } from './coalesce.js'
import {
  type Context,
  localOf,
  lowerBody,
  productOf,
  reduceAxes,
  renameAxes,
  substituteLocals,
} from './context.js'
import { kernelAxes } from './map.js'

/** One member over a row: a pass over its inner axes, or a number a row where there are none. */
interface Phase {
  readonly node: ComputeNode
  readonly inner: readonly Axis[]
  readonly value: Expr
  readonly storage?: number
  readonly address?: Affine
}

/** How rows are laid on threads. `vector` is the axis of which four neighbours are handled at a time. */
export interface RowSchedule {
  readonly lanes: number
  readonly vector: 'row' | 'inner' | 'none'
}

const phasesOf = (
  group: Group,
  rows: readonly Axis[],
  loops: readonly Region[],
  ctx: Context,
): readonly Phase[] => {
  const ids = new Set(group.members.map(m => m.id))
  const scalars = new Map<NodeId, Expr>()
  return group.members.map(m => {
    const outer = kernelAxes(m, loops)
    const own = outer.slice(0, group.rowRank)
    const inner = m.reduce ? reduceAxes(m) : outer.slice(group.rowRank)
    const value = substituteLocals(lowerBody(renameAxes(m.body, own, rows), ctx, ids), scalars)
    if (!m.reduce && inner.length === 0) scalars.set(m.id, value)
    if (!group.stored.has(m.id)) return { node: m, inner, value }
    const p = ctx.placements.get(m.id)!
    const at = identityAt(m.dims).map(e => renameAxes(e, own, rows))
    return { node: m, inner, value, storage: p.storage, address: addressOf(p, at) }
  })
}

/** How many reads run along an axis one element at a time. */
const alongAxis = (e: Expr, axis: Axis): number =>
  readsOf(e).filter(r => r.node >= 0 && coefficientOf(affineOf(r.at[0]!), axis.id) === 1).length

const choose = (
  phases: readonly Phase[],
  rows: readonly Axis[],
  ctx: Context,
  plain: boolean,
): RowSchedule => {
  if (plain) return { lanes: 1, vector: 'none' }
  const width = Math.max(1, ...phases.map(p => productOf(p.inner)))
  const last = rows.at(-1)
  const passes = phases.filter(p => p.inner.length > 0)
  const count = productOf(rows)
  const acrossRows =
    last !== undefined &&
    last.extent % 4 === 0 &&
    passes.every(p => p.node.reduce && !p.node.reduce.op.startsWith('arg')) &&
    passes.reduce((n, p) => n + alongAxis(p.value, last), 0) >
      passes.reduce((n, p) => n + (p.inner.length ? alongAxis(p.value, p.inner.at(-1)!) : 0), 0)
  if (acrossRows && count >= 256) return { lanes: 1, vector: 'row' }
  const s = ctx.traits.subgroupSize
  // On a software device subgroup operations are slow to compile and no faster, unless rows are few.
  const enough = ctx.traits.software && count >= 16
  const lanes = s > 1 && width >= 4 * s && !acrossRows && !enough ? s : 1
  return { lanes, vector: acrossRows ? 'none' : 'inner' }
}

/** Reductions over rows and what is computed from them in the same rows: one subgroup, or one thread, a row. */
export const rowsKernel = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
  plain: boolean,
): EmittedKernel => {
  const all = kernelAxes(group.members[0]!, loops).slice(0, group.rowRank)
  const found = phasesOf(group, all, loops, ctx)
  const roots = found.map(p => p.value)
  const joined = coalesce(
    all,
    roots,
    found.flatMap(p => p.address ?? []),
    ctx.axis,
  )
  const phases = found.map(p => {
    const value = joined.expr(p.value)
    const address = p.address && joined.affine(p.address)
    const own = coalesce(p.inner, [value], address ? [address] : [], ctx.axis)
    const arg = p.node.reduce?.op.startsWith('arg')
    if (arg) return { ...p, value, ...(address ? { address } : {}) }
    return {
      ...p,
      inner: own.axes,
      value: own.expr(value),
      ...(address ? { address: own.affine(address) } : {}),
    }
  })
  const rows = joined.axes
  const s = choose(phases, rows, ctx, plain)
  const count = productOf(rows)
  const threads = s.vector === 'row' ? count / 4 : count
  const size = s.lanes > 1 ? s.lanes : Math.min(64, ctx.traits.workgroupInvocations, threads >= 1024 ? 64 : 8)
  const workgroups = spread(
    s.lanes > 1 ? count : Math.ceil(threads / size),
    ctx.traits.workgroupsPerDimension,
  )
  const launched = workgroups[0] * workgroups[1] * workgroups[2] * (s.lanes > 1 ? 1 : size)
  return settle(ctx, spec, w => {
    const root = w.root
    for (const a of [...all, ...found.flatMap(p => p.inner)])
      if (a.extent === 1) root.places.set(a.id, { kind: 'scalar', text: '0' })
    root.add(
      s.lanes > 1
        ? `let row = ${flatGroup(workgroups)};`
        : `let row = ${flatGroup(workgroups)} * ${size} + i32(local);`,
    )
    if (launched > threads) root.add(`if (row >= ${threads}) { return; }`)
    const last = rows.at(-1)
    if (s.vector === 'row') {
      const quarter = ctx.axis('quarter', last!.extent / 4)
      w.unflatten('row', [...rows.slice(0, -1), quarter], root)
      root.places.set(last!.id, { kind: 'vector', quarter: quarter.id })
    } else w.unflatten('row', rows, root)
    const interned = phases.map(p => w.intern(p.value))
    w.announce(...interned)
    phases.forEach((p, i) => {
      writePhase(p, interned[i]!, s, w, ctx)
    })
    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      features: s.lanes > 1 ? ['subgroups'] : [],
      schedule:
        s.lanes > 1
          ? `rows, one subgroup of ${s.lanes} a row`
          : `rows, one thread ${s.vector === 'row' ? 'four rows' : 'a row'}, workgroups of ${size}`,
    }
  })
}

/** Opens the loops over the inner axes and gives the innermost block; `close` puts them in place. */
const openLoops = (
  inner: readonly Axis[],
  s: RowSchedule,
  wide: boolean,
  w: Writer,
  ctx: Context,
): { block: Block; close: () => void } => {
  const last = inner.at(-1)!
  const quarter = wide ? ctx.axis('quarter', last.extent / 4) : undefined
  const axes = quarter ? [...inner.slice(0, -1), quarter] : inner
  const open: Block[] = []
  let block = w.root
  if (s.lanes > 1) {
    const j = w.fresh('j')
    block = block.inner(
      `for (var ${j} = i32(local); ${j} < ${w.turns(productOf(axes))}; ${j} += ${s.lanes}) {`,
    )
    open.push(block)
    w.unflatten(j, axes, block)
  } else
    for (const a of axes) {
      const j = w.fresh('j')
      block = block.inner(`for (var ${j} = 0; ${j} < ${w.turns(a.extent)}; ${j}++) {`)
      block.places.set(a.id, { kind: 'scalar', text: j })
      open.push(block)
    }
  if (quarter) block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
  return {
    block,
    close: () => {
      for (const b of [...open].reverse()) b.parent!.close(b)
    },
  }
}

const writePhase = (p: Phase, value: Expr, s: RowSchedule, w: Writer, ctx: Context): void => {
  const root = w.root
  const one = (write: (b: Block) => void): void => {
    if (s.lanes === 1) {
      write(root)
      return
    }
    const b = root.inner('if (local == 0u) {')
    write(b)
    root.close(b)
  }
  if (p.inner.length === 0 && !p.node.reduce) {
    if (p.storage === undefined) return
    const v = w.emit(value, root)
    one(b => w.store(p.storage!, p.address!, v, b))
    return
  }
  const arg = p.node.reduce?.op.startsWith('arg') ?? false
  const last = p.inner.at(-1)
  const wide = s.vector === 'inner' && !arg && last !== undefined && last.extent % 4 === 0
  if (!p.node.reduce) {
    const { block, close } = openLoops(p.inner, s, wide, w, ctx)
    w.store(p.storage!, p.address!, w.emit(value, block), block)
    close()
    return
  }
  const acc = accumulator(p.node, wide || s.vector === 'row', value, w, root)
  if (p.inner.length === 0) acc.take(w.emit(value, root), '0', root)
  else {
    const { block, close } = openLoops(p.inner, s, wide, w, ctx)
    const place = block.place(p.inner.at(-1)!.id)!.place
    acc.take(w.emit(value, block), place.kind === 'scalar' ? place.text : '0', block)
    close()
  }
  const total = finish(p.node, acc, wide ? 'across' : 'keep', s.lanes, w, root)
  root.locals.set(localOf(p.node.id), total)
  if (p.storage !== undefined) one(b => w.store(p.storage!, p.address!, total, b))
}
