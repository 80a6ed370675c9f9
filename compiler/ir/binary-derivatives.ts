import { f32, prim } from './expr.js'
import type { Expr } from './ir.js'

const one = f32(1)
const zero = f32(0)

/**
 * The partial derivatives of `a ^ b`. As PyTorch has it: by the base 0 where the exponent is 0, by the
 * exponent 0 where the base is 0 and the exponent is not negative.
 */
export const powerDerivative = ([a, b]: readonly Expr[], result: Expr): readonly (Expr | undefined)[] => {
  const base = a!
  const exponent = b!
  if (exponent.op === 'const') {
    const c = exponent.value
    if (c === 0) return [undefined, undefined]
    if (c === 1) return [one, undefined]
    const rest = c === 2 ? base : prim('pow', base, f32(c - 1))
    return [prim('mul', f32(c), rest), undefined]
  }
  const isZero = (e: Expr): Expr => prim('eq', e, zero)
  const byBase = prim('mul', exponent, prim('pow', base, prim('sub', exponent, one)))
  const flat = prim('and', isZero(base), prim('ge', exponent, zero))
  // The logarithm's argument is not 0 in the branch not taken.
  const byExponent = prim('mul', result, prim('log', prim('select', flat, one, base)))
  return [prim('select', isZero(exponent), zero, byBase), prim('select', flat, zero, byExponent)]
}

/**
 * The partial derivatives x / (y² + x²) and −y / (y² + x²), of arguments divided by the larger one, so that
 * no square leaves the range of f32. Not a number where both are 0.
 */
export const angleDerivative = ([y, x]: readonly Expr[]): readonly Expr[] => {
  const size = prim('max', prim('abs', y!), prim('abs', x!))
  const [b, a] = [prim('div', y!, size), prim('div', x!, size)]
  const length = prim('mul', size, prim('add', prim('mul', a, a), prim('mul', b, b)))
  return [prim('div', a, length), prim('neg', prim('div', b, length))]
}
