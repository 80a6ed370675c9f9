import type { DeviceTraits, MatrixSchedule, MatrixUnit, TileLayout, TileSchedule } from '../artifact.js'
import { productOf } from '../kernel/context.js'
import { type Product, swapOperands } from '../kernel/product.js'
import { mostForSwap } from './column-schedules.js'
import { loadDirectionOf, piecesPerThread } from './operand-tile.js'

/** The smallest size of a tile in each dimension: it is used for products that are smaller still. */
const smallest = { rows: 4, columns: 32, depth: 8 } as const

/**
 * Elements of padding behind a row of an operand's tile, against bank conflicts (see `wgsl/write-tiles.ts`).
 */
const padding = 4

/** Rows, columns, depth, threads along rows and columns, parts: from the largest to those for few rows. */
const tiles: readonly (readonly [number, number, number, number, number, number])[] = [
  [128, 128, 8, 16, 16, 1],
  [128, 128, 16, 16, 16, 1],
  [128, 64, 16, 16, 16, 1],
  [64, 128, 16, 16, 16, 1],
  [64, 64, 16, 16, 16, 1],
  [64, 64, 32, 16, 16, 1],
  [32, 64, 32, 8, 16, 2],
  [32, 32, 32, 8, 8, 4],
  [16, 64, 32, 4, 16, 2],
  [16, 32, 32, 4, 8, 2],
  [8, 64, 32, 2, 16, 2],
  [4, 64, 32, 1, 16, 2],
]

/** Rows, columns, depth, subgroups along rows and columns. */
const matrixTiles: readonly (readonly [number, number, number, number, number])[] = [
  [128, 64, 32, 4, 2],
  [64, 64, 32, 2, 2],
  [32, 64, 32, 1, 2],
  [32, 32, 32, 1, 1],
]

/**
 * Whether at least half of a tile's size would lie outside the product, while a smaller tile is available.
 */
const isWasteful = (size: number, extent: number, least: number): boolean =>
  size > least && size >= 2 * extent

const orders = (p: Product, rows: number): readonly TileLayout['fastest'][] => {
  const wide = productOf(p.n) > 2 * p.m.extent
  return p.m.extent <= rows ? ['n'] : wide ? ['m', 'n'] : ['n', 'm']
}

/**
 * A tile in both roles of the operands and both orders of workgroups, where the product has use for its size.
 */
const tilesThatFit = (
  product: Product,
  [rows, columns, depth]: readonly [number, number, number],
): readonly (TileLayout & { readonly product: Product })[] =>
  [false, true].flatMap(turn => {
    const p = turn ? swapOperands(product) : product
    if (turn && productOf(product.n) > mostForSwap && product.m.extent > mostForSwap) return []
    if (isWasteful(rows, p.m.extent, smallest.rows)) return []
    if (
      isWasteful(columns, productOf(p.n), smallest.columns) ||
      isWasteful(depth, productOf(p.k), smallest.depth)
    )
      return []
    return orders(p, rows).map(fastest => ({ turned: turn, rows, columns, depth, fastest, product: p }))
  })

/**
 * The tiles that a device has the threads and the workgroup memory for. Each thread must load a whole number
 * of pieces.
 */
export const tileSchedules = (
  product: Product,
  traits: DeviceTraits,
  arithmetics: readonly TileSchedule['arithmetic'][],
): readonly TileSchedule[] =>
  tiles.flatMap(([rows, columns, depth, m, n, parts]) =>
    tilesThatFit(product, [rows, columns, depth]).flatMap(({ product: p, ...tile }) => {
      const threads = m * n * parts
      const whole = (role: 'left' | 'right', outer: number): boolean =>
        Number.isInteger(piecesPerThread({ role, outer, k: depth, threads }, loadDirectionOf(p, role)))
      if (threads > traits.workgroupInvocations || !whole('left', rows) || !whole('right', columns)) return []
      return arithmetics.flatMap(arithmetic =>
        ([1, 2] as const).flatMap(buffers => {
          const element = arithmetic === 'f16' ? 2 : 4
          const joined = parts > 1 ? 4 * rows * columns : 0
          const bytes = buffers * element * (rows + columns + 2 * padding) * depth + joined
          return bytes > traits.workgroupBytes
            ? []
            : [{ family: 'tile' as const, ...tile, threads: { m, n }, parts, buffers, arithmetic }]
        }),
      )
    }),
  )

/** Bytes of workgroup memory of a schedule for matrix units: two padded operands, and the sums. */
const matrixBytes = (rows: number, columns: number, depth: number, element: number): number =>
  element * (rows * (depth + 8) + depth * (columns + 8)) + 4 * rows * columns

/** The tiles for those matrix units of the device that sum in f32. */
export const matrixSchedules = (
  product: Product,
  traits: DeviceTraits,
  components: readonly MatrixUnit['component'][],
): readonly MatrixSchedule[] =>
  traits.matrices
    .filter(u => u.result === 'f32' && components.includes(u.component))
    .flatMap(unit =>
      matrixTiles.flatMap(([rows, columns, depth, m, n]) => {
        const lanes = traits.subgroupSize
        const threads = lanes * m * n
        const element = unit.component === 'f16' ? 2 : 4
        const divides =
          (rows / m) % unit.m === 0 && (columns / n) % unit.n === 0 && depth % unit.k === 0 && lanes > 1
        if (!divides || threads > traits.workgroupInvocations) return []
        if (matrixBytes(rows, columns, depth, element) > traits.workgroupBytes) return []
        return tilesThatFit(product, [rows, columns, depth]).flatMap(({ product: p, ...tile }) => {
          const whole = (role: 'left' | 'right', outer: number): boolean =>
            Number.isInteger(piecesPerThread({ role, outer, k: depth, threads }, loadDirectionOf(p, role)))
          return whole('left', rows) && whole('right', columns)
            ? [{ family: 'matrix' as const, ...tile, unit, lanes, subgroups: { m, n } }]
            : []
        })
      }),
    )
