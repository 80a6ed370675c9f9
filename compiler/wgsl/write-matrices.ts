import type { MatrixSchedule } from '../artifact.js'
import { index, prim } from '../ir/expr.js'
import { isMultiple } from '../ir/open-extent.js'
import type { KernelContext } from '../kernel/context.js'
import { countAxis } from '../kernel/count.js'
import { type Product, swapOperands } from '../kernel/product.js'
import type { KernelSpec } from '../kernel/spec.js'
import type { OperandTile } from '../schedule/operand-tile.js'
import { type Block, vectorComponents } from './block.js'
import { type EmittedKernel, writeKernel } from './kernel.js'
import { type LoadedPiece, loadTile } from './load-tile.js'
import { tileSpans, tileTurns } from './loop-limits.js'
import {
  ownersOf,
  placeColumns,
  range,
  storeRows,
  type Tiling,
  workgroupsOf,
  writeTile,
} from './product-frame.js'
import type { Writer } from './writer.js'

/**
 * Elements of padding behind each row of a tile. With it, rows begin in different banks of workgroup memory.
 */
const rowPadding = 8

/**
 * Writes a contraction for matrix units (WGSL's experimental subgroup matrices). Tiles of both operands are
 * in workgroup memory, rounded to the units' component type. Each subgroup multiplies its part of the tile
 * and sums in f32. The sums then go through workgroup memory to the threads, which compute the epilogue.
 */
export const writeMatrices = (
  product: Product,
  s: MatrixSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const p = s.turned ? swapOperands(product) : product
  const { rows, columns, depth, unit, lanes, subgroups } = s
  const threads = lanes * subgroups.m * subgroups.n
  const tiling: Tiling = { rows, owners: columns / 4, columns: 4, fastest: s.fastest }
  const units = spec.members.flatMap(x => [...x.dims.flat(), ...(x.reduce?.axes ?? [])])
  const { grid, count } = workgroupsOf(p, tiling, ctx)
  const left: OperandTile = { role: 'left', outer: rows, k: depth, threads }
  const right: OperandTile = { role: 'right', outer: columns, k: depth, threads }
  const [leftRow, rightRow] = [depth + rowPadding, columns + rowPadding]
  const half = unit.component === 'f16'
  return writeKernel(ctx, spec, w => {
    const { root } = w
    writeTile(p, tiling, units, w)
    const spans = tileSpans(p, tiling, w)
    root.add('let thread = i32(local);')
    root.add('let part = i32(subgroup);')
    const [tm, tn] = [rows / subgroups.m / unit.m, columns / subgroups.n / unit.n]
    const result = `subgroup_matrix_result<f32, ${unit.n}, ${unit.m}>`
    for (const i of range(tm)) for (const j of range(tn)) root.add(`var c${i}_${j}: ${result};`)
    root.add(`let part_m = (part / ${subgroups.n}) * ${rows / subgroups.m};`)
    root.add(`let part_n = (part % ${subgroups.n}) * ${columns / subgroups.n};`)

    const { first, end } = tileTurns(p, depth, spans, w)
    const block = root.inner(`for (var t = ${first}; t < ${end}; t++) {`)
    const loaded = [left, right].map(o => loadTile(p, { operand: o, start: `t * ${depth}` }, block, w))
    block.add('workgroupBarrier();')
    putPieces(
      loaded[0]!,
      { name: 'left', place: (outer, k) => `(${outer}) * ${leftRow} + ${k}`, half },
      block,
    )
    putPieces(
      loaded[1]!,
      { name: 'right', place: (outer, k) => `(${k}) * ${rightRow} + ${outer}`, half },
      block,
    )
    block.add('workgroupBarrier();')
    const inner = block.inner(`for (var k = 0; k < ${depth}; k += ${unit.k}) {`)
    const leftType = `subgroup_matrix_left<${unit.component}, ${unit.k}, ${unit.m}>`
    const rightType = `subgroup_matrix_right<${unit.component}, ${unit.n}, ${unit.k}>`
    for (const i of range(tm)) {
      const from = `u32((part_m + ${i * unit.m}) * ${leftRow} + k)`
      inner.add(`let a${i} = subgroupMatrixLoad<${leftType}, row_major>(&left, ${from}, ${leftRow}u);`)
    }
    for (const j of range(tn)) {
      const from = `u32(k * ${rightRow} + part_n + ${j * unit.n})`
      inner.add(`let b${j} = subgroupMatrixLoad<${rightType}, row_major>(&right, ${from}, ${rightRow}u);`)
    }
    for (const i of range(tm))
      for (const j of range(tn))
        inner.add(`c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`)
    block.close(inner)
    root.close(block)
    for (const i of range(tm))
      for (const j of range(tn)) {
        const to = `u32((part_m + ${i * unit.m}) * ${columns} + part_n + ${j * unit.n})`
        root.add(`subgroupMatrixStore<row_major>(&sums, ${to}, c${i}_${j}, ${columns}u);`)
      }
    root.add('workgroupBarrier();')
    storeTileSums(p, s, threads, w)
    return {
      workgroupSize: [threads, 1, 1],
      workgroups: grid,
      count,
      subgroupNumber: true,
      features: [
        'subgroups',
        ...(half ? (['shader-f16'] as const) : []),
        'chromium-experimental-subgroup-matrix',
      ],
      shared: [
        `var<workgroup> left: array<${unit.component}, ${rows * leftRow}>;`,
        `var<workgroup> right: array<${unit.component}, ${depth * rightRow}>;`,
        `var<workgroup> sums: array<f32, ${rows * columns}>;`,
      ],
      schedule: [
        `contract, ${rows}×${columns}×${depth}`,
        ` by matrix units of ${unit.m}×${unit.n}×${unit.k} ${unit.component}`,
        s.turned ? ', turned' : '',
      ].join(''),
    }
  })
}

