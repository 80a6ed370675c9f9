import type { Affine } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineOf } from '../affine/affine-of.js'
import type { RowsSchedule } from '../artifact.js'
import { axesOf, i32, index, prim, rewriter, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { extentInParts, isMultiple } from '../ir/open-extent.js'
import { type LoopLimits, loopLimits, type Spans } from '../kernel/bounds.js'
import { type KernelContext, localOf } from '../kernel/context.js'
import { countAll, countAxis, inParts, mostOf, multiplyCounts } from '../kernel/count.js'
import { constantOutside } from '../kernel/product.js'
import { findsPosition, type Phase, type RowProgram } from '../kernel/row-program.js'
import { readsSize } from '../kernel/size-values.js'
import type { KernelSpec } from '../kernel/spec.js'
import { declareAccumulator, finishReduction } from './accumulate.js'
import type { Block, TextValue } from './block.js'
import type { StoreTarget } from './buffer-access.js'
import { type EmittedKernel, flatWorkgroupIndex, isPartly, spreadWorkgroups, writeKernel } from './kernel.js'
import { type LoopEnds, writeLoopEnds } from './loop-limits.js'
import type { Writer } from './writer.js'

/** One of the rows that a thread computes at once: how it rewrites expressions and addresses. */
interface Row {
  readonly number: number
  readonly expr: (e: Expr) => Expr
  readonly address: (a: Affine) => Affine
  /** The test that there is such a row, where the last rows may be missing. */
  readonly exists: string | undefined
}

/** A kernel over rows while it is written: its schedule, and the rows that a thread computes in the block. */
interface RowsKernel {
  readonly s: RowsSchedule
  readonly rows: readonly Row[]
  /** The rows that the thread computes, as positions along the last row axis. */
  readonly spans: Spans
  readonly block: Block
  readonly w: Writer
}

/** A phase with its value and its guard for each of the rows. */
interface PhaseValues {
  readonly phase: Phase
  readonly values: readonly Expr[]
  readonly guards: readonly (Expr | undefined)[]
}

const targetOf = (p: Phase, r: Row): StoreTarget => ({ storage: p.storage!, address: r.address(p.address!) })

/** Local values are told apart by row: graphs have far fewer nodes than this. */
const idsPerRow = 2 ** 32

/** The local value of a member for one of the rows. */
const localOfRow = (node: number, row: number): number => localOf(node + row * idsPerRow)

/**
 * Writes the phases of a group over its rows. Each thread, or each subgroup with its lanes side by side along
 * the row, computes `rows` rows, one phase after another. Where `vector` is `row`, a row here is four
 * neighbouring rows.
 */
export const writeRows = (
  p: RowProgram,
  s: RowsSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const last = p.rows.at(-1)
  const unit = s.vector === 'row' ? 4 : 1
  const blocks = last === undefined ? { extent: 1 } : extentInParts(last, unit * s.rows)
  const count = multiplyCounts([countAxis(blocks), countAll(p.rows.slice(0, -1))])
  const size = s.lanes > 1 ? s.lanes : s.threads
  const each = s.steps * (s.lanes > 1 ? 1 : size)
  const groups = inParts(count, each)
  const workgroups = spreadWorkgroups(mostOf(groups), ctx.traits.workgroupsPerDimension)
  return writeKernel(ctx, spec, w => {
    const root = w.root
    for (const a of p.units) root.places.set(a.id, { kind: 'scalar', text: '0' })
    const block =
      s.steps === 1 ? root : root.inner(`for (var step = 0; step < ${w.loopBound(s.steps)}; step++) {`)
    const first =
      s.steps === 1
        ? flatWorkgroupIndex(workgroups)
        : `(${flatWorkgroupIndex(workgroups)} * ${s.steps} + step)`
    block.add(`let row = ${first}${s.lanes > 1 ? '' : ` * ${size} + i32(local)`};`)
    if (isPartly(count, workgroups, each))
      block.add(`if (row >= ${w.count(count)}) { ${s.steps === 1 ? 'return' : 'break'}; }`)
    const { rows, spans } = placeRows(p.rows, blocks, s, { block, w })
    const values = p.phases.map(x => rows.map(r => w.intern(r.expr(x.value))))
    const guards = p.phases.map(x => rows.map(r => x.within && w.intern(r.expr(x.within))))
    w.announce(...values.flat(), ...guards.flat().filter(g => g !== undefined))
    p.phases.forEach((x, i) => {
      writePhase({ phase: x, values: values[i]!, guards: guards[i]! }, { s, rows, spans, block, w })
    })
    if (block !== root) root.close(block)

    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      count: groups,
      features: s.lanes > 1 ? ['subgroups'] : [],
      schedule: describeSchedule(s, size),
    }
  })
}

