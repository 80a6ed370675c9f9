import { index, prim } from '../ir/expr.js'
import { type Context, productOf } from '../schedule/context.js'
import { type Operand, wayOf } from '../schedule/contract-operand.js'
import { type Product, turned } from '../schedule/contract-product.js'
import type { TileSchedule } from '../schedule/contract-tile.js'
import type { Block } from './block.js'
import {
  ownersOf,
  placeColumns,
  range,
  type Tiling,
  workgroupsOf,
  writeRows,
  writeTile,
} from './contract-frame.js'
import { loadTile, type Piece } from './contract-stage.js'
import { type EmittedKernel, type KernelSpec, settle } from './kernel.js'
import type { Writer } from './writer.js'

/**
 * Writes a contraction by tiles in workgroup memory: all threads together bring an `m × k` and a `k × n` tile, with what is computed on the
 * way (unpacking, exponentials, scales) done once an element; then each makes its rows and columns of the tile's product from there.
 * With `parts` > 1 the positions along `k` are dealt out to as many groups of threads, whose sums are joined at the end.
 */
export const writeTiles = (
  product: Product,
  s: TileSchedule,
  ctx: Context,
  spec: KernelSpec,
): EmittedKernel => {
  const p = s.turned ? turned(product) : product
  const { rows, columns, depth, parts, threads } = s
  const [perM, perN] = [rows / threads.m, columns / threads.n]
  const all = threads.m * threads.n * parts
  const tiling: Tiling = { rows, owners: columns / 4, columns: 4, fastest: s.fastest }
  const units = spec.members.flatMap(x => [...x.dims.flat(), ...(x.reduce?.axes ?? [])])
  const { grid } = workgroupsOf(p, tiling, ctx)
  const half = s.arithmetic === 'f16'
  const vector = half ? 'vec4<f16>' : 'vec4f'
  const left: Operand = { role: 'left', outer: rows, k: depth, threads: all }
  const right: Operand = { role: 'right', outer: columns, k: depth, threads: all }
  // Writing along k into rows of fours meets the same banks again and again, but for one more in a row.
  const stride = (o: Operand): number => o.outer / 4 + (wayOf(p, o.role) === 'k' ? 1 : 0)
  const size = (o: Operand): number => stride(o) * depth
  const sums = range(perM).flatMap(r => range(perN / 4).map(q => `c${r}_${q}`))
  return settle(ctx, spec, w => {
    const { root } = w
    writeTile(p, tiling, units, w, ctx)
    root.add('let thread = i32(local);', `let tx = thread % ${threads.n};`)
    root.add(`let ty = ${parts > 1 ? `(thread / ${threads.n}) % ${threads.m}` : `thread / ${threads.n}`};`)
    if (parts > 1) root.add(`let part = thread / ${threads.m * threads.n};`)
    for (const c of sums) root.add(`var ${c} = vec4f();`)

    const put = (o: Operand, pieces: readonly Piece[], offset: string, block: Block): void => {
      const array = o.role
      for (const { value, way, outer, k } of pieces) {
        const cast = half
          ? value.width === 4
            ? `${vector}(${value.text})`
            : `f16(${value.text})`
          : value.text
        const cell = (j: number): string =>
          `${array}[${offset}(${k}${j === 0 ? '' : ` + ${j}`}) * ${stride(o)} + ${outer} / 4]`
        if (way === 'outer') block.add(`${cell(0)} = ${cast};`)
        else if (way === 'one') block.add(`${cell(0)}[${outer} % 4] = ${cast};`)
        else {
          const v = half ? w.name(block, cast, 'f32', 4, 'h').text : cast
          block.add(
            range(4)
              .map(j => `${cell(j)}[${outer} % 4] = ${v}.${'xyzw'[j]};`)
              .join(' '),
          )
        }
      }
    }
    const both = (offset: (o: Operand) => string, loaded: ReturnType<typeof load>, block: Block): void => {
      put(left, loaded.left, offset(left), block)
      put(right, loaded.right, offset(right), block)
    }
    const load = (start: string, block: Block) => ({
      left: loadTile(p, left, start, block, w, ctx),
      right: loadTile(p, right, start, block, w, ctx),
    })
    const tiles = Math.ceil(productOf(p.k) / depth)
    const nothing = (): string => ''
    if (s.buffers === 2) {
      both(nothing, load('0', root), root)
      const block = root.inner(`for (var t = 0; t < ${w.turns(tiles)}; t++) {`)
      block.add('workgroupBarrier();', 'let now = t % 2;')
      const next = load(`(t + 1) * ${depth}`, block)
      multiply(s, o => `now * ${size(o)} + `, left, right, stride, block)
      both(o => `(1 - now) * ${size(o)} + `, next, block)
      root.close(block)
    } else {
      const block = root.inner(`for (var t = 0; t < ${w.turns(tiles)}; t++) {`)
      const loaded = load(`t * ${depth}`, block)
      block.add('workgroupBarrier();')
      both(nothing, loaded, block)
      block.add('workgroupBarrier();')
      multiply(s, nothing, left, right, stride, block)
      root.close(block)
    }
    if (parts > 1) joinParts(s, sums, w)

    const owner = parts > 1 ? root.inner('if (part == 0) {') : root
    const owned = ownersOf(p.n, 4)
    const ragged = owned % tiling.owners !== 0
    for (const q of range(perN / 4)) {
      const name = w.name(owner, `across + tx${q === 0 ? '' : ` + ${q * threads.n}`}`, 'i32', 1, 'owner').text
      const block = owner.inner(ragged ? `if (${name} < ${owned}) {` : '{')
      placeColumns(p, 4, name, w, ctx, block)
      for (const g of range(perM / 4)) {
        const base = ctx.axis('row', p.m.extent)
        const first = w.name(
          block,
          `row + 4 * (ty${g === 0 ? '' : ` + ${g * threads.m}`})`,
          'i32',
          1,
          'row',
        ).text
        block.places.set(base.id, { kind: 'scalar', text: first })
        writeRows(
          p,
          {
            count: 4,
            columns: 4,
            row: r => prim('add', index(base), r),
            text: r => `c${4 * g + r}_${q}`,
            inside: p.m.extent % rows === 0 ? undefined : `${p.m.extent} - ${first}`,
          },
          w,
          block,
        )
      }
      owner.close(block)
    }
    if (owner !== root) root.close(owner)
    return {
      workgroupSize: [all, 1, 1],
      workgroups: grid,
      features: half ? ['shader-f16'] : [],
      shared: [
        ...[left, right].map(o => `var<workgroup> ${o.role}: array<${vector}, ${s.buffers * size(o)}>;`),
        ...(parts > 1
          ? [`var<workgroup> joined: array<vec4f, ${threads.m * threads.n * sums.length}>;`]
          : []),
      ],
      schedule: `contract, ${rows}×${columns}×${depth} in workgroup memory, ${perM}×${perN} a thread${parts > 1 ? `, ${parts} parts of the sum` : ''}${half ? ', f16' : ''}${s.turned ? ', turned' : ''}`,
    }
  })
}

