import { childrenOf, rewriter } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'

/** Makes structurally equal expressions one object, so that sharing by identity finds them. */
export const interner = (): ((e: Expr) => Expr) => {
  const ids = new Map<Expr, number>()
  const known = new Map<string, Expr>()
  return rewriter(e => {
    const kids = childrenOf(e).map(c => ids.get(c)!)
    const own =
      e.op === 'const'
        ? Object.is(e.value, -0)
          ? '-0'
          : e.value
        : e.op === 'index'
          ? e.axis.id
          : e.op === 'read'
            ? `${e.node} ${e.guarded}`
            : ''
    const key = `${e.op} ${e.dtype} ${own} ${kids.join(' ')}`
    const same = known.get(key)
    if (same) return same
    known.set(key, e)
    ids.set(e, ids.size)
    return e
  })
}
