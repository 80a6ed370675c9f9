import type { RowsSchedule } from '../artifact.js'
import type { Expr } from '../ir/ir.js'
import { extentInParts } from '../ir/open-extent.js'
import { type KernelContext, localOf, productOf } from '../kernel/context.js'
import { countAll, countAxis, inParts, mostOf, multiplyCounts } from '../kernel/count.js'
import { constantOutside } from '../kernel/product.js'
import type { Phase, RowProgram } from '../kernel/row-program.js'
import { phasesByLoop } from '../kernel/share-loops.js'
import type { KernelSpec } from '../kernel/spec.js'
import { declareAccumulator, finishReduction } from './accumulate.js'
import type { Block, TextValue } from './block.js'
import { declareKept, type KeptVector, readKept } from './kept-vectors.js'
import { type EmittedKernel, flatWorkgroupIndex, isPartly, spreadWorkgroups, writeKernel } from './kernel.js'
import { writeLoopEnds } from './loop-limits.js'
import {
  type Ends,
  forRows,
  idsOfRows,
  isWide,
  limitsOf,
  localOfRow,
  onlyRow,
  openLoops,
  type PhaseValues,
  placeRows,
  type RowsKernel,
  targetOf,
} from './rows-frame.js'
import type { Writer } from './writer.js'

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
    const kept = writeShared(p, s, w)
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
    const loops = phasesByLoop(p.phases.filter(x => !x.shared)).map(together =>
      together.map((phase): PhaseValues => {
        const values = rows.map(r => w.intern(r.expr(phase.value)))
        const guards = rows.map(r => phase.within && w.intern(r.expr(phase.within)))
        return { phase, values, guards }
      }),
    )
    for (const x of loops.flat()) w.announce(...x.values, ...x.guards.filter(g => g !== undefined))
    for (const together of loops) writePhases(together, { s, rows, spans, block, kept, w })
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

/**
 * Writes the phases that all rows have in common, before the rows. The lanes of the workgroup, which is one
 * subgroup, share the work, and each keeps the elements of vectors that it has computed.
 */
const writeShared = (p: RowProgram, s: RowsSchedule, w: Writer): ReadonlyMap<number, KeptVector> => {
  const kept = new Map<number, KeptVector>()
  const kernel = {
    s: { ...s, rows: 1, vector: 'inner' as const },
    rows: [onlyRow],
    spans: new Map(),
    block: w.root,
    kept,
    w,
  }
  for (const phase of p.phases.filter(x => x.shared)) {
    const value = w.intern(phase.value)
    w.announce(value)
    if (phase.inner.length === 0 || phase.node.reduce)
      writePhases([{ phase, values: [value], guards: [undefined] }], kernel)
    else kept.set(localOf(phase.node.id), keepVector(phase, value, kernel))
    const number = w.root.local(localOf(phase.node.id))
    if (number !== undefined)
      for (let row = 1; row < s.rows; row++) w.root.locals.set(localOfRow(phase.node.id, row), number.value)
  }
  return kept
}

