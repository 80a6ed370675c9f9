import { childrenOf, rewriter } from './expr.js'
import type { Expr } from './ir.js'

/**
 * Interning (hash consing): a function that gives equal expressions one identity, so that common
 * sub-expressions are shared and rules compare with `===`. The parts of its argument must have been through
 * it already.
 */
export const interner = (): ((e: Expr) => Expr) => {
  const numbers = new Map<Expr, number>()
  const known = new Map<string, Expr>()
  return e => {
    if (numbers.has(e)) return e
    const key = `${e.op} ${e.dtype} ${ownText(e)}(${childrenOf(e).map(c => numbers.get(c))})`
    const same = known.get(key)
    if (same !== undefined) return same
    known.set(key, e)
    numbers.set(e, numbers.size)
    return e
  }
}

/** Interns whole expressions, parts first. */
export const deepInterner = (): ((root: Expr) => Expr) => rewriter(interner())

/** The text that tells an expression from others with the same operation, type and parts. */
export const ownText = (e: Expr): string => {
  switch (e.op) {
    case 'const':
      return Object.is(e.value, -0) ? '-0' : `${e.value}`
    case 'index':
      return `${e.axis.id}`
    case 'read':
      return `${e.node}${e.guarded ? '?' : ''}`
    default:
      return ''
  }
}
