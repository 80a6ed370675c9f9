import type { Builder } from '../ir/builder.js'
import { type ReadExpr, rewrite } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import { intervals } from '../ir/interval.js'
import type { Expr } from '../ir/ir.js'

/** Decides the conditions and drops the guards of reads that the ranges of the axes settle. */
export const decideConditions = (builder: Builder, e: Expr): Expr => {
  const interval = intervals(undefined, builder.anySize)
  const isTrue = (c: Expr): boolean => interval(c).lo === 1
  const isFalse = (c: Expr): boolean => interval(c).hi === 0
  const inside = (r: ReadExpr): boolean => {
    const shape = shapeOf(builder.node(r.node))
    return r.at.every((p, i) => interval(p).lo >= 0 && interval(p).hi < shape[i]!)
  }
  return rewrite(e, x => {
    if (x.op === 'read') return x.guarded && inside(x) ? { ...x, guarded: false } : x
    if (x.op === 'and') {
      const open = x.args.filter(a => !isTrue(a))
      return open.length === 1 ? open[0]! : x
    }
    if (x.op !== 'select') return x
    const [condition, yes, no] = x.args as [Expr, Expr, Expr]
    return isTrue(condition) ? yes : isFalse(condition) ? no : x
  })
}
