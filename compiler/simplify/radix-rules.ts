import {
  type Affine,
  affineAtom,
  affineConstantOf,
  affineInterval,
  affineSplit,
  affineSum,
} from '../affine/affine.js'
import { orderedExpr } from '../affine/affine-expr.js'
import { affineOfAnySize, neverOverflows } from '../affine/affine-of.js'
import { i32, prim } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { type ExprRule, isConst, isValue } from './rewrite-rule.js'

const isZero = (a: Affine): boolean => affineConstantOf(a) === 0

/**
 * `(q·n + r) / n = q + r / n` and `(q·n + r) mod n = r mod n`, with `r / n = 0` and `r mod n = r` where `0
 * <= r < n`.
 */
export const divideRadix: ExprRule = (e, { interval }) => {
  if ((e.op !== 'idiv' && e.op !== 'mod') || e.dtype !== 'i32') return undefined
  const [x, divisor] = e.args as [Expr, Expr]
  if (!isConst(divisor) || divisor.value <= 0 || !neverOverflows(x, interval)) return undefined
  const n = divisor.value
  const { quotient, rest } = affineSplit(affineOfAnySize(x), n)
  const { lo, hi } = affineInterval(rest, interval)
  if (lo >= 0 && hi < n) return orderedExpr(e.op === 'idiv' ? quotient : rest)
  if (isZero(quotient)) return undefined
  const small = orderedExpr(rest)
  if (!neverOverflows(small, interval)) return undefined
  const again = prim(e.op, small, i32(n))
  return e.op === 'mod' || isZero(quotient) ? again : prim('add', orderedExpr(quotient), again)
}

/** `(x / m) / n = x / (m·n)` and `(x mod (k·n)) mod n = x mod n`. */
export const nestedRadix: ExprRule = e => {
  if ((e.op !== 'idiv' && e.op !== 'mod') || e.dtype !== 'i32') return undefined
  const [x, n] = e.args as [Expr, Expr]
  if (x.op !== e.op || !isConst(n) || !isConst(x.args[1]!)) return undefined
  const m = x.args[1]!.value
  if (m <= 0 || n.value <= 0) return undefined
  if (e.op === 'idiv') return m * n.value < 2 ** 31 ? prim('idiv', x.args[0]!, i32(m * n.value)) : undefined
  return m % n.value === 0 ? prim('mod', x.args[0]!, n) : undefined
}

/** `(x / n)·n + x mod n = x`. */
export const joinRadix: ExprRule = (e, { interval }) => {
  if (e.op !== 'add' || e.dtype !== 'i32' || !neverOverflows(e, interval)) return undefined
  const form = affineOfAnySize(e)
  for (const [rest, c] of form.rest) {
    if (rest.op !== 'mod' || !isConst(rest.args[1]!)) continue
    const n = rest.args[1]!.value
    for (const [quotient, d] of form.rest) {
      const matches =
        quotient.op === 'idiv' && quotient.args[0] === rest.args[0] && isValue(quotient.args[1]!, n)
      if (!matches || d !== c * n) continue
      const others = affineSum(form, affineSum(affineAtom(rest, -c), affineAtom(quotient, -d)))
      const x = rest.args[0]!
      const sum = orderedExpr(others)
      const whole = c === 1 ? x : prim('mul', x, i32(c))
      return isValue(sum, 0) ? whole : prim('add', whole, sum)
    }
  }
  return undefined
}
