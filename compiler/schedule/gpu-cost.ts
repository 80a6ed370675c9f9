import type {
  BroadcastSchedule,
  MatrixSchedule,
  RegisterSchedule,
  TileLayout,
  TileSchedule,
} from '../artifact.js'
import { productOf } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import { type Product, swapOperands } from '../kernel/product.js'
import { columnTiles, expectedTiles } from './expected-tiles.js'

/**
 * The costs of a large GPU, in multiply-adds of one thread. They are rough estimates: only the order of the
 * schedules that they give matters.
 */
const gpu = {
  /** Threads that run at once. */
  threads: 32768,
  /** A load of four numbers from workgroup memory, and from storage that other workgroups have just read. */
  sharedLoad: 4,
  load: 24,
  /** Bringing one element into workgroup memory, besides the arithmetic of its prologue. */
  stage: 4,
  /** Waiting at a barrier, twice for each tile; a second buffer hides half of it. */
  barrier: 24,
  broadcast: 2,
  /** The speed of matrix units and of f16 arithmetic, as multiples of f32 arithmetic. */
  matrix: 8,
  half: 1.6,
} as const

/**
 * The time of all workgroups, each of which takes `each` and has so many threads, in waves that fill the
 * device.
 */
const waves = (groups: number, threads: number, each: number): number =>
  Math.max(1, (groups * threads) / gpu.threads) * each

/** The number of workgroups of a product with tiles of `rows` by `columns`. */
const groupsOf = (p: Product, rows: number, columns: number): number => {
  return productOf(p.batch) * expectedTiles(p.m, rows) * columnTiles(p.n, 4, columns / 4)
}

/** The time in which all threads together load a tile. */
const staging = (
  p: Product,
  tile: Pick<TileLayout, 'rows' | 'columns' | 'depth'>,
  threads: number,
): number => {
  const { rows, columns, depth } = tile
  const elements = (rows + columns) * depth
  const work = rows * depth * operationsOf(p.left) + columns * depth * operationsOf(p.right)
  return (elements * gpu.stage + work) / threads
}

const tileGpuCost = (product: Product, s: TileSchedule): number => {
  const p = s.turned ? swapOperands(product) : product
  const { rows, columns, depth, parts } = s
  const threads = s.threads.m * s.threads.n * parts
  const [perM, perN] = [rows / s.threads.m, columns / s.threads.n]
  const half = s.arithmetic === 'f16' ? gpu.half : 1
  const step = (perM * perN + ((perM + perN) / 4) * gpu.sharedLoad) / half
  const wait = s.buffers === 2 ? gpu.barrier / 2 : gpu.barrier
  const tile = (depth / parts) * step + staging(p, s, threads) + wait
  const joins = (parts - 1) * (perM * perN + 2 * gpu.barrier)
  return waves(groupsOf(p, rows, columns), threads, Math.ceil(productOf(p.k) / depth) * tile + joins)
}

const matrixGpuCost = (product: Product, s: MatrixSchedule): number => {
  const p = s.turned ? swapOperands(product) : product
  const { rows, columns, depth, subgroups, lanes } = s
  const threads = subgroups.m * subgroups.n * lanes
  const multiply = (rows * columns * depth) / threads / gpu.matrix
  const tile = multiply + staging(p, s, threads) + 2 * gpu.barrier
  return waves(groupsOf(p, rows, columns), threads, Math.ceil(productOf(p.k) / depth) * tile)
}

const columnsGpuCost = (product: Product, s: BroadcastSchedule | RegisterSchedule): number => {
  const p = s.turned ? swapOperands(product) : product
  const lanes = s.family === 'broadcast' ? s.lanes : 1
  const threads = s.family === 'broadcast' ? s.lanes : s.threads
  const loads = s.rows / lanes + s.columns
  const work = (s.rows / lanes) * operationsOf(p.left) + s.columns * operationsOf(p.right)
  const step = s.rows * (s.columns + (lanes > 1 ? gpu.broadcast : 0)) + (loads / s.step) * gpu.load + work
  return waves(groupsOf(p, s.rows, threads * s.columns), threads, productOf(p.k) * step)
}

/** The estimated cost of a schedule on a GPU. */
export const gpuCost = (
  p: Product,
  s: BroadcastSchedule | RegisterSchedule | TileSchedule | MatrixSchedule,
): number =>
  s.family === 'tile' ? tileGpuCost(p, s) : s.family === 'matrix' ? matrixGpuCost(p, s) : columnsGpuCost(p, s)
