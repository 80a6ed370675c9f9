import { axesOf, postorder } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr } from '../ir/ir.js'
import { productOf } from './context.js'

/**
 * A sum of terms that a condition selects, `out[v, e] = Σ t · (data[t] == v ? x[t, e] : 0)`, such as the
 * gradient of an embedding table. `slots` are the output axes that the condition depends on (`v`), `width`
 * the others (`e`).
 */
export interface Scatter {
  readonly condition: Expr
  readonly value: Expr
  readonly slots: readonly Axis[]
  readonly width: readonly Axis[]
}

/**
 * Below these sizes a kernel over rows does as well: it needs many slots to occupy a device with one thread
 * each, and wide rows and many positions to gain from testing the condition before it reads a row.
 */
const least = { slots: 64, width: 4, positions: 8 } as const

/**
 * The node as a scatter, or undefined: a sum of a `select` whose condition compares data for equality, and
 * which is large enough for a kernel of its own kind.
 */
export const scatterOf = (n: ComputeNode, outer: readonly Axis[]): Scatter | undefined => {
  const e = n.body
  if (n.reduce?.op !== 'sum' || e.op !== 'select') return undefined
  const [condition, value, otherwise] = e.args as readonly [Expr, Expr, Expr]
  if (otherwise.op !== 'const' || otherwise.value !== 0) return undefined
  const picks = postorder(condition).some(x => x.op === 'eq')
  const of = axesOf(condition)
  const slots = outer.filter(a => of.has(a.id))
  const width = outer.filter(a => !of.has(a.id))
  const isLarge =
    productOf(slots) >= least.slots &&
    productOf(width) >= least.width &&
    productOf(n.reduce.axes) >= least.positions
  return picks && isLarge ? { condition, value, slots, width } : undefined
}
