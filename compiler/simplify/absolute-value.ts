/** `|−x| = |x|` and `||x|| = |x|`. Of u32, whose numbers wrap around when negated, only the second holds. */
import { prim } from '../ir/expr.js'
import type { ExprRule } from './rewrite-rule.js'

export const absoluteValue: ExprRule = e => {
  if (e.op !== 'abs') return undefined
  const x = e.args[0]!
  if (x.op === 'abs') return x
  return x.op === 'neg' && x.dtype !== 'u32' ? prim('abs', x.args[0]!) : undefined
}
