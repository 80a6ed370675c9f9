import type { CoreExpr, VarId } from '../core/core.js'
import { subexpressionsOf } from './zonk.js'

/** Stands for any number of calls. */
const many = 2

/**
 * An upper bound of how often a body calls the function that a variable holds: 0, 1, or more. A call inside a
 * loop or inside another function counts as many. `callsOnce` tells whether a declared function calls its
 * argument at most once.
 */
export const countCalls = (
  e: CoreExpr,
  id: VarId,
  callsOnce: (fn: string, argument: number) => boolean,
): number => {
  const count = (x: CoreExpr): number => countCalls(x, id, callsOnce)
  const sum = (xs: readonly CoreExpr[]): number => xs.reduce((n, x) => n + count(x), 0)
  const isIt = (x: CoreExpr): boolean => x.kind === 'var' && x.id === id
  switch (e.kind) {
    case 'var':
      return isIt(e) ? many : 0
    case 'if':
      return count(e.condition) + Math.max(count(e.then), count(e.otherwise))
    case 'for':
    case 'reduce':
    case 'lambda':
      return many * count(e.body)
    case 'fold':
      return count(e.init) + many * count(e.body)
    case 'grad':
      return count(e.at) + (e.fn.kind === 'lambda' ? count(e.fn.body) : isIt(e.fn) ? 1 : count(e.fn))
    case 'apply':
      return (isIt(e.callee) ? 1 : count(e.callee)) + sum(e.args)
    case 'call':
      return e.args.reduce((n, a, i) => n + (isIt(a) && callsOnce(e.fn, i) ? 1 : count(a)), 0)
    default:
      return sum(subexpressionsOf(e))
  }
}
