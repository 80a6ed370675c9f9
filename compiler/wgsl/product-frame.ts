/**
 * The parts that all writers of contractions have in common: tiles of the output, the owners of columns, and
 * the epilogue with its stores.
 */
import type { Affine } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineOf } from '../affine/affine-of.js'
import type { Count } from '../artifact.js'
import { i32, index, prim, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { extentInParts, isMultiple, isUnit } from '../ir/open-extent.js'
import type { KernelContext } from '../kernel/context.js'
import { countAll, countAxis, inParts, mostOf, multiplyCounts } from '../kernel/count.js'
import type { Epilogue, Product } from '../kernel/product.js'
import type { Block } from './block.js'
import { flatWorkgroupIndex, isPartly, spreadWorkgroups } from './kernel.js'
import type { Writer } from './writer.js'

/** The numbers from 0 to n - 1. */
export const range = (n: number): readonly number[] => [...Array(n).keys()]

/** An expression with a value in place of an axis. */
export const replaceAxis = (e: Expr, axis: Axis, value: Expr): Expr =>
  substituteAxes(e, new Map([[axis.id, value]]))

/** The position `4 · quarter + j`. */
export const quarterPosition = (quarter: Axis, j: number): Expr =>
  prim('add', prim('mul', index(quarter), i32(4)), i32(j))

/** The number of threads that own the columns, if each owns so many neighbours along the fastest axis. */
export const ownersOf = (n: readonly Axis[], columns: 1 | 4): Count =>
  multiplyCounts([countAll(n.slice(0, -1)), countAxis(extentInParts(n.at(-1)!, columns))])

/** A division of the output into tiles, one for each workgroup. */
export interface Tiling {
  readonly rows: number
  /** Owners of columns in a tile, and the neighbours that each owns. */
  readonly owners: number
  readonly columns: 1 | 4
  readonly fastest: 'm' | 'n'
}

/** The workgroups of a tiling. */
export const workgroupsOf = (
  p: Product,
  t: Tiling,
  ctx: KernelContext,
): {
  readonly m: Count
  readonly n: Count
  readonly count: Count
  readonly grid: readonly [number, number, number]
} => {
  const m = countAxis(extentInParts(p.m, t.rows))
  const n = inParts(ownersOf(p.n, t.columns), t.owners)
  const count = multiplyCounts([countAll(p.batch), m, n])
  return { m, n, count, grid: spreadWorkgroups(mostOf(count), ctx.traits.workgroupsPerDimension) }
}

/**
 * Writes the position of the workgroup's tile: `row` is its first row, `across` the number of the first owner
 * of its columns. The axes of the batch and those of extent 1 get their positions.
 */
export const writeTile = (p: Product, t: Tiling, units: readonly Axis[], w: Writer): void => {
  const { root } = w
  const { m, n, count, grid } = workgroupsOf(p, t, w.ctx)
  const batch = countAll(p.batch)
  for (const a of units) if (isUnit(a)) root.places.set(a.id, { kind: 'scalar', text: '0' })
  root.add(`let tile = ${flatWorkgroupIndex(grid)};`)
  if (isPartly(count, grid, 1)) root.add(`if (tile >= ${w.count(count)}) { return; }`)
  const number = (c: 'm' | 'n'): string => {
    const [own, other] = c === 'm' ? [m, n] : [n, m]
    if (own === 1) return '0'
    const behind = t.fastest === c || other === 1 ? 'tile' : `tile / ${w.count(other)}`
    const last = batch === 1 && (t.fastest !== c || other === 1)
    return last ? behind : `${behind} % ${w.count(own)}`
  }
  root.add(`let row = ${m === 1 ? '0' : `(${number('m')}) * ${t.rows}`};`)
  root.add(`let across = ${n === 1 ? '0' : `(${number('n')}) * ${t.owners}`};`)
  if (p.batch.length > 0) {
    const tiles = multiplyCounts([m, n])
    root.add(`let batch = ${tiles === 1 ? 'tile' : `tile / ${w.count(tiles)}`};`)
    w.unflatten('batch', p.batch, root)
  }
}

/** The neighbouring columns that each owner has, and the text of the owner's number. */
export interface OwnedColumns {
  readonly columns: 1 | 4
  readonly owner: string
}

/** Gives the column axes their positions, for the owner whose number is a text. */
export const placeColumns = (p: Product, { columns, owner }: OwnedColumns, w: Writer, block: Block): void => {
  const last = p.n.at(-1)!
  if (columns === 1) {
    w.unflatten(owner, p.n, block)
    return
  }
  const quarter = w.axisInParts('quarter', last, 4)
  w.unflatten(owner, [...p.n.slice(0, -1), quarter], block)
  block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
}

/** The sums that a thread holds, for the columns of its block. */
export interface Sums {
  readonly count: number
  readonly columns: 1 | 4
  /** The row of the r-th sum, and its variable. */
  readonly row: (r: Expr) => Expr
  readonly text: (r: number) => string
  /** How many of the sums are rows of the output, as WGSL; undefined for all. */
  readonly inside: string | undefined
}

const rowAddress = (o: Epilogue, m: Axis, row: Expr): Affine =>
  affineOf(substituteAxes(affineExpr(o.address), new Map([[m.id, row]])))

/**
 * The number of columns, where stores of four neighbours must not pass it; undefined where fours divide it.
 */
const limitOf = (p: Product, columns: 1 | 4, w: Writer): string | undefined =>
  columns === 1 || isMultiple(p.n.at(-1)!, 4) ? undefined : w.count(countAxis(p.n.at(-1)!))

/** Writes the epilogue and its stores once for each row. */
export const storeRows = (p: Product, sums: Sums, w: Writer, block: Block): void => {
  const limit = limitOf(p, sums.columns, w)
  const plain = p.outputs.every(o => o.value.op === 'read')
  for (const r of range(sums.count)) {
    const own =
      sums.inside !== undefined
        ? block.inner(`if (${r} < ${sums.inside}) {`)
        : plain
          ? block
          : block.inner('{')
    const row = sums.row(i32(r))
    own.locals.set(-1 - p.node, { text: sums.text(r), dtype: 'f32', width: sums.columns, atom: true })
    const values = p.outputs.map(o => w.intern(replaceAxis(o.value, p.m, row)))
    w.announce(...values)
    for (const [i, o] of p.outputs.entries())
      w.store({ storage: o.storage, address: rowAddress(o, p.m, row), limit }, w.emit(values[i]!, own), own)
    if (own !== block) block.close(own)
  }
}

/** Stores the sums, then reads them back in a loop over the rows with the epilogue. The text is shorter. */
export const storeRowsInLoop = (p: Product, sums: Sums, w: Writer, block: Block): void => {
  const limit = limitOf(p, sums.columns, w)
  const hold = p.outputs.at(-1)!
  const sum: Expr = { op: 'read', dtype: 'f32', node: -1 - p.node, at: [], guarded: false }
  storeRows({ ...p, outputs: [{ ...hold, value: sum }] }, sums, w, block)
  const turns = sums.inside === undefined ? w.loopBound(sums.count) : `min(${sums.count}, ${sums.inside})`
  const body = block.inner(`for (var r = 0; r < ${turns}; r++) {`)
  const step = w.axis('r', sums.count)
  body.places.set(step.id, { kind: 'scalar', text: 'r' })
  const row = sums.row(index(step))
  const loaded = w.load(hold.storage, rowAddress(hold, p.m, row), 'f32', body)
  body.locals.set(-1 - p.node, w.name(body, { text: loaded.text, dtype: 'f32', width: loaded.width }, 'sum'))
  const values = p.outputs.map(o => w.intern(replaceAxis(o.value, p.m, row)))
  w.announce(...values)
  const texts = values.map(v => {
    const x = w.emit(v, body)
    return x.atom ? x : w.name(body, x)
  })
  for (const [i, o] of p.outputs.entries())
    w.store({ storage: o.storage, address: rowAddress(o, p.m, row), limit }, texts[i]!, body)
  block.close(body)
}
