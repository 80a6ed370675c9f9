import type { TileSchedule } from '../artifact.js'
import { index, prim } from '../ir/expr.js'
import { isMultiple } from '../ir/open-extent.js'
import type { KernelContext } from '../kernel/context.js'
import { countAxis } from '../kernel/count.js'
import { type Product, swapOperands } from '../kernel/product.js'
import type { KernelSpec } from '../kernel/spec.js'
import { loadDirectionOf, type OperandTile } from '../schedule/operand-tile.js'
import { type Block, vectorComponents } from './block.js'
import { type EmittedKernel, writeKernel } from './kernel.js'
import { type LoadedPiece, loadTile } from './load-tile.js'
import { type LoopEnds, tileSpans, tileTurns } from './loop-limits.js'
import {
  ownersOf,
  placeColumns,
  range,
  type Sums,
  storeRows,
  type Tiling,
  workgroupsOf,
  writeTile,
} from './product-frame.js'
import type { Writer } from './writer.js'

/**
 * The layout of the tiles in workgroup memory: a row along the outer axis for each position along `k`.
 * Elements are vectors only where vectors are written. A write to one component of a vector may touch the
 * others, which belong to other threads.
 */
interface SharedLayout {
  readonly schedule: TileSchedule
  readonly left: OperandTile
  readonly right: OperandTile
  readonly vectors: (o: OperandTile) => boolean
  /**
   * Cells in a row, vectors or elements. Rows that are written along `k` are padded by four elements; without
   * the padding, the writes would use the same memory banks again and again (bank conflicts).
   */
  readonly stride: (o: OperandTile) => number
  readonly size: (o: OperandTile) => number
  readonly element: 'f16' | 'f32'
}

const layoutOf = (p: Product, schedule: TileSchedule): SharedLayout => {
  const { rows, columns, depth, parts, threads } = schedule
  const all = threads.m * threads.n * parts
  const vectors = (o: OperandTile): boolean => loadDirectionOf(p, o.role) === 'outer'
  const stride = (o: OperandTile): number =>
    vectors(o) ? o.outer / 4 : o.outer + (loadDirectionOf(p, o.role) === 'k' ? 4 : 0)
  return {
    schedule,
    left: { role: 'left', outer: rows, k: depth, threads: all },
    right: { role: 'right', outer: columns, k: depth, threads: all },
    vectors,
    stride,
    size: o => stride(o) * depth,
    element: schedule.arithmetic,
  }
}

/** The variables of a thread's sums: `c{row}_{four columns}`. */
const sumsOf = ({ rows, columns, threads }: TileSchedule): readonly string[] =>
  range(rows / threads.m).flatMap(r => range(columns / threads.n / 4).map(q => `c${r}_${q}`))

/**
 * Writes a contraction by tiles in workgroup memory (tiling, with register blocking in each thread). All
 * threads together load an `m × k` and a `k × n` tile, so that the prologue of an element (unpacking,
 * exponentials, scales) is computed once. Then each thread computes its rows and columns of the tiles'
 * product. With `parts` > 1 the positions along `k` are divided among as many groups of threads, whose sums
 * are added at the end (split-k).
 */
export const writeTiles = (
  product: Product,
  s: TileSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const p = s.turned ? swapOperands(product) : product
  const { rows, columns, depth, parts, threads } = s
  const layout = layoutOf(p, s)
  const tiling: Tiling = { rows, owners: columns / 4, columns: 4, fastest: s.fastest }
  const units = spec.members.flatMap(x => [...x.dims.flat(), ...(x.reduce?.axes ?? [])])
  const sums = sumsOf(s)
  const { grid, count } = workgroupsOf(p, tiling, ctx)
  return writeKernel(ctx, spec, w => {
    const { root } = w
    writeTile(p, tiling, units, w)
    const spans = tileSpans(p, tiling, w)
    root.add('let thread = i32(local);', `let tx = thread % ${threads.n};`)
    root.add(`let ty = ${parts > 1 ? `(thread / ${threads.n}) % ${threads.m}` : `thread / ${threads.n}`};`)
    if (parts > 1) root.add(`let part = thread / ${threads.m * threads.n};`)
    for (const c of sums) root.add(`var ${c} = vec4f();`)
    writeTileLoop(p, layout, tileTurns(p, depth, spans, w), w)
    if (parts > 1) addParts(s, sums, w)
    storeThreadSums(p, s, tiling, w)
    const half = s.arithmetic === 'f16'
    return {
      workgroupSize: [layout.left.threads, 1, 1],
      workgroups: grid,
      count,
      features: half ? ['shader-f16'] : [],
      shared: [
        ...[layout.left, layout.right].map(o => {
          const cell = layout.vectors(o) ? `vec4<${layout.element}>` : layout.element
          return `var<workgroup> ${o.role}: array<${cell}, ${s.buffers * layout.size(o)}>;`
        }),
        ...(parts > 1
          ? [`var<workgroup> joined: array<vec4f, ${threads.m * threads.n * sums.length}>;`]
          : []),
      ],
      schedule: [
        `contract, ${rows}×${columns}×${depth} in workgroup memory`,
        `${rows / threads.m}×${columns / threads.n} a thread`,
        ...(parts > 1 ? [`${parts} parts of the sum`] : []),
        ...(half ? ['f16'] : []),
        ...(s.turned ? ['turned'] : []),
      ].join(', '),
    }
  })
}

