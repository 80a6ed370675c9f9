/** The ends of loops that a band bounds, and tiles that it leaves out. */
import { i32, index, prim } from '../ir/expr.js'
import type { Axis, AxisId } from '../ir/ir.js'
import { type AxisRange, isOutside, type LoopLimits, loopLimits, type Spans } from '../kernel/bounds.js'
import { countAll, inParts } from '../kernel/count.js'
import type { Product } from '../kernel/product.js'
import { extentValue } from '../kernel/size-values.js'
import type { Block } from './block.js'
import type { Tiling } from './product-frame.js'
import type { Writer } from './writer.js'

/** The ends of a loop as WGSL, in steps of so many positions. */
export interface LoopEnds {
  readonly first: string
  /** The position that the loop does not reach. */
  readonly end: string
}

/** Declares the ends of a loop in steps of `step` positions; `whole` is its end where nothing bounds it. */
export const writeLoopEnds = (
  limits: LoopLimits,
  step: number,
  whole: string,
  { block, w }: { readonly block: Block; readonly w: Writer },
): LoopEnds => {
  const text = (e: NonNullable<LoopLimits['first']>): string => w.emit(w.intern(e), block).text
  const parts = (x: string): string => (step === 1 ? x : `${x} / ${step}`)
  const first = limits.first === undefined ? '0' : w.nameIndex(block, parts(text(limits.first)), 'first').text
  if (limits.end === undefined) return { first, end: whole }
  const end = text(step === 1 ? limits.end : prim('add', limits.end, i32(step - 1)))
  return { first, end: w.nameIndex(block, parts(end), 'end').text }
}

/** The positions of a workgroup's tile. `row` and `across` are variables that the tile's frame declares. */
export const tileSpans = (p: Product, t: Tiling, w: Writer): Spans => {
  const variable = (name: string, like: Axis): ReturnType<typeof index> => {
    const axis = w.axisLike(name, like)
    w.root.places.set(axis.id, { kind: 'scalar', text: name })
    return index(axis)
  }
  const spans = new Map<AxisId, AxisRange>()
  const row = variable('row', p.m)
  spans.set(p.m.id, { first: row, last: prim('add', row, i32(t.rows - 1)) })
  const [column, ...more] = p.n
  if (column !== undefined && more.length === 0) {
    const first = prim('mul', variable('across', column), i32(t.columns))
    spans.set(column.id, { first, last: prim('add', first, i32(t.owners * t.columns - 1)) })
  } else for (const a of p.n) spans.set(a.id, { first: i32(0), last: prim('sub', extentValue(a), i32(1)) })
  return spans
}

/** The condition that the sum of a tile is idle, as WGSL; undefined where it never is. */
export const idleTest = (p: Product, spans: Spans, w: Writer): string | undefined => {
  const outside = isOutside(p.busy, spans)
  return outside && w.emit(w.intern(outside), w.root).text
}

/** The outputs of a tile whose sum is idle: constants, of those that are read there. */
export const idleOutputs = (p: Product): Product => ({
  ...p,
  outputs: p.outputs.flatMap(o => (o.outside === undefined ? [] : [{ ...o, value: o.outside }])),
})

/** The limits of the loop over the i-th axis of a product's sum, for the whole tile. */
export const sumLimits = (p: Product, i: number, spans: Spans): LoopLimits =>
  p.band.length === 0 ? {} : loopLimits(p.k[i]!, p.band, spans, p.k.slice(i + 1))

/**
 * The turns of a loop over tiles along the sum's axes, `depth` positions each. Where the sum is idle, the
 * workgroup ends, or it goes through none, and the epilogue gives the constants.
 */
export const tileTurns = (p: Product, depth: number, spans: Spans, w: Writer): LoopEnds => {
  const idle = idleTest(p, spans, w)
  const constants = p.outputs.some(o => o.outside !== undefined)
  if (idle !== undefined && !constants) w.root.add(`if (${idle}) { return; }`)
  const whole = w.loopBound(inParts(countAll(p.k), depth))
  const limits = p.k.length === 1 ? sumLimits(p, 0, spans) : {}
  const ends = writeLoopEnds(limits, depth, whole, { block: w.root, w })
  if (idle === undefined || !constants) return ends
  return { ...ends, end: w.nameIndex(w.root, `select(${ends.end}, ${ends.first}, ${idle})`, 'end').text }
}
