import { constant } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { applyPrim, type Prim, prims } from '../ir/prims.js'

type Application = Extract<Expr, { args: readonly Expr[] }>

/** How an application is written: as its row of the table says, or otherwise. */
export type OperatorText = Pick<Prim, 'wgsl' | 'helpers'>

const opposite: Partial<Record<Expr['op'], string>> = { lt: '>=', le: '>', gt: '<=', ge: '<', eq: '!=' }

const isZero = (e: Expr): boolean => e.op === 'const' && e.value === 0

const isInfinite = (e: Expr): boolean => e.op === 'const' && Math.abs(e.value) === Number.POSITIVE_INFINITY

const sign = (text: string, of: Expr): string =>
  of.op === 'const' && (of.value < 0 || Object.is(of.value, -0)) ? `(-${text})` : text

const calling = (helper: string, wgsl: OperatorText['wgsl']): OperatorText => ({
  wgsl,
  helpers: () => [helper],
})

/** Comparisons of a value with itself say whether it is a number. */
const withItself: Partial<Record<Expr['op'], OperatorText>> = {
  eq: calling('is_nan', ([a]) => `!is_nan(${a})`),
  le: calling('is_nan', ([a]) => `!is_nan(${a})`),
  ge: calling('is_nan', ([a]) => `!is_nan(${a})`),
  ne: calling('is_nan', ([a]) => `is_nan(${a})`),
  sub: calling('minus_itself', ([a]) => `minus_itself(${a})`),
}

/**
 * Compilers of shaders may rewrite arithmetic as if no value were infinite or not a number: x · 0 and x − x
 * become 0, x ≠ x becomes false, what is not below becomes at or above, and x · ∞ + y · ∞ becomes (x + y) ·
 * ∞. Such applications are written so that no compiler sees the pattern. Undefined for all others.
 */
export const ieeeOperator = (e: Application): OperatorText | undefined => {
  const [x, y] = e.args as [Expr, Expr]
  if (x.dtype !== 'f32') return undefined
  if (x === y && withItself[e.op] !== undefined) return withItself[e.op]
  if (e.op === 'mul') {
    const at = e.args.findIndex(a => isZero(a) || isInfinite(a))
    if (at < 0) return undefined
    // A product with infinity is a quotient by zero, whatever the other factor.
    const helper = isZero(e.args[at]!) ? 'times_zero' : 'over_zero'
    return calling(helper, args => sign(`${helper}(${args[1 - at]})`, e.args[at]!))
  }
  if (e.op === 'div' && isInfinite(x))
    return calling('infinity_over', args => sign(`infinity_over(${args[1]})`, x))
  if (e.op === 'div' && isInfinite(y)) return calling('times_zero', args => sign(`times_zero(${args[0]})`, y))
  if (e.op === 'div' && isZero(x)) return calling('zero_over', args => sign(`zero_over(${args[1]})`, x))
  if (e.op === 'div' && isZero(y)) return calling('over_zero', args => sign(`over_zero(${args[0]})`, y))
  if (e.op === 'add') {
    const at = e.args.findIndex((a, i) => a.op === 'neg' && a.args[0] === e.args[1 - i])
    if (at >= 0) return calling('minus_itself', args => `minus_itself(${args[1 - at]})`)
  }
  return undefined
}

const mostTerms = 16

/** Adds the signed terms of a sum of f32 to `terms`, up to a bound on their number. */
const addTerms = (e: Expr, sign: 1 | -1, terms: (readonly [Expr, 1 | -1])[]): void => {
  if (terms.length >= mostTerms) return
  const opposite = sign === 1 ? -1 : 1
  const inner = e.op === 'log' && e.args[0]!.op === 'exp' ? e.args[0]!.args[0]! : undefined
  if (inner !== undefined) addTerms(inner, sign, terms)
  else if (e.op === 'neg') addTerms(e.args[0]!, opposite, terms)
  else if (e.op === 'add' || e.op === 'sub') {
    addTerms(e.args[0]!, sign, terms)
    addTerms(e.args[1]!, e.op === 'sub' ? opposite : sign, terms)
  } else terms.push([e, sign])
}

const addedAndSubtracted = (e: Expr): ReadonlySet<Expr> => {
  const terms: (readonly [Expr, 1 | -1])[] = []
  addTerms(e, 1, terms)
  const added = new Set(terms.flatMap(([t, sign]) => (sign === 1 ? [t] : [])))
  return new Set(terms.flatMap(([t, sign]) => (sign === -1 && t.op !== 'const' && added.has(t) ? [t] : [])))
}

/**
 * The terms that a sum both adds and subtracts and neither of its sides does, as in `(x - y) + y`, through
 * `log(exp(…))` too. Compilers of shaders leave out both, where the sum is not a number if such a term is
 * infinite or not a number.
 */
export const cancelledTermsOf = (e: Application): readonly Expr[] => {
  if (e.dtype !== 'f32' || (e.op !== 'add' && e.op !== 'sub')) return []
  const sides = e.args.map(addedAndSubtracted)
  return [...addedAndSubtracted(e)].filter(t => !sides.some(s => s.has(t)))
}

/**
 * A condition that holds for what is not a number: `a != b` of f32, and `not (a < b)`. It is written as a
 * comparison of the two by `sign`, or one of them being no number.
 */
export interface UnorderedComparison {
  readonly args: readonly Expr[]
  readonly sign: string
}

export const unorderedComparisonOf = (e: Application): UnorderedComparison | undefined => {
  const of = e.op === 'not' ? e.args[0]! : e
  const sign = e.op === 'not' ? opposite[of.op] : e.op === 'ne' ? '!=' : undefined
  if (sign === undefined || !('args' in of)) return undefined
  const [x, y] = of.args
  return x!.dtype === 'f32' && x !== y ? { args: of.args, sign } : undefined
}

/**
 * Folds applications of nothing but constants, which WGSL refuses where they overflow or are no numbers. It
 * keeps what it has found.
 */
export const createConstantFolder = (): ((e: Expr) => Expr) => {
  const known = new Map<Expr, Expr>()
  const fold = (e: Expr): Expr => {
    if (!('args' in e)) return e
    const done = known.get(e)
    if (done !== undefined) return done
    const args = e.args.map(fold)
    const values = args.flatMap(a => (a.op === 'const' ? [a.value] : []))
    const out = values.length === args.length ? constant(e.dtype, applyPrim(e, values)) : e
    known.set(e, out)
    return out
  }
  return fold
}

export const operatorOf = (e: Application): OperatorText => ieeeOperator(e) ?? prims[e.op]
