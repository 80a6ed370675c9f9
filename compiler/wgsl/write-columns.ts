import type { BroadcastSchedule, Count, RegisterSchedule } from '../artifact.js'
import { i32, index, prim } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { extentInParts, isMultiple } from '../ir/open-extent.js'
import type { LoopLimits, Spans } from '../kernel/bounds.js'
import type { KernelContext } from '../kernel/context.js'
import { countAxis } from '../kernel/count.js'
import { type Product, swapOperands } from '../kernel/product.js'
import type { KernelSpec } from '../kernel/spec.js'
import { type Block, quarterAxis, type TextValue, vectorComponents } from './block.js'
import { type EmittedKernel, writeKernel } from './kernel.js'
import { idleOutputs, idleTest, type LoopEnds, sumLimits, tileSpans, writeLoopEnds } from './loop-limits.js'
import {
  ownersOf,
  placeColumns,
  quarterPosition,
  range,
  replaceAxis,
  type Sums,
  storeRows,
  storeRowsInLoop,
  type Tiling,
  workgroupsOf,
  writeTile,
} from './product-frame.js'
import type { Writer } from './writer.js'

const componentOf = (v: TextValue, j: number): string =>
  v.width === 4 ? `${v.text}.${vectorComponents[j]}` : v.text

/** A schedule of either family as the writer needs it. `lanes` is 1 where nothing is shared. */
interface ColumnTiling extends Tiling {
  readonly lanes: number
  readonly left: 'k' | 'm'
  readonly right: 'k' | 'n'
  readonly step: 1 | 4
}

/**
 * Axes for the kernel's own variables: the row of a lane is `row + lane`, or four rows at `row + 4 · lane`.
 */
interface Frame {
  readonly base: Axis
  readonly lane: Axis
}

/** A contraction while it is written. */
interface ColumnsKernel {
  readonly p: Product
  readonly s: ColumnTiling
  readonly frame: Frame
  readonly w: Writer
}

/**
 * Writes `out[b, m, n] = Σ k · left[b, m, k] · right[b, n, k]` with sums in registers (register blocking). A
 * workgroup computes `rows` rows of `threads · columns` columns; a thread owns its columns and all rows. With
 * subgroups, each lane loads other rows of the left operand, and all lanes get them by broadcast, so no
 * operand is loaded twice. The right operand is loaded once, by the thread that owns the columns.
 */