/** What the thread adds to its sums from the tiles in workgroup memory. */
const multiply = (
  s: TileSchedule,
  offset: (o: Operand) => string,
  left: Operand,
  right: Operand,
  stride: (o: Operand) => number,
  block: Block,
): void => {
  const { threads, parts, depth } = s
  const [groups, quads] = [s.rows / threads.m / 4, s.columns / threads.n / 4]
  const share = depth / parts
  const half = s.arithmetic === 'f16'
  const first = parts > 1 ? `part * ${share}` : '0'
  const inner = block.inner(
    `for (var k = ${first}; k < ${parts > 1 ? `${first} + ${share}` : depth}; k += ${half ? 4 : 1}) {`,
  )
  const steps = half ? 4 : 1
  const cell = (o: Operand, j: number, place: string): string =>
    `${o.role}[${offset(o)}${j === 0 ? 'k' : `(k + ${j})`} * ${stride(o)} + ${place}]`
  for (const j of range(steps)) {
    for (const g of range(groups))
      inner.add(`let a${j}_${g} = ${cell(left, j, `ty${g === 0 ? '' : ` + ${g * threads.m}`}`)};`)
    for (const q of range(quads))
      inner.add(`let b${j}_${q} = ${cell(right, j, `tx${q === 0 ? '' : ` + ${q * threads.n}`}`)};`)
  }
  for (const r of range(4 * groups))
    inner.add(
      range(quads)
        .map(q => {
          const terms = range(steps).map(j => `a${j}_${Math.floor(r / 4)}.${'xyzw'[r % 4]} * b${j}_${q}`)
          return `c${r}_${q} += ${half ? `vec4f(${terms.join(' + ')})` : terms[0]};`
        })
        .join(' '),
    )
  block.close(inner)
}

/** Adds the sums of the other groups of threads to those of the first, one after the other. */
const joinParts = (s: TileSchedule, sums: readonly string[], w: Writer): void => {
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