const numerals = ['one', 'two', 'three', 'four', 'five', 'six'] as const

/** The schedule in one line for people. */
const describeSchedule = (s: RowsSchedule, threads: number): string => {
  const count = numerals[s.rows - 1]
  const rows = s.rows === 1 ? 'a row' : `${count} rows`
  const repeated = s.steps === 1 ? '' : `, ${s.steps} times`
  if (s.lanes > 1) return `rows, one subgroup of ${s.lanes} ${rows}${repeated}`
  const fours = s.rows === 1 ? 'four rows' : `${count} times four rows`
  const made = s.vector === 'row' ? fours : rows
  return `rows, one thread ${made}, workgroups of ${threads}${repeated}`
}

/** Gives the row axes their positions, for each of the rows that the thread computes. */
const placeRows = (
  axes: readonly Axis[],
  blocks: Pick<Axis, 'extent' | 'open'>,
  s: RowsSchedule,
  { block: root, w }: Pick<RowsKernel, 'block' | 'w'>,
): Pick<RowsKernel, 'rows' | 'spans'> => {
  const last = axes.at(-1)
  const single: Row = { number: 0, expr: e => e, address: a => a, exists: undefined }
  if (last === undefined) return { rows: [single], spans: new Map() }
  /** The span of so many units from one on. */
  const spanFrom = (first: Expr, count: number): Spans => {
    const each = s.vector === 'row' ? 4 : 1
    const from = each === 1 ? first : prim('mul', first, i32(each))
    return new Map([[last.id, { first: from, last: prim('add', from, i32(count * each - 1)) }]])
  }
  const step = w.axis('block', blocks.extent, blocks.open)
  // The axis that counts the rows, or fours of them.
  const unit = s.vector === 'row' ? w.axisInParts('quarter', last, 4) : last
  if (s.rows === 1) {
    w.unflatten('row', [...axes.slice(0, -1), unit], root)
    if (unit !== last) root.places.set(last.id, { kind: 'vector', quarter: unit.id })
    return { rows: [single], spans: unit === last ? new Map() : spanFrom(index(unit), 1) }
  }
  w.unflatten('row', [...axes.slice(0, -1), step], root)
  const rows = [...Array(s.rows).keys()].map((number): Row => {
    const at = prim('add', prim('mul', index(step), i32(s.rows)), i32(number))
    const name = (): string => w.nameIndex(root, w.emit(w.intern(at), root).text, 'row').text
    const exists = isMultiple(unit, s.rows) ? undefined : `${name()} < ${w.count(countAxis(unit))}`
    let own = at
    if (unit !== last) {
      const [quarter, four] = [w.axisLike('quarter', unit), w.axisLike('row', last)]
      root.places.set(quarter.id, { kind: 'scalar', text: name() })
      root.places.set(four.id, { kind: 'vector', quarter: quarter.id })
      own = index(four)
    }
    const expr = (e: Expr): Expr => substituteAxes(e, new Map([[last.id, own]]))
    return {
      number,
      expr: e => localsOfRow(number)(expr(e)),
      address: a => affineOf(expr(affineExpr(a))),
      exists,
    }
  })
  return { rows, spans: spanFrom(prim('mul', index(step), i32(s.rows)), s.rows) }
}