/** Computes a vector; each lane keeps its own elements. */
const keepVector = (phase: Phase, value: Expr, kernel: RowsKernel): KeptVector => {
  const { s, w } = kernel
  const wide = isWide(phase, kernel)
  const turns = Math.ceil(productOf(phase.inner) / (wide ? 4 : 1) / s.lanes)
  const own = declareKept({ dtype: value.dtype, width: wide ? 4 : 1, turns }, w)
  const { block, turn, close } = openLoops({ inner: phase.inner, wide }, kernel)
  readKept(kernel.kept, { values: [value], turn, idsOf: idsOfRows(kernel) }, block, w)
  const element = w.emit(value, block)
  block.add(`${own.name}[${turn}] = ${(wide ? w.widen(element) : element).text};`)
  close()
  return own
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

/** Stores one value a row. Of a subgroup, one lane stores. */
const storeEach = ({ phase, guards }: PhaseValues, each: readonly TextValue[], kernel: RowsKernel): void => {
  if (phase.storage === undefined) return
  const { s, block: root, w } = kernel
  const own = s.lanes === 1 ? root : root.inner('if (local == 0u) {')
  forRows(kernel, guards, own, (r, b) => w.store(targetOf(phase, r), each[r.number]!, b))
  if (own !== root) root.close(own)
}

/** Writes a phase, and those that run in its loop. */
const writePhases = (all: readonly PhaseValues[], kernel: RowsKernel): void => {
  const [x] = all as readonly [PhaseValues]
  const { phase: p, values } = x
  const { block: root, w } = kernel
  if (p.node.reduce) writeReductions(all, kernel)
  else if (p.inner.length === 0) {
    if (p.storage !== undefined) {
      const each = values.map(v => w.emit(v, root))
      storeEach(x, each, kernel)
    }
  } else writeElements(x, kernel)
}

/** Writes the values of a phase over its inner axes. */
const writeElements = ({ phase: p, values, guards }: PhaseValues, kernel: RowsKernel): void => {
  const { block: root, w } = kernel
  const wide = isWide(p, kernel)
  const limits = limitsOf(p, kernel)
  const ends = endsOf(p, kernel)
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
}

/** The ends of a phase's innermost loop; undefined where it goes through all positions. */
const endsOf = (p: Phase, kernel: RowsKernel): Ends | undefined => {
  const limits = limitsOf(p, kernel)
  const by = isWide(p, kernel) ? 4 : 1
  return limits && ((whole, at) => writeLoopEnds(limits, by, whole, { block: at, w: kernel.w }))
}

/** Writes reductions in one loop. */
const writeReductions = (all: readonly PhaseValues[], kernel: RowsKernel): void => {
  const { s, rows, block: root, w } = kernel
  const { phase: first } = all[0]!
  const wide = isWide(first, kernel)
  const running = all.map(({ phase: p, values }) => {
    const { op } = p.node.reduce!
    // A reduction that rows have in common is computed once for all of them.
    const own = p.common ? values.slice(0, 1) : values
    // Several sums are single numbers instead of four each, to save registers.
    const fold = own.length * all.length > 1 && wide && op === 'sum' && p.node.dtype === 'f32'
    const four = (wide && !fold) || (s.vector === 'row' && !p.common)
    const sums = own.map(v => declareAccumulator({ op, dtype: v.dtype, wide: four }, w, root))
    return { op, own, fold, sums }
  })
  if (first.inner.length === 0)
    for (const { own, sums } of running)
      for (const [i, v] of own.entries()) sums[i]!.take(w.emit(v, root), '0', root)
  else {
    const { block, turn, close } = openLoops(
      { inner: first.inner, wide, ends: endsOf(first, kernel) },
      kernel,
    )
    const values = running.flatMap(x => x.own)
    readKept(kernel.kept, { values, turn, idsOf: idsOfRows(kernel) }, block, w)
    const place = block.place(first.inner.at(-1)!.id)!.place
    for (const { own, fold, sums } of running)
      own.forEach((v, i) => {
        const value = w.emit(v, block)
        const summand: TextValue = fold
          ? { text: `dot(${w.widen(value).text}, vec4f(1.0))`, dtype: 'f32', width: 1, atom: false }
          : value
        sums[i]!.take(summand, place.kind === 'scalar' ? place.text : '0', block)
      })
    close()
  }
  all.forEach((x, n) => {
    const { op, fold, sums } = running[n]!
    const components = wide && !fold ? 'across' : 'keep'
    const totals = sums.map(accumulator =>
      finishReduction({ op, accumulator, components, lanes: s.lanes }, w, root),
    )
    const each = rows.map((_, i) => totals[x.phase.common ? 0 : i]!)
    each.forEach((total, i) => {
      root.locals.set(localOfRow(x.phase.node.id, i), total)
    })
    storeEach(x, each, kernel)
  })
}
