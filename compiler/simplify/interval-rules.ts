import { constant } from '../ir/expr.js'
import type { ExprRule } from './rewrite-rule.js'

/** An integer or a condition that can have one value only is that value. */
export const decide: ExprRule = (e, { interval, sequential }) => {
  if (e.op === 'const' || e.dtype === 'f32') return undefined
  // Reads within a region say which iteration they mean, even if there is only one.
  if (e.op === 'index' && sequential.has(e.axis.id)) return undefined
  if (e.op === 'add' && e.args[0]!.op === 'index' && sequential.has(e.args[0]!.axis.id)) return undefined
  const { lo, hi } = interval(e)
  return lo === hi ? constant(e.dtype, lo) : undefined
}

/** `min(x, y) = x` where x never exceeds y, and so on. */
export const clamp: ExprRule = (e, { interval }) => {
  if ((e.op !== 'min' && e.op !== 'max') || e.dtype === 'f32') return undefined
  const [x, y] = e.args
  const [a, b] = [interval(x!), interval(y!)]
  if (a.hi <= b.lo) return e.op === 'min' ? x : y
  if (b.hi <= a.lo) return e.op === 'min' ? y : x
  return undefined
}