/**
 * Writes the loop over the tiles along `k`. With two buffers, the next tile is loaded before the present one
 * is multiplied, and stored after it (double buffering, software pipelining).
 */
const writeTileLoop = (p: Product, layout: SharedLayout, { first, end }: LoopEnds, w: Writer): void => {
  const { left, right, size, schedule } = layout
  const { buffers, depth } = schedule
  const load = (start: string, block: Block): readonly (readonly [OperandTile, readonly LoadedPiece[]])[] =>
    [left, right].map(o => [o, loadTile(p, { operand: o, start }, block, w)] as const)
  const putAll = (
    loaded: ReturnType<typeof load>,
    offset: (o: OperandTile) => string,
    block: Block,
  ): void => {
    for (const [o, pieces] of loaded) putTile(layout, { operand: o, pieces, offset: offset(o) }, block, w)
  }
  const none = (): string => ''
  if (buffers === 2) putAll(load(first === '0' ? '0' : `${first} * ${depth}`, w.root), none, w.root)
  const block = w.root.inner(`for (var t = ${first}; t < ${end}; t++) {`)
  if (buffers === 2) {
    block.add('workgroupBarrier();', `let now = ${first === '0' ? 't' : `(t - ${first})`} % 2;`)
    const next = load(`(t + 1) * ${depth}`, block)
    multiplyTiles(layout, o => `now * ${size(o)} + `, block)
    putAll(next, o => `(1 - now) * ${size(o)} + `, block)
  } else {
    const tile = load(`t * ${depth}`, block)
    block.add('workgroupBarrier();')
    putAll(tile, none, block)
    block.add('workgroupBarrier();')
    multiplyTiles(layout, none, block)
  }
  w.root.close(block)
}

/** A thread's loaded pieces of an operand, and the text of the offset of the buffer that they belong in. */
interface LoadedTile {
  readonly operand: OperandTile
  readonly pieces: readonly LoadedPiece[]
  readonly offset: string
}

/** Writes the loaded pieces of an operand into its tile. */
const putTile = (
  { stride, element }: SharedLayout,
  { operand: o, pieces, offset }: LoadedTile,
  block: Block,
  w: Writer,
): void => {
  const half = element === 'f16'
  for (const { value, direction, outer, k } of pieces) {
    const text = half ? `${value.width === 4 ? 'vec4<f16>' : 'f16'}(${value.text})` : value.text
    const column = direction === 'outer' ? `${outer} / 4` : outer
    const cell = (j: number): string => `${o.role}[${offset}(${k}${plus(j)}) * ${stride(o)} + ${column}]`
    if (direction !== 'k') block.add(`${cell(0)} = ${text};`)
    else {
      const v = half ? w.name(block, { text, dtype: 'f32', width: 4 }, 'h').text : text
      block.add(
        range(4)
          .map(j => `${cell(j)} = ${v}.${vectorComponents[j]};`)
          .join(' '),
      )
    }
  }
}

/** The text `+ n`, or nothing for 0. */
const plus = (n: number): string => (n === 0 ? '' : ` + ${n}`)

