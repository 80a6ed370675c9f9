import { constant, prim } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { type Application, type ExprRule, type Facts, isConst, isInteger, isValue } from './rewrite-rule.js'

const negated = (e: Expr): Expr | undefined => (e.op === 'neg' ? e.args[0]! : undefined)

/** The argument of which an f32 expression is 1 (`when`) or 0. */
const indicator = (e: Expr): { readonly condition: Expr; readonly when: boolean } | undefined => {
  if (e.op === 'cast' && e.args[0]!.dtype === 'bool') return { condition: e.args[0]!, when: true }
  if (e.op !== 'select') return undefined
  const [c, a, b] = e.args as [Expr, Expr, Expr]
  if (isValue(a, 1) && isValue(b, 0)) return { condition: c, when: true }
  return isValue(a, 0) && isValue(b, 1) ? { condition: c, when: false } : undefined
}

/**
 * Whether an expression is known not to be −0. Rounding to nearest makes −0 of a sum only if all summands
 * are −0.
 */
const isNeverMinusZero = (e: Expr, nodes: Facts['nodes']): boolean => {
  if (e.dtype !== 'f32') return true
  switch (e.op) {
    case 'const':
      return !Object.is(e.value, -0)
    case 'read': {
      const node = nodes.get(e.node)
      // Sums begin with 0.
      return node?.kind === 'compute' && node.reduce?.op === 'sum'
    }
    case 'cast':
    case 'abs':
    case 'exp':
    case 'sigmoid':
      return true
    case 'add':
      return e.args.some(a => isNeverMinusZero(a, nodes))
    case 'sub':
      return isNeverMinusZero(e.args[0]!, nodes)
    case 'mul':
      return e.args[0] === e.args[1]
    case 'select':
      return e.args.slice(1).every(a => isNeverMinusZero(a, nodes))
    default:
      return false
  }
}

/**
 * `x + (-0) = x`, `x + 0 = x` where x is not −0, `x + (-y) = x - y`, and for integers `(x + c) + d = x + (c
 * + d)`.
 */
const sum = (e: Application, x: Expr, y: Expr, nodes: Facts['nodes']): Expr | undefined => {
  if (isValue(y, -0) || (isValue(y, 0) && isNeverMinusZero(x, nodes))) return x
  if (isConst(x) && !isConst(y)) return prim('add', y, x)
  const minus = negated(y)
  if (minus !== undefined) return prim('sub', x, minus)
  const first = negated(x)
  if (first !== undefined) return prim('sub', y, first)
  if (!isInteger(e) || !isConst(y)) return undefined
  if (e.dtype === 'i32' && y.value < 0 && y.value > -2147483648)
    return prim('sub', x, constant('i32', -y.value))
  if (x.op === 'add' && isConst(x.args[1]!)) return prim('add', x.args[0]!, prim('add', x.args[1]!, y))
  if (x.op === 'sub' && isConst(x.args[1]!)) return prim('add', x.args[0]!, prim('sub', y, x.args[1]!))
  return undefined
}

/**
 * `x - 0 = x`, `-0 - x = -x`, `x - (-y) = x + y`, and for integers `0 - x = -x`, `x - x = 0`, `(x + c) - d
 * = x + (c - d)`.
 */
const difference = (e: Application, x: Expr, y: Expr): Expr | undefined => {
  if (isValue(y, 0)) return x
  if (isValue(x, -0) || (isInteger(e) && isValue(x, 0))) return prim('neg', y)
  const minus = negated(y)
  if (minus !== undefined) return prim('add', x, minus)
  if (isConst(y) && y.value < 0 && e.dtype !== 'u32' && y.value !== -2147483648)
    return prim('add', x, constant(e.dtype, -y.value))
  if (!isInteger(e)) return undefined
  if (x === y) return constant(e.dtype, 0)
  if (!isConst(y)) return undefined
  if (x.op === 'add' && isConst(x.args[1]!)) return prim('add', x.args[0]!, prim('sub', x.args[1]!, y))
  if (x.op === 'sub' && isConst(x.args[1]!)) return prim('sub', x.args[0]!, prim('add', x.args[1]!, y))
  return undefined
}

/**
 * `x·1 = x`, `x·(-1) = -x`, `(-x)·y = -(x·y)`, `x·[c] = if c then x else x·0`; for integers `x·0 = 0`,
 * `(x·c)·d = x·(c·d)`.
 */
const product = (e: Application, x: Expr, y: Expr): Expr | undefined => {
  if (isValue(y, 1)) return x
  if (isInteger(e) && isValue(y, 0)) return y
  if (isValue(y, -1)) return prim('neg', x)
  if (isConst(x) && !isConst(y)) return prim('mul', y, x)
  if (isConst(y) && x.op === 'neg' && e.dtype !== 'u32' && y.value !== -2147483648)
    return prim('mul', x.args[0]!, constant(e.dtype, -y.value))
  const [a, b] = [negated(x), negated(y)]
  if (a !== undefined && b !== undefined) return prim('mul', a, b)
  if (a !== undefined) return prim('neg', prim('mul', a, y))
  if (b !== undefined) return prim('neg', prim('mul', x, b))
  for (const [value, mask] of [
    [x, y],
    [y, x],
  ] as const) {
    const of = indicator(mask)
    // 0, unless the value is infinite or not a number.
    const nothing = isInteger(e) ? constant(e.dtype, 0) : prim('mul', value, constant('f32', 0))
    if (of !== undefined)
      return of.when
        ? prim('select', of.condition, value, nothing)
        : prim('select', of.condition, nothing, value)
  }
  if (isInteger(e) && isConst(y) && x.op === 'mul' && isConst(x.args[1]!))
    return prim('mul', x.args[0]!, prim('mul', x.args[1]!, y))
  return undefined
}

/**
 * The laws of arithmetic that hold exactly, for zeros of both signs, infinities and what is not a number
 * too. Constants go to the right.
 */
export const identities: ExprRule = (e, { nodes }) => {
  if (e.op === 'const' || e.op === 'index' || e.op === 'read') return undefined
  const [x, y] = e.args as [Expr, Expr]
  switch (e.op) {
    case 'add':
      return sum(e, x, y, nodes)
    case 'sub':
      return difference(e, x, y)
    case 'mul':
      return product(e, x, y)
    case 'div':
    case 'idiv':
      if (isValue(y, 1)) return x
      return e.op === 'div' && x.op === 'neg' ? prim('neg', prim('div', x.args[0]!, y)) : undefined
    case 'mod':
      return isInteger(e) && isValue(y, 1) ? constant(e.dtype, 0) : undefined
    case 'pow':
      return isValue(y, 1) ? x : isValue(y, 0) ? constant(e.dtype, 1) : undefined
    case 'neg':
      if (x.op === 'neg') return x.args[0]!
      return x.op === 'sub' && isInteger(x) ? prim('sub', x.args[1]!, x.args[0]!) : undefined
    case 'min':
    case 'max':
      return x === y ? x : undefined
    default:
      return undefined
  }
}
