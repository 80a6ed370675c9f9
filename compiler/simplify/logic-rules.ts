import { cast, prim } from '../ir/expr.js'
import type { Expr, PrimOp } from '../ir/ir.js'
import { bool, type ExprRule, isConst, isInteger, isValue } from './rewrite-rule.js'

const opposite: Partial<Record<PrimOp, 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne'>> = {
  lt: 'ge',
  ge: 'lt',
  gt: 'le',
  le: 'gt',
  eq: 'ne',
  ne: 'eq',
}

/** `not not c = c`, `c and true = c`, `c or true = true`, `not (a < b) = a >= b` for integers, `a == a`. */
const condition: ExprRule = e => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read') return undefined
  const [x, y] = e.args as [Expr, Expr]
  switch (e.op) {
    case 'not': {
      if (x.op === 'not') return x.args[0]!
      const op = opposite[x.op as PrimOp]
      if (op === undefined || x.op === 'const' || x.op === 'index' || x.op === 'read') return undefined
      // A NaN is neither below nor at or above another number.
      return isInteger(x.args[0]!) || op === 'eq' || op === 'ne' ? prim(op, ...x.args) : undefined
    }
    case 'and':
    case 'or': {
      if (x === y) return x
      for (const [a, b] of [
        [x, y],
        [y, x],
      ] as const)
        if (isConst(a)) return (a.value === 1) === (e.op === 'and') ? b : a
      return undefined
    }
    case 'eq':
    case 'le':
    case 'ge':
      return x === y && x.dtype !== 'f32' ? bool(true) : undefined
    case 'ne':
    case 'lt':
    case 'gt':
      return x === y && x.dtype !== 'f32' ? bool(false) : undefined
    default:
      return undefined
  }
}

/**
 * `if true then a else b = a`, `if c then a else a = a`, `if not c then a else b = if c then b else a`, and
 * a choice by `c` within a choice by `c`.
 */
const choice: ExprRule = e => {
  if (e.op !== 'select') return undefined
  const [c, a, b] = e.args as [Expr, Expr, Expr]
  if (isConst(c)) return c.value !== 0 ? a : b
  if (a === b) return a
  if (isConst(a) && isConst(b) && Object.is(a.value, b.value)) return a
  if (c.op === 'not') return prim('select', c.args[0]!, b, a)
  if (a.op === 'select' && a.args[0] === c) return prim('select', c, a.args[1]!, b)
  if (b.op === 'select' && b.args[0] === c) return prim('select', c, a, b.args[2]!)
  if (a.op === 'select' && isValue(b, 0) && isValue(a.args[2]!, 0))
    return prim('select', prim('and', c, a.args[0]!), a.args[1]!, b)
  return undefined
}

/** A cast of a cast is one cast, where the first loses nothing. */
const conversion: ExprRule = e => {
  if (e.op !== 'cast') return undefined
  const inner = e.args[0]!
  if (inner.dtype === e.dtype) return inner
  if (inner.op !== 'cast') return undefined
  const from = inner.args[0]!
  const lossless = from.dtype === 'bool' || (isInteger(from) && isInteger(inner) && e.dtype !== 'f32')
  return lossless ? cast(e.dtype, from) : undefined
}

/** The laws of conditions, choices and casts. */
export const logic: ExprRule = (e, facts) => condition(e, facts) ?? choice(e, facts) ?? conversion(e, facts)