/** Writes the epilogue and the stores of a thread's rows and columns, four by four. */
const storeThreadSums = (p: Product, s: TileSchedule, tiling: Tiling, w: Writer): void => {
  const { root } = w
  const { threads, parts } = s
  const outside = parts > 1 ? root.inner('if (part == 0) {') : root
  const owned = ownersOf(p.n, 4)
  for (const q of range(s.columns / threads.n / 4)) {
    const owner = w.nameIndex(outside, `across + tx${plus(q * threads.n)}`, 'owner').text
    const block = outside.inner(
      typeof owned === 'number' && owned % tiling.owners === 0 ? '{' : `if (${owner} < ${w.count(owned)}) {`,
    )
    placeColumns(p, { columns: 4, owner }, w, block)
    for (const g of range(s.rows / threads.m / 4)) {
      const base = w.axisLike('row', p.m)
      const first = w.nameIndex(block, `row + 4 * (ty${plus(g * threads.m)})`, 'row').text
      block.places.set(base.id, { kind: 'scalar', text: first })
      const four: Sums = {
        count: 4,
        columns: 4,
        row: r => prim('add', index(base), r),
        text: r => `c${4 * g + r}_${q}`,
        inside: isMultiple(p.m, s.rows) ? undefined : `${w.count(countAxis(p.m))} - ${first}`,
      }
      storeRows(p, four, w, block)
    }
    outside.close(block)
  }
  if (outside !== root) root.close(outside)
}

/** Writes the loop that adds the products of the tiles in workgroup memory to the thread's sums. */
const multiplyTiles = (
  { schedule, left, right, stride, vectors, element }: SharedLayout,
  offset: (o: OperandTile) => string,
  block: Block,
): void => {
  const { rows, columns, threads, parts, depth } = schedule
  const [groups, quads] = [rows / threads.m / 4, columns / threads.n / 4]
  const share = depth / parts
  const half = schedule.arithmetic === 'f16'
  const [first, end] = parts > 1 ? [`part * ${share}`, `(part + 1) * ${share}`] : ['0', `${depth}`]
  const steps = range(half ? 4 : 1)
  const inner = block.inner(`for (var k = ${first}; k < ${end}; k += ${steps.length}) {`)
  const row = (o: OperandTile, j: number): string =>
    `${offset(o)}${j === 0 ? 'k' : `(k + ${j})`} * ${stride(o)}`
  const load = (o: OperandTile, name: string, j: number, own: string): void => {
    if (vectors(o)) inner.add(`let ${name} = ${o.role}[${row(o, j)} + ${own}];`)
    else {
      const four = range(4).map(i => `${o.role}[${name}_at${i === 0 ? '' : ` + ${i}`}]`)
      inner.add(
        `let ${name}_at = ${row(o, j)} + 4 * ${/^\w+$/.test(own) ? own : `(${own})`};`,
        `let ${name} = vec4<${element}>(${four.join(', ')});`,
      )
    }
  }
  for (const j of steps) {
    for (const g of range(groups)) load(left, `a${j}_${g}`, j, `ty${plus(g * threads.m)}`)
    for (const q of range(quads)) load(right, `b${j}_${q}`, j, `tx${plus(q * threads.n)}`)
  }
  for (const r of range(4 * groups)) {
    const terms = (q: number): readonly string[] =>
      steps.map(j => `a${j}_${Math.floor(r / 4)}.${vectorComponents[r % 4]} * b${j}_${q}`)
    const added = (q: number): string => (half ? `vec4f(${terms(q).join(' + ')})` : terms(q)[0]!)
    inner.add(
      range(quads)
        .map(q => `c${r}_${q} += ${added(q)};`)
        .join(' '),
    )
  }
  block.close(inner)
}

/** Adds the sums of the other groups of threads to those of the first, one group after another. */
const addParts = (s: TileSchedule, sums: readonly string[], w: Writer): void => {
  const { root } = w
  const own = s.threads.m * s.threads.n
  const place = (i: number): string => `joined[${i * own} + thread % ${own}]`
  for (let part = 1; part < s.parts; part++)
    root.add(
      'workgroupBarrier();',
      `if (part == ${part}) { ${sums.map((c, i) => `${place(i)} = ${c};`).join(' ')} }`,
      'workgroupBarrier();',
      `if (part == 0) { ${sums.map((c, i) => `${c} += ${place(i)};`).join(' ')} }`,
    )
}
