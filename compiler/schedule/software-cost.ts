import { coefficientOf } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import type { BroadcastSchedule, RegisterSchedule } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { productOf } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import { type Product, swapOperands } from '../kernel/product.js'
import { columnTiles, expectedTiles } from './expected-tiles.js'
import { vectorLanes } from './software-device.js'

/** Costs on a software device, in nanoseconds of one core for an instruction over all lanes. */
const software = {
  multiplyAdd: 0.36,
  broadcast: 0.25,
  /** A load of one number, and of four neighbours, by every lane. */
  loadOne: 6.5,
  loadFour: 9,
  /**
   * Four neighbours that lie in two vectors: in an iteration of four positions, of one, and where lanes are
   * rows.
   */
  straddling: 30,
  straddlingAlone: 60,
  straddlingRows: 40,
  /** Four numbers that are not neighbours, where those of the lanes are, and where those are not either. */
  apart: 26,
  apartRows: 60,
  operation: 0.35,
  /** Starting a workgroup, and one iteration of a loop. */
  workgroup: 85,
  turn: 3,
  /** Workgroups that run at once. */
  cores: 2,
  /** Compiling a statement, divided by the dispatches that a kernel typically has, some thousand. */
  statement: 500,
} as const

/**
 * The cost of loading an operand: four neighbours along `axis`, or one element where there is no axis, by
 * lanes that lie side by side along another axis.
 */
const loadCost = (e: Expr, axis: Axis | undefined, lanes: Axis, step: 1 | 4): number =>
  readsOf(e).reduce((sum, r) => {
    if (r.node < 0) return sum
    const a = affineOf(r.at[0]!)
    const c = axis === undefined ? 0 : coefficientOf(a, axis.id)
    if (c === 0) return sum + software.loadOne
    const contiguousLanes = axis!.id === lanes.id || coefficientOf(a, lanes.id) === 1
    if (c !== 1) return sum + (contiguousLanes ? software.apart : software.apartRows)
    const aligned =
      a.constant % 4 === 0 &&
      [...a.terms].every(([id, t]) => id === axis!.id || t.coefficient % 4 === 0) &&
      [...a.rest.values()].every(x => x % 4 === 0)
    if (aligned) return sum + software.loadFour
    if (!contiguousLanes) return sum + software.straddlingRows
    return sum + (step === 4 ? software.straddling : software.straddlingAlone)
  }, 0)

/**
 * The estimated time of a schedule on one core of a software device, in nanoseconds, its compilation
 * included.
 */
export const columnsSoftwareCost = (product: Product, s: BroadcastSchedule | RegisterSchedule): number => {
  const p = s.turned ? swapOperands(product) : product
  const threads = s.family === 'broadcast' ? s.lanes : s.threads
  const lanes = s.family === 'broadcast' ? s.lanes : 1
  const vectors = s.family === 'broadcast' ? 1 : s.threads / vectorLanes
  const k = p.k.at(-1)!
  const n = p.n.at(-1)!
  const groups = productOf(p.batch) * expectedTiles(p.m, s.rows) * columnTiles(p.n, s.columns, threads)
  const neighbours = s.columns === 4 ? n : undefined

  const turn = (step: 1 | 4): { time: number; statements: number } => {
    const wide = step === 4
    const leftLoads = s.left === 'm' ? step : Math.ceil(s.rows / lanes)
    const left =
      s.left === 'm' ? loadCost(p.left, p.m, p.m, step) : loadCost(p.left, wide ? k : undefined, p.m, step)
    const byK = s.right === 'k' && wide
    const rightLoads = byK ? s.columns : step
    const right = byK ? loadCost(p.right, k, n, step) : loadCost(p.right, neighbours, n, step)
    const work =
      leftLoads * operationsOf(p.left) * (wide || s.left === 'm' ? 4 : 1) +
      rightLoads * operationsOf(p.right) * (byK ? 4 : s.columns)
    const shares = lanes > 1 ? step * s.rows * software.broadcast : 0
    return {
      time:
        vectors *
          (leftLoads * left +
            rightLoads * right +
            work * software.operation +
            shares +
            step * s.rows * s.columns * software.multiplyAdd) +
        software.turn,
      statements: 4 * (leftLoads + rightLoads) + s.rows * (step + 1),
    }
  }
  const four = turn(4)
  const one = turn(1)
  const quads = s.step === 4 ? Math.floor(k.extent / 4) : 0
  const rest = k.extent - 4 * quads
  const outer = productOf(p.k.slice(0, -1))
  const last = s.step === 4 ? Math.sign(rest) * four.time : rest * one.time
  const sum = outer * (quads * four.time + last)

  const after = p.outputs.reduce(
    (t, o) => ({
      time:
        t.time +
        loadCost(o.value, neighbours, n, 4) +
        s.columns * operationsOf(o.value) * software.operation +
        software.loadFour,
      statements: t.statements + 2 * readsOf(o.value).length + operationsOf(o.value),
    }),
    { time: 0, statements: 0 },
  )
  const held = s.epilogue === 'loop' ? 2 * software.loadFour + software.turn : 0
  const epilogue = s.rows * (after.time + held) * vectors
  const statements =
    (quads > 0 ? four.statements : 0) +
    (rest > 0 ? (s.step === 4 ? four : one).statements : 0) +
    (s.epilogue === 'loop' ? 1 : s.rows) * after.statements +
    2 * s.rows
  const turns = Math.ceil(groups / software.cores) * software.cores
  return turns * (software.workgroup + sum + epilogue) + statements * software.statement
}
