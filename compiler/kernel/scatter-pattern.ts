import { axesOf, postorder } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr } from '../ir/ir.js'
import { productOf } from './context.js'

/**
 * A sum of what a condition selects, `out[v, e] = Σ t · (data[t] == v ? x[t, e] : 0)`: `slots` are the axes
 * the condition depends on (`v`), `width` the others (`e`).
 */
export interface Scatter {
  readonly condition: Expr
  readonly value: Expr
  readonly slots: readonly Axis[]
  readonly width: readonly Axis[]
}

/**
 * The node as a scatter, if it is one worth the name: many slots, wide rows, and a condition that picks a
 * slot by data.
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
  if (!picks || productOf(slots) < 64 || productOf(width) < 4 || productOf(n.reduce.axes) < 8)
    return undefined
  return { condition, value, slots, width }
}
