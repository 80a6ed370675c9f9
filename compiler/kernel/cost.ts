import { postorder } from '../ir/expr.js'
import type { ComputeNode, Expr } from '../ir/ir.js'
import { productOf, reduceAxes } from './context.js'

/** Estimates of operations that cost more than an addition, as multiples of one. */
const operationCosts: Readonly<Record<string, number>> = {
  exp: 8,
  log: 8,
  expm1: 14,
  log1p: 16,
  pow: 12,
  sin: 10,
  cos: 10,
  tan: 22,
  tanh: 12,
  sigmoid: 12,
  erf: 16,
  atan2: 20,
  sqrt: 4,
  rsqrt: 4,
  div: 3,
  idiv: 4,
  mod: 4,
  threefry0: 60,
  threefry1: 60,
}

/**
 * Arithmetic operations of one evaluation. Index arithmetic is left out; a transcendental function counts as
 * several.
 */
export const operationsOf = (e: Expr): number => {
  const addresses = new Set(postorder(e).flatMap(x => (x.op === 'read' ? postorder(...x.at) : [])))
  return postorder(e).reduce(
    (n, x) =>
      x.op === 'const' || x.op === 'index' || x.op === 'read' || addresses.has(x)
        ? n
        : n + (operationCosts[x.op] ?? 1),
    0,
  )
}

/** Floating point operations of a whole node: elements · reduced elements · operations of the body. */
export const flopsOf = (n: ComputeNode): number => {
  const all = productOf(n.dims.flat()) * productOf(reduceAxes(n))
  return all * (operationsOf(n.body) + (n.reduce ? 1 : 0))
}