export const writeColumns = (
  product: Product,
  schedule: BroadcastSchedule | RegisterSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const p = schedule.turned ? swapOperands(product) : product
  const lanes = schedule.family === 'broadcast' ? schedule.lanes : 1
  const threads = schedule.family === 'broadcast' ? lanes : schedule.threads
  const s: ColumnTiling = { ...schedule, lanes, owners: threads }
  const units = spec.members.flatMap(x => [...x.dims.flat(), ...(x.reduce?.axes ?? [])])
  const { grid, count } = workgroupsOf(p, s, ctx)
  return writeKernel(ctx, spec, w => {
    const { root } = w
    writeTile(p, s, units, w)
    const spans = tileSpans(p, s, w)
    root.add('let lane = i32(local);', 'let owner = across + lane;')
    placeColumns(p, { columns: s.columns, owner: 'owner' }, w, root)
    const frame: Frame = { base: w.axisLike('row', p.m), lane: w.axis('lane', s.lanes) }
    root.places.set(frame.base.id, { kind: 'scalar', text: 'row' })
    root.places.set(frame.lane.id, { kind: 'scalar', text: 'lane' })
    if (s.left === 'm') {
      const quarter = w.axisInParts('quarter', p.m, 4)
      root.add('let rows = row / 4 + lane;')
      root.places.set(quarter.id, { kind: 'scalar', text: 'rows' })
      root.places.set(p.m.id, { kind: 'vector', quarter: quarter.id })
    }
    const type = s.columns === 4 ? 'vec4f' : 'f32'
    const owned = ownersOf(p.n, s.columns)
    const full = typeof owned === 'number' && owned % threads === 0
    const sums: Sums = {
      count: s.rows,
      columns: s.columns,
      row: r => prim('add', index(frame.base), r),
      text: r => `c${r}`,
      inside: isMultiple(p.m, s.rows) ? undefined : `${w.count(countAxis(p.m))} - row`,
    }
    const idle = idleTest(p, spans, w)
    if (idle !== undefined) {
      const instead = root.inner(`if (${idle}) {`)
      const inside = full ? instead : instead.inner(`if (owner < ${w.count(owned)}) {`)
      storeRows(idleOutputs(p), sums, w, inside)
      if (inside !== instead) instead.close(inside)
      instead.add('return;')
      root.close(instead)
    }
    for (let r = 0; r < s.rows; r++) root.add(`var c${r} = ${type}(0.0);`)
    writeReductionLoops({ p, s, frame, w }, spans)
    const block = full ? root : root.inner(`if (owner < ${w.count(owned)}) {`)
    if (schedule.epilogue === 'loop') storeRowsInLoop(p, sums, w, block)
    else storeRows(p, sums, w, block)
    if (block !== root) root.close(block)
    return {
      workgroupSize: [threads, 1, 1],
      workgroups: grid,
      count,
      features: s.lanes > 1 ? ['subgroups'] : [],
      schedule: [
        `contract, ${s.rows}×${threads * s.columns} a workgroup`,
        ...(s.lanes > 1 ? ['rows by broadcast'] : []),
        ...(schedule.turned ? ['turned'] : []),
        `left along ${s.left}`,
        `right along ${s.right}`,
      ].join(', '),
    }
  })
}

/**
 * Writes the loops over `k`: the inner axis in steps of four with a remainder, or in steps of one. Limits may
 * take in a few positions more: terms outside of them are 0.
 */
const writeReductionLoops = (kernel: ColumnsKernel, spans: Spans): void => {
  const { p, s, w } = kernel
  const k = p.k.at(-1)!
  const limitsAt = (i: number): LoopLimits => sumLimits(p, i, spans)
  const limits = limitsAt(p.k.length - 1)
  const endsOf = (count: Count, step: number): LoopEnds =>
    writeLoopEnds(limits, step, w.loopBound(count), { block: outer, w })
  const open: Block[] = []
  let outer = w.root
  for (const [i, a] of p.k.slice(0, -1).entries()) {
    const j = w.fresh('k')
    const { first, end } = writeLoopEnds(limitsAt(i), 1, w.loopBound(countAxis(a)), { block: outer, w })
    outer = outer.inner(`for (var ${j} = ${first}; ${j} < ${end}; ${j}++) {`)
    outer.places.set(a.id, { kind: 'scalar', text: j })
    open.push(outer)
  }
  const quads = s.step === 4 ? Math.floor(k.extent / 4) : 0
  if (quads > 0) {
    // An open axis is summed in steps of four only if it is always a multiple of four.
    const fours = k.open === undefined ? { extent: quads } : extentInParts(k, 4)
    const { first, end } = endsOf(countAxis(fours), 4)
    // A remainder has a loop of its own.
    const most = limits.end === undefined || isMultiple(k, 4) ? end : `min(${end}, ${quads})`
    const block = outer.inner(`for (var k = ${first}; k < ${most}; k++) {`)
    const quarter = w.axisLike('quarter', fours)
    block.places.set(quarter.id, { kind: 'scalar', text: 'k' })
    block.places.set(k.id, { kind: 'vector', quarter: quarter.id })
    const four = range(4).map(j => quarterPosition(quarter, j))
    writeStep(kernel, four, block)
    outer.close(block)
  }
  const rest = k.extent - 4 * quads
  if (s.step === 4 && rest > 0) {
    // The remainder is loaded as four neighbours too, and only the positions that exist are used.
    const block = outer.inner('{')
    const quarter = w.axis('quarter', quads + 1)
    block.places.set(quarter.id, { kind: 'scalar', text: `${quads}` })
    block.places.set(k.id, { kind: 'vector', quarter: quarter.id })
    const last = range(rest).map(j => quarterPosition(quarter, j))
    writeStep(kernel, last, block)
    outer.close(block)
  } else if (rest > 0) {
    const { first, end } = endsOf(k.open === undefined ? rest : countAxis(k), 1)
    const block = outer.inner(`for (var k = ${first}; k < ${end}; k++) {`)
    block.places.set(k.id, { kind: 'scalar', text: 'k' })
    writeStep(kernel, [index(k)], block)
    outer.close(block)
  }
  for (const b of [...open].reverse()) b.parent!.close(b)
}

