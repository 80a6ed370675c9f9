import { constant } from '../ir/expr.js'
import { linearInterval, linearOf, neverOverflows, subtract } from './linear.js'
import { bool, type ExprRule } from './rule.js'

/** An integer or a condition that can have one value only is that value. */
export const decide: ExprRule = (e, { interval, sequential }) => {
  if (e.op === 'const' || e.dtype === 'f32') return undefined
  // Reads within a region say which iteration they mean, even if there is only one.
  if (e.op === 'index' && sequential.has(e.axis.id)) return undefined
  if (e.op === 'add' && e.args[0]!.op === 'index' && sequential.has(e.args[0]!.axis.id)) return undefined
  const { lo, hi } = interval(e)
  return lo === hi ? constant(e.dtype, lo) : undefined
}

/** `x < y` by the interval of `x - y`, in which what both have in common is gone. */
export const compareDifference: ExprRule = (e, { interval }) => {
  if (e.op !== 'lt' && e.op !== 'le' && e.op !== 'gt' && e.op !== 'ge' && e.op !== 'eq' && e.op !== 'ne')
    return undefined
  const [x, y] = e.args
  if (x!.dtype !== 'i32' || !neverOverflows(x!, interval) || !neverOverflows(y!, interval)) return undefined
  const { lo, hi } = linearInterval(subtract(linearOf(x!), linearOf(y!)), interval)
  const answer = (yes: boolean, no: boolean) => (yes ? bool(true) : no ? bool(false) : undefined)
  switch (e.op) {
    case 'lt':
      return answer(hi < 0, lo >= 0)
    case 'le':
      return answer(hi <= 0, lo > 0)
    case 'gt':
      return answer(lo > 0, hi <= 0)
    case 'ge':
      return answer(lo >= 0, hi < 0)
    case 'eq':
      return answer(lo === 0 && hi === 0, lo > 0 || hi < 0)
    default:
      return answer(lo > 0 || hi < 0, lo === 0 && hi === 0)
  }
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
