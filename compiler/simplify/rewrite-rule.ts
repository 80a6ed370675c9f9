import { i32, prim } from '../ir/expr.js'
import type { Interval } from '../ir/interval.js'
import type { Axis, ComputeNode, Expr, Node, NodeId } from '../ir/ir.js'

/** The facts about the graph that rules may use. */
export interface Facts {
  readonly nodes: ReadonlyMap<NodeId, Node>
  readonly interval: (e: Expr) => Interval
  /** The axes of regions: they stay, and reads within a region keep naming them. */
  readonly sequential: ReadonlySet<number>
  /** A new axis with an id of its own. */
  readonly axis: (name: string, extent: number) => Axis
}

/**
 * Rewrites the root of an expression whose parts are simple already; undefined where the law does not
 * apply.
 */
export type ExprRule = (e: Expr, facts: Facts) => Expr | undefined

/** Rewrites a compute node without changing its shape or its values. */
export type NodeRule = (node: ComputeNode, facts: Facts) => ComputeNode | undefined

export type Application = Extract<Expr, { args: readonly Expr[] }>
export type ConstExpr = Extract<Expr, { op: 'const' }>

export const isConst = (e: Expr): e is ConstExpr => e.op === 'const'

/** Whether it is this number; 0 and −0 are two. */
export const isValue = (e: Expr, value: number): boolean => e.op === 'const' && Object.is(e.value, value)

export const isInteger = (e: Expr): boolean => e.dtype === 'i32' || e.dtype === 'u32'

export const bool = (value: boolean): Expr => ({ op: 'const', dtype: 'bool', value: value ? 1 : 0 })

/** All of the conditions. */
export const all = (conditions: readonly Expr[]): Expr =>
  conditions.length === 0 ? bool(true) : conditions.reduce((a, b) => prim('and', a, b))

/** Conditions for `0 <= e < extent`, without those that the interval settles. */
export const inRange = (e: Expr, extent: number, facts: Facts): readonly Expr[] => {
  const { lo, hi } = facts.interval(e)
  return [...(lo >= 0 ? [] : [prim('ge', e, i32(0))]), ...(hi < extent ? [] : [prim('lt', e, i32(extent))])]
}

export const withoutReduction = ({ reduce: _, ...node }: ComputeNode): ComputeNode => node