/** Rewrites reads of members' values to the values of one of several rows. */
const localsOfRow = (row: number): ((e: Expr) => Expr) =>
  rewriter(x =>
    x.op === 'read' && x.node < 0 && !readsSize(x.node) ? { ...x, node: localOfRow(-1 - x.node, row) } : x,
  )

/** The ends of a pass's innermost loop. */
type Ends = (whole: string, block: Block) => LoopEnds

/** A loop through all positions. */
const everywhere: Ends = whole => ({ first: '0', end: whole })

/**
 * Opens the loops over the inner axes and returns the innermost block. `close` puts the loops in place.
 * `ends` bounds the innermost loop.
 */
const openLoops = (
  { inner, wide, ends = everywhere }: { inner: readonly Axis[]; wide: boolean; ends?: Ends | undefined },
  { s, block: root, w }: RowsKernel,
): { block: Block; close: () => void } => {
  const last = inner.at(-1)!
  const quarter = wide ? w.axisInParts('quarter', last, 4) : undefined
  const axes = quarter ? [...inner.slice(0, -1), quarter] : inner
  const open: Block[] = []
  let block = root
  const loop = (head: (j: string) => string): string => {
    const j = w.fresh('j')
    block = block.inner(head(j))
    open.push(block)
    return j
  }
  const count = countAll(axes)
  if (s.lanes > 1 && typeof count === 'number' && count % s.lanes === 0 && ends === everywhere) {
    // A loop with one known count for all lanes is cheaper.
    const j = loop(j => `for (var ${j} = 0; ${j} < ${w.loopBound(count / s.lanes)}; ${j}++) {`)
    w.unflatten(w.nameIndex(block, `${j} * ${s.lanes} + i32(local)`, 'at').text, axes, block)
  } else if (s.lanes > 1) {
    const { first, end } = ends(w.loopBound(count), block)
    const start = first === '0' ? 'i32(local)' : `${first} + i32(local)`
    const j = loop(j => `for (var ${j} = ${start}; ${j} < ${end}; ${j} += ${s.lanes}) {`)
    w.unflatten(j, axes, block)
  } else
    for (const [i, a] of axes.entries()) {
      const { first, end } = (i === axes.length - 1 ? ends : everywhere)(w.loopBound(countAxis(a)), block)
      const j = loop(j => `for (var ${j} = ${first}; ${j} < ${end}; ${j}++) {`)
      block.places.set(a.id, { kind: 'scalar', text: j })
    }
  if (quarter) block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
  return {
    block,
    close: () => {
      for (const b of [...open].reverse()) b.parent!.close(b)
    },
  }
}

/** Writes something for each row that exists, where its guard holds. */
const forRows = (
  { rows, w }: RowsKernel,
  guards: readonly (Expr | undefined)[],
  block: Block,
  write: (r: Row, b: Block) => void,
): void => {
  for (const r of rows) {
    const guard = guards[r.number]
    const tests = [...(r.exists ? [r.exists] : []), ...(guard ? [w.emit(guard, block).text] : [])]
    if (tests.length === 0) write(r, block)
    else {
      const own = block.inner(`if (${tests.join(' && ')}) {`)
      write(r, own)
      block.close(own)
    }
  }
}

/** The limits of a pass's innermost loop, for all rows of the thread; undefined where it has none. */
const limitsOf = (p: Phase, { s, spans }: RowsKernel): LoopLimits | undefined => {
  const last = p.inner.at(-1)
  if (last === undefined || p.band.length === 0 || p.within !== undefined) return undefined
  if (!p.node.reduce && constantOutside(p.node) === undefined) return undefined
  // Lanes go through the inner axes as through one.
  if (s.lanes > 1 && p.inner.length > 1) return undefined
  const limits = loopLimits(last, p.band, spans, [])
  return limits.first === undefined && limits.end === undefined ? undefined : limits
}