/**
 * An operand's tile in workgroup memory: its variable, the index of an element, and whether elements are f16.
 */
interface SharedTile {
  readonly name: string
  readonly place: (outer: string, k: string) => string
  readonly half: boolean
}

/** Writes the pieces that a thread has loaded into an operand's tile. */
const putPieces = (pieces: readonly LoadedPiece[], { name, place, half }: SharedTile, block: Block): void => {
  for (const { value, direction, outer, k } of pieces)
    for (const j of range(direction === 'one' ? 1 : 4)) {
      const text = direction === 'one' ? value.text : `${value.text}.${vectorComponents[j]}`
      const at = place(
        direction === 'outer' ? `${outer} + ${j}` : outer,
        direction === 'k' ? `${k} + ${j}` : k,
      )
      block.add(`${name}[${at}] = ${half ? `f16(${text})` : text};`)
    }
}

/** Writes a loop over the tile's sums, four neighbours a thread, with the epilogue. */
const storeTileSums = (p: Product, s: MatrixSchedule, threads: number, w: Writer): void => {
  const { root } = w
  const quads = s.columns / 4
  const block = root.inner(`for (var i = thread; i < ${s.rows * quads}; i += ${threads}) {`)
  block.add(`let own = i / ${quads};`, `let owner = across + i % ${quads};`)
  const owners = ownersOf(p.n, 4)
  const bounds = [
    ...(isMultiple(p.m, s.rows) ? [] : [`row + own < ${w.count(countAxis(p.m))}`]),
    ...(typeof owners === 'number' && owners % quads === 0 ? [] : [`owner < ${w.count(owners)}`]),
  ]
  const body = block.inner(bounds.length > 0 ? `if (${bounds.join(' && ')}) {` : '{')
  placeColumns(p, { columns: 4, owner: 'owner' }, w, body)
  const at = w.nameIndex(body, `own * ${s.columns} + 4 * (i % ${quads})`, 'at').text
  const four = range(4).map(j => `sums[${at} + ${j}]`)
  const sum = w.name(body, { text: `vec4f(${four.join(', ')})`, dtype: 'f32', width: 4 }, 'sum').text
  const base = w.axisLike('row', p.m)
  body.places.set(base.id, { kind: 'scalar', text: w.nameIndex(body, 'row + own', 'row').text })
  storeRows(
    p,
    { count: 1, columns: 4, row: r => prim('add', index(base), r), text: () => sum, inside: undefined },
    w,
    body,
  )
  block.close(body)
  root.close(block)
}
