/**
 * The parts of a kernel over rows: the rows that a thread computes at once, and the loops over their inner
 * axes.
 */
import type { Affine } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineOf } from '../affine/affine-of.js'
import type { RowsSchedule } from '../artifact.js'
import { axesOf, i32, index, prim, readsOf, rewriter, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { isMultiple } from '../ir/open-extent.js'
import { type LoopLimits, loopLimits, type Spans } from '../kernel/bounds.js'
import { localOf } from '../kernel/context.js'
import { countAll, countAxis } from '../kernel/count.js'
import { constantOutside } from '../kernel/product.js'
import { findsPosition, type Phase } from '../kernel/row-program.js'
import { readsSize } from '../kernel/size-values.js'
import type { Block } from './block.js'
import type { StoreTarget } from './buffer-access.js'
import type { KeptVector } from './kept-vectors.js'
import type { LoopEnds } from './loop-limits.js'
import type { Writer } from './writer.js'

/** One of the rows that a thread computes at once: how it rewrites expressions and addresses. */
export interface Row {
  readonly number: number
  readonly expr: (e: Expr) => Expr
  readonly address: (a: Affine) => Affine
  /** The test that there is such a row, where the last rows may be missing. */
  readonly exists: string | undefined
}

/** A kernel over rows while it is written: its schedule, and the rows that a thread computes in the block. */
export interface RowsKernel {
  readonly s: RowsSchedule
  readonly rows: readonly Row[]
  /** The rows that the thread computes, as positions along the last row axis. */
  readonly spans: Spans
  readonly block: Block
  /** The vectors that all rows have in common, by their local ids. */
  readonly kept: ReadonlyMap<number, KeptVector>
  readonly w: Writer
}

/** A phase with its value and its guard for each of the rows. */
export interface PhaseValues {
  readonly phase: Phase
  readonly values: readonly Expr[]
  readonly guards: readonly (Expr | undefined)[]
}

export const targetOf = (p: Phase, r: Row): StoreTarget => ({
  storage: p.storage!,
  address: r.address(p.address!),
})

/** Local values are told apart by row: graphs have far fewer nodes than this. */
const idsPerRow = 2 ** 32

/** The local value of a member for one of the rows. */
export const localOfRow = (node: number, row: number): number => localOf(node + row * idsPerRow)

/** The row of a kernel without rows. */
export const onlyRow: Row = { number: 0, expr: e => e, address: a => a, exists: undefined }

/** Gives the row axes their positions, for each of the rows that the thread computes. */
export const placeRows = (
  axes: readonly Axis[],
  blocks: Pick<Axis, 'extent' | 'open'>,
  s: RowsSchedule,
  { block: root, w }: Pick<RowsKernel, 'block' | 'w'>,
): Pick<RowsKernel, 'rows' | 'spans'> => {
  const last = axes.at(-1)
  if (last === undefined) return { rows: [onlyRow], spans: new Map() }
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
    return { rows: [onlyRow], spans: unit === last ? new Map() : spanFrom(index(unit), 1) }
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
export type Ends = (whole: string, block: Block) => LoopEnds

/** A loop through all positions. */
const everywhere: Ends = whole => ({ first: '0', end: whole })

/**
 * Opens the loops over the inner axes and returns the innermost block. `close` puts the loops in place.
 * `ends` bounds the innermost loop. `turn` counts the iterations of a lane that begins at the first position.
 */
export const openLoops = (
  { inner, wide, ends = everywhere }: { inner: readonly Axis[]; wide: boolean; ends?: Ends | undefined },
  { s, block: root, w }: RowsKernel,
): { block: Block; turn: string; close: () => void } => {
  const last = inner.at(-1)!
  const quarter = wide ? w.axisInParts('quarter', last, 4) : undefined
  const axes = quarter ? [...inner.slice(0, -1), quarter] : inner
  const open: Block[] = []
  let block = root
  let turn = '0'
  const loop = (head: (j: string) => string): string => {
    const j = w.fresh('j')
    turn = j
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
    turn = `${j} / ${s.lanes}`
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
    turn,
    close: () => {
      for (const b of [...open].reverse()) b.parent!.close(b)
    },
  }
}

/** Writes something for each row that exists, where its guard holds. */
export const forRows = (
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

/** Whether a loop over a phase's inner axes takes four neighbours at a time. */
export const isWide = ({ inner, node, within }: Phase, { s }: RowsKernel): boolean => {
  const last = inner.at(-1)
  const apart = within !== undefined && last !== undefined && axesOf(within).has(last.id)
  return s.vector === 'inner' && !findsPosition(node) && !apart && last !== undefined && isMultiple(last, 4)
}

/** The limits of a pass's innermost loop, for all rows of the thread; undefined where it has none. */
export const limitsOf = (p: Phase, { s, spans, kept }: RowsKernel): LoopLimits | undefined => {
  const last = p.inner.at(-1)
  if (last === undefined || p.band.length === 0 || p.within !== undefined) return undefined
  if (!p.node.reduce && constantOutside(p.node) === undefined) return undefined
  // Lanes go through the inner axes as through one.
  if (s.lanes > 1 && p.inner.length > 1) return undefined
  if (readsOf(p.value).some(r => kept.has(r.node))) return undefined
  const limits = loopLimits(last, p.band, spans, [])
  return limits.first === undefined && limits.end === undefined ? undefined : limits
}

/** The ids by which the rows read a vector that they have in common. */
export const idsOfRows =
  ({ rows }: RowsKernel): ((vector: number) => readonly number[]) =>
  vector =>
    rows.map(r => localOfRow(-1 - vector, r.number))
