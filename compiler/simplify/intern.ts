import { childrenOf } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'

/**
 * A function that gives equal expressions one identity, so that common sub-expressions are shared and rules compare
 * by `===`. The parts of its argument must have been through it already.
 */
export const interner = (): ((e: Expr) => Expr) => {
  const numbers = new Map<Expr, number>()
  const known = new Map<string, Expr>()
  return e => {
    if (numbers.has(e)) return e
    const parts =
      e.op === 'const'
        ? `${Object.is(e.value, -0) ? '-0' : e.value}`
        : e.op === 'index'
          ? `${e.axis.id}`
          : `${e.op === 'read' ? `${e.node}${e.guarded ? '?' : ''}` : ''}(${childrenOf(e).map(c => numbers.get(c))})`
    const key = `${e.op} ${e.dtype} ${parts}`
    const same = known.get(key)
    if (same !== undefined) return same
    known.set(key, e)
    numbers.set(e, numbers.size)
    return e
  }
}