/**
 * Writes one step along `k`, at the positions `ks`. In steps of four, `k` is four neighbours in the block.
 */
const writeStep = (kernel: ColumnsKernel, ks: readonly Expr[], here: Block): void => {
  const { p, s, frame: f, w } = kernel
  const k = p.k.at(-1)!
  const wide = s.step === 4
  const byStep = (e: Expr): readonly Expr[] => (wide ? ks.map(x => replaceAxis(e, k, x)) : [e])
  // The left operand: the rows that each lane loads.
  const rowOf = (t: number): Expr => {
    const own = s.lanes > 1 ? prim('add', index(f.base), index(f.lane)) : index(f.base)
    return prim('add', own, i32(t * s.lanes))
  }
  const loads = Math.ceil(s.rows / s.lanes)
  const leftExprs =
    s.left === 'm' ? byStep(p.left) : range(loads).map(t => replaceAxis(p.left, p.m, rowOf(t)))
  // The right operand: four neighbours along the columns for each step, or along k for each column.
  const last = p.n.at(-1)!
  const across = s.right === 'k' && wide
  const place = w.root.place(last.id)!.place
  const rightExprs =
    !across || place.kind !== 'vector'
      ? across
        ? [p.right]
        : byStep(p.right)
      : range(4).map(c => replaceAxis(p.right, last, quarterPosition(quarterAxis(place.quarter), c)))

  const interned = [...leftExprs, ...rightExprs].map(e => w.intern(e))
  w.announce(...interned)
  const named = (e: Expr, prefix: string): TextValue => {
    const v = w.emit(e, here)
    return v.atom ? v : w.name(here, { text: v.text, dtype: 'f32', width: v.width }, prefix)
  }
  const left = interned.slice(0, leftExprs.length).map(e => named(e, 'a'))
  const right = interned.slice(leftExprs.length).map(e => named(e, 'b'))
  const b = ks.map((_, j) => {
    if (!across) return right[j]!.text
    const parts = right.map(x => componentOf(x, j))
    return s.columns === 1
      ? parts[0]!
      : w.name(here, { text: `vec4f(${parts.join(', ')})`, dtype: 'f32', width: 4 }, 'b').text
  })
  const share = (v: TextValue, lane: number): TextValue =>
    s.lanes > 1
      ? w.name(here, { text: `subgroupBroadcast(${v.text}, ${lane}u)`, dtype: 'f32', width: v.width }, 'x')
      : v
  if (s.left === 'm')
    for (const lane of range(Math.ceil(s.rows / 4))) {
      const x = ks.map((_, j) => share(left[j]!, lane))
      for (const c of range(4))
        here.add(ks.map((_, j) => `c${4 * lane + c} += ${componentOf(x[j]!, c)} * ${b[j]};`).join(' '))
    }
  else
    for (const r of range(s.rows)) {
      const x = share(left[Math.floor(r / s.lanes)]!, r % s.lanes)
      here.add(ks.map((_, j) => `c${r} += ${componentOf(x, j)} * ${b[j]};`).join(' '))
    }
}