/** Writes one phase: the value of each row, or a loop over the inner axes that stores or reduces values. */
const writePhase = ({ phase: p, values, guards }: PhaseValues, kernel: RowsKernel): void => {
  const { s, rows, block: root, w } = kernel
  /** Stores one value a row. Of a subgroup, one lane stores. */
  const storeEach = (each: readonly TextValue[]): void => {
    if (p.storage === undefined) return
    const own = s.lanes === 1 ? root : root.inner('if (local == 0u) {')
    forRows(kernel, guards, own, (r, b) => w.store(targetOf(p, r), each[r.number]!, b))
    if (own !== root) root.close(own)
  }
  if (p.inner.length === 0 && !p.node.reduce) {
    if (p.storage !== undefined) storeEach(values.map(v => w.emit(v, root)))
    return
  }
  const arg = findsPosition(p.node)
  const last = p.inner.at(-1)
  const apart = p.within !== undefined && last !== undefined && axesOf(p.within).has(last.id)
  const wide = s.vector === 'inner' && !arg && !apart && last !== undefined && isMultiple(last, 4)
  const limits = limitsOf(p, kernel)
  const ends =
    limits && ((whole: string, at: Block) => writeLoopEnds(limits, wide ? 4 : 1, whole, { block: at, w }))
  if (!p.node.reduce) {
    const store = (own: Ends | undefined, value: (v: Expr, block: Block) => TextValue): void => {
      const { block, close } = openLoops({ inner: p.inner, wide, ends: own }, kernel)
      const each = values.map(v => value(v, block))
      forRows(kernel, guards, block, (r, b) => w.store(targetOf(p, r), each[r.number]!, b))
      close()
    }
    store(ends, w.emit.bind(w))
    if (ends === undefined) return
    // Outside of its limits the value is a constant.
    const constant = w.emit(constantOutside(p.node)!, root)
    const outside = wide ? w.widen(constant) : constant
    if (limits?.first)
      store(
        (whole, at) => ({ first: '0', end: ends(whole, at).first }),
        () => outside,
      )
    if (limits?.end)
      store(
        (whole, at) => ({ first: ends(whole, at).end, end: whole }),
        () => outside,
      )
    return
  }
  // A reduction that rows have in common is computed once for all of them.
  const own = p.common ? values.slice(0, 1) : values
  // With several rows, each has one running sum instead of four, to save registers.
  const fold = own.length > 1 && wide && p.node.reduce.op === 'sum' && p.node.dtype === 'f32'
  const four = (wide && !fold) || (s.vector === 'row' && !p.common)
  const { op } = p.node.reduce
  const sums = own.map(v => declareAccumulator({ op, dtype: v.dtype, wide: four }, w, root))
  if (p.inner.length === 0) for (const [i, v] of own.entries()) sums[i]!.take(w.emit(v, root), '0', root)
  else {
    const { block, close } = openLoops({ inner: p.inner, wide, ends }, kernel)
    const place = block.place(p.inner.at(-1)!.id)!.place
    own.forEach((v, i) => {
      const value = w.emit(v, block)
      const summand: TextValue = fold
        ? { text: `dot(${w.widen(value).text}, vec4f(1.0))`, dtype: 'f32', width: 1, atom: false }
        : value
      sums[i]!.take(summand, place.kind === 'scalar' ? place.text : '0', block)
    })
    close()
  }
  const components = wide && !fold ? 'across' : 'keep'
  const totals = sums.map(accumulator =>
    finishReduction({ op, accumulator, components, lanes: s.lanes }, w, root),
  )
  const each = rows.map((_, i) => totals[p.common ? 0 : i]!)
  each.forEach((total, i) => {
    root.locals.set(localOfRow(p.node.id, i), total)
  })
  storeEach(each)
}
