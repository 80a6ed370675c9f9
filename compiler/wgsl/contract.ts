import { i32, index, prim, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { type Affine, affineExpr, affineOf } from '../schedule/affine.js'
import { type Context, productOf } from '../schedule/context.js'
import type { BroadcastSchedule, RegisterSchedule } from '../schedule/contract.js'
import type { Epilogue, Product } from '../schedule/contract-product.js'
import type { Block, Value } from './block.js'
import { type EmittedKernel, flatGroup, type KernelSpec, settle, spread } from './kernel.js'
import type { Writer } from './writer.js'

const range = (n: number): readonly number[] => [...Array(n).keys()]
const component = (j: number): string => 'xyzw'[j]!

/** A schedule of either family, as the writer needs it. */
type Layout = Omit<BroadcastSchedule, 'family'> &
  Omit<RegisterSchedule, 'family'> & {
    /** Steps of four along `k`; otherwise of one. */
    readonly quads: boolean
  }

/** The axes of a kernel's own variables. */
interface Frame {
  /** First row of the tile; the row of a lane is `row + lane` (or four rows at `row + 4 · lane`). */
  readonly base: Axis
  readonly lane: Axis
  readonly quarterOfK: Axis
}

/**
 * Writes `out[b, m, n] = Σ k · left[b, m, k] · right[b, n, k]`. A workgroup computes `rows` rows of `threads · columns` columns; a thread owns
 * its columns and all rows. With subgroups each lane loads other rows of the left operand and all lanes get them by broadcast,
 * so that no operand is loaded twice; the right operand is loaded once by the thread that owns the columns.
 */
export const writeContraction = (
  p: Product,
  schedule: BroadcastSchedule | RegisterSchedule,
  ctx: Context,
  spec: KernelSpec,
): EmittedKernel => {
  const lanes = schedule.family === 'broadcast' ? schedule.lanes : 1
  const threads = schedule.family === 'broadcast' ? schedule.lanes : schedule.threads
  const s: Layout = { ...schedule, lanes, threads, quads: p.k.at(-1)!.extent % 4 === 0 }
  const m = p.m[0]!
  const width = s.threads * s.columns
  const tilesM = Math.ceil(m.extent / s.rows)
  const tilesN = Math.ceil(productOf(p.n) / width)
  const workgroups = spread(productOf(p.batch) * tilesM * tilesN, ctx.traits.workgroupsPerDimension)
  const total = productOf(p.batch) * tilesM * tilesN
  return settle(ctx, spec, w => {
    const root = w.root
    const units = [...spec.members.flatMap(x => [...x.dims.flat(), ...(x.reduce?.axes ?? [])])]
    for (const a of units) if (a.extent === 1) root.places.set(a.id, { kind: 'scalar', text: '0' })
    root.add(`let tile = ${flatGroup(workgroups)};`)
    if (workgroups[0] * workgroups[1] * workgroups[2] > total) root.add(`if (tile >= ${total}) { return; }`)
    root.add(`let lane = i32(local);`)
    const [tileM, tileN] = ['m', 'n'].map(c => {
      const [own, other] = c === 'm' ? [tilesM, tilesN] : [tilesN, tilesM]
      if (own === 1) return '0'
      const behind = s.fastest === c || other === 1 ? 'tile' : `tile / ${other}`
      const last = p.batch.length === 0 && (s.fastest !== c || other === 1)
      return last ? behind : `${behind} % ${own}`
    }) as [string, string]
    root.add(`let row = ${tileM === '0' ? '0' : `(${tileM}) * ${s.rows}`};`)
    root.add(`let column = ${tileN === '0' ? '' : `(${tileN}) * ${s.threads} + `}lane;`)
    if (p.batch.length > 0) {
      root.add(`let batch = ${tilesM * tilesN === 1 ? 'tile' : `tile / ${tilesM * tilesN}`};`)
      w.unflatten('batch', p.batch, root)
    }
    placeColumns(p, s, w, ctx)
    const frame: Frame = {
      base: ctx.axis('row', m.extent),
      lane: ctx.axis('lane', s.lanes),
      quarterOfK: ctx.axis('quarter', Math.max(1, p.k.at(-1)!.extent / 4)),
    }
    root.places.set(frame.base.id, { kind: 'scalar', text: 'row' })
    root.places.set(frame.lane.id, { kind: 'scalar', text: 'lane' })
    if (s.left === 'm') {
      const quarter = ctx.axis('quarter', m.extent / 4)
      root.add('let rows = row / 4 + lane;')
      root.places.set(quarter.id, { kind: 'scalar', text: 'rows' })
      root.places.set(m.id, { kind: 'vector', quarter: quarter.id })
    }
    const type = s.columns === 4 ? 'vec4f' : 'f32'
    for (let r = 0; r < s.rows; r++) root.add(`var c${r} = ${type}(0.0);`)
    writeSum(p, s, frame, w)
    if (s.epilogue === 'loop') writeEpilogueLoop(p, s, frame, w, ctx)
    else writeStores(p, s, frame, w)
    return {
      workgroupSize: [s.threads, 1, 1],
      workgroups,
      features: s.lanes > 1 ? ['subgroups'] : [],
      schedule: `contract, ${s.rows}×${width} a workgroup${s.lanes > 1 ? ', rows by broadcast' : ''}, left along ${s.left}, right along ${s.right}`,
    }
  })
}

/** The columns of a thread: `column` counts fours (or single ones) over all column axes. */
const placeColumns = (p: Product, s: Layout, w: Writer, ctx: Context): void => {
  const last = p.n.at(-1)!
  if (s.columns === 1) {
    w.unflatten('column', p.n, w.root)
    return
  }
  const quarter = ctx.axis('quarter', Math.ceil(last.extent / 4))
  w.unflatten('column', [...p.n.slice(0, -1), quarter], w.root)
  w.root.places.set(last.id, { kind: 'vector', quarter: quarter.id })
}

const at = (e: Expr, axis: Axis, value: Expr): Expr => substituteAxes(e, new Map([[axis.id, value]]))
const fourth = (quarter: Axis, j: number): Expr => prim('add', prim('mul', index(quarter), i32(4)), i32(j))

const writeSum = (p: Product, s: Layout, f: Frame, w: Writer): void => {
  const k = p.k.at(-1)!
  let block = w.root
  const open: Block[] = []
  const loop = (head: string): void => {
    block = block.inner(head)
    open.push(block)
  }
  for (const a of p.k.slice(0, -1)) {
    const j = w.fresh('k')
    loop(`for (var ${j} = 0; ${j} < ${w.turns(a.extent)}; ${j}++) {`)
    block.places.set(a.id, { kind: 'scalar', text: j })
  }
  loop(`for (var k = 0; k < ${w.turns(s.quads ? k.extent / 4 : k.extent)}; k++) {`)
  if (s.quads) {
    block.places.set(f.quarterOfK.id, { kind: 'scalar', text: 'k' })
    block.places.set(k.id, { kind: 'vector', quarter: f.quarterOfK.id })
  } else block.places.set(k.id, { kind: 'scalar', text: 'k' })
  const steps = range(s.quads ? 4 : 1)
  const rowsPerLane = s.lanes === 1 ? s.rows : s.rows / s.lanes

  // The left operand: what each lane loads.
  const rowOf = (t: number): Expr => {
    const own = s.lanes > 1 ? prim('add', index(f.base), index(f.lane)) : index(f.base)
    return prim('add', own, i32(t * s.lanes))
  }
  const leftExprs =
    s.left === 'm'
      ? steps.map(j => (s.quads ? at(p.left, k, fourth(f.quarterOfK, j)) : p.left))
      : range(rowsPerLane).map(t => at(p.left, p.m[0]!, rowOf(t)))
  // The right operand: four neighbours along the columns for each step, or along k for each column.
  const last = p.n.at(-1)!
  const across = s.right === 'k'
  const columnQuarter = w.root.place(last.id)!.place
  const rightExprs = across
    ? s.columns === 1 || columnQuarter.kind !== 'vector'
      ? [p.right]
      : range(4).map(c =>
          at(p.right, last, fourth({ id: columnQuarter.quarter, name: 'quarter', extent: 2 ** 29 }, c)),
        )
    : steps.map(j => (s.quads ? at(p.right, k, fourth(f.quarterOfK, j)) : p.right))

  const interned = [...leftExprs, ...rightExprs].map(e => w.intern(e))
  w.announce(...interned)
  const here = block
  const named = (e: Expr, prefix: string): string => {
    const v = w.emit(e, here)
    return v.atom ? v.text : w.name(here, v.text, 'f32', v.width, prefix).text
  }
  const left = interned.slice(0, leftExprs.length).map(e => named(e, 'a'))
  const right = interned.slice(leftExprs.length).map(e => named(e, 'b'))
  const columnsAt = (j: number): string => {
    if (!across) return right[j]!
    const parts = right.map(b => (s.quads ? `${b}.${component(j)}` : b))
    return s.columns === 1 ? parts[0]! : `vec4f(${parts.join(', ')})`
  }
  const b = steps.map(j => {
    const text = columnsAt(j)
    return /^[\w.]+$/.test(text) ? text : w.name(here, text, 'f32', s.columns, 'b').text
  })
  const share = (name: string, lane: number): string =>
    s.lanes > 1 ? `subgroupBroadcast(${name}, ${lane}u)` : name
  if (s.left === 'm')
    for (const lane of range(s.lanes)) {
      const x = steps.map(j => w.name(here, share(left[j]!, lane), 'f32', 4, 'x').text)
      for (const c of range(4))
        here.add(steps.map(j => `c${4 * lane + c} += ${x[j]}.${component(c)} * ${b[j]};`).join(' '))
    }
  else
    for (const r of range(s.rows)) {
      const x =
        s.lanes > 1
          ? w.name(here, share(left[Math.floor(r / s.lanes)]!, r % s.lanes), 'f32', 4, 'x').text
          : left[r]!
      here.add(steps.map(j => `c${r} += ${s.quads ? `${x}.${component(j)}` : x} * ${b[j]};`).join(' '))
    }
  for (const inner of [...open].reverse()) inner.parent!.close(inner)
}

const sumValue = (s: Layout, text: string): Value => ({
  text,
  dtype: 'f32',
  width: s.columns,
  atom: true,
})

/** The number of columns, for stores beyond which nothing is; undefined where tiles fit. */
const columnLimit = (p: Product): number | undefined =>
  p.n.at(-1)!.extent % 4 === 0 ? undefined : p.n.at(-1)!.extent

/** Opens a block for threads that own columns of the output. */
const guardColumns = (p: Product, s: Layout, block: Block): Block | undefined => {
  const owned = Math.ceil(productOf(p.n) / s.columns)
  return owned % s.threads === 0 ? undefined : block.inner(`if (column < ${owned}) {`)
}

const rowAddress = (o: Epilogue, m: Axis, row: Expr): Affine =>
  affineOf(substituteAxes(affineExpr(o.address), new Map([[m.id, row]])))

const writeStores = (p: Product, s: Layout, f: Frame, w: Writer): void => {
  const m = p.m[0]!
  const guard = guardColumns(p, s, w.root)
  const block = guard ?? w.root
  for (const r of range(s.rows)) {
    const bounded = m.extent % s.rows !== 0
    const own = bounded ? block.inner(`if (row + ${r} < ${m.extent}) {`) : block
    const row = prim('add', index(f.base), i32(r))
    for (const o of p.outputs)
      w.store(
        o.storage,
        rowAddress(o, m, row),
        sumValue(s, `c${r}`),
        own,
        s.columns === 4 ? columnLimit(p) : undefined,
      )
    if (bounded) block.close(own)
  }
  if (guard) w.root.close(guard)
}

/** Stores the sums, then goes over the rows and computes what follows from each. */
const writeEpilogueLoop = (p: Product, s: Layout, f: Frame, w: Writer, ctx: Context): void => {
  const m = p.m[0]!
  const hold = p.outputs.at(-1)!
  writeStores({ ...p, outputs: [hold] }, s, f, w)
  const guard = guardColumns(p, s, w.root)
  const outside = guard ?? w.root
  const bound = m.extent % s.rows === 0 ? w.turns(s.rows) : `min(${s.rows}, ${m.extent} - row)`
  const block = outside.inner(`for (var r = 0; r < ${bound}; r++) {`)
  const step = ctx.axis('r', s.rows)
  block.places.set(step.id, { kind: 'scalar', text: 'r' })
  const row = prim('add', index(f.base), index(step))
  const loaded = w.load(hold.storage, rowAddress(hold, m, row), 'f32', block)
  block.locals.set(-1 - p.node, w.name(block, loaded.text, 'f32', loaded.width, 'sum'))
  const values = p.outputs.map(o => w.intern(substituteAxes(o.value, new Map([[m.id, row]]))))
  w.announce(...values)
  const texts = values.map(v => {
    const x = w.emit(v, block)
    return x.atom ? x : w.name(block, x.text, x.dtype, x.width)
  })
  p.outputs.forEach((o, i) => {
    w.store(o.storage, rowAddress(o, m, row), texts[i]!, block, s.columns === 4 ? columnLimit(p) : undefined)
  })
  outside.close(block)
  if (guard) w.root.close(guard)
}
