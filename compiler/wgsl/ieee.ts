/**
 * IEEE 754 arithmetic in WGSL. WGSL lets compilers of shaders assume that no value is infinite or NaN, so
 * they rewrite x · 0 and x − x to 0, x ≠ x to false, `not (a < b)` to a ≥ b, and x · ∞ + y · ∞ to
 * (x + y) · ∞. The interpreter follows IEEE 754, and kernels must agree with it. This file finds such
 * patterns in expressions and writes them as calls of helpers (`ir/wgsl-helpers.ts`) that no
 * compiler sees through.
 *
 *     mul(x, 0)  →  times_zero(x)          le(x, x)  →  !is_nan(x)
 */
import { constant } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import type { Prim } from '../ir/prim.js'
import { applyPrim, prims } from '../ir/prims.js'

type Application = Extract<Expr, { args: readonly Expr[] }>

/** How the application of an operator is written, and the helpers that the text calls. */
export type OperatorText = Pick<Prim, 'wgsl' | 'helpers'>

/** The comparison that holds where another does not, among numbers that are not NaN. */
const negatedComparison: Partial<Record<Expr['op'], string>> = {
  lt: '>=',
  le: '>',
  gt: '<=',
  ge: '<',
  eq: '!=',
}

const isZero = (e: Expr): boolean => e.op === 'const' && e.value === 0

const isInfinite = (e: Expr): boolean => e.op === 'const' && Math.abs(e.value) === Number.POSITIVE_INFINITY

/** A text with the sign of a constant in front. */
const sign = (text: string, of: Expr): string =>
  of.op === 'const' && (of.value < 0 || Object.is(of.value, -0)) ? `(-${text})` : text

/** An operator written as a call of a helper. */
const calling = (helper: string, wgsl: OperatorText['wgsl']): OperatorText => ({
  wgsl,
  helpers: () => [helper],
})

/** Operators applied to a value and itself. The comparisons tell whether the value is NaN. */
const withItself: Partial<Record<Expr['op'], OperatorText>> = {
  eq: calling('is_nan', ([a]) => `!is_nan(${a})`),
  le: calling('is_nan', ([a]) => `!is_nan(${a})`),
  ge: calling('is_nan', ([a]) => `!is_nan(${a})`),
  ne: calling('is_nan', ([a]) => `is_nan(${a})`),
  sub: calling('minus_itself', ([a]) => `minus_itself(${a})`),
}

/** The text of an application that compilers would rewrite wrongly; undefined for all others. */
export const ieeeOperator = (e: Application): OperatorText | undefined => {
  const [x, y] = e.args as [Expr, Expr]
  if (x.dtype !== 'f32') return undefined
  if (x === y && withItself[e.op] !== undefined) return withItself[e.op]
  if (e.op === 'mul') {
    const at = e.args.findIndex(a => isZero(a) || isInfinite(a))
    if (at < 0) return undefined
    // A product with infinity equals a quotient by zero, for every other factor.
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

/** The most terms of a sum that are compared with one another. It bounds the time to compile long sums. */
const mostTerms = 16

/**
 * Adds the signed terms of an f32 sum to `terms`, up to the bound. `log(exp(x))` counts as x, as it does to
 * compilers.
 */
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

/** The terms that a sum both adds and subtracts. */
const addedAndSubtracted = (e: Expr): ReadonlySet<Expr> => {
  const terms: (readonly [Expr, 1 | -1])[] = []
  addTerms(e, 1, terms)
  const added = new Set(terms.flatMap(([t, sign]) => (sign === 1 ? [t] : [])))
  return new Set(terms.flatMap(([t, sign]) => (sign === -1 && t.op !== 'const' && added.has(t) ? [t] : [])))
}

/**
 * The terms that a sum both adds and subtracts while neither of its sides does, as in `(x - y) + y`.
 * Compilers of shaders leave out both, but by IEEE 754 the sum is NaN if such a term is infinite or NaN.
 */
export const cancelledTermsOf = (e: Application): readonly Expr[] => {
  if (e.dtype !== 'f32' || (e.op !== 'add' && e.op !== 'sub')) return []
  const sides = e.args.map(addedAndSubtracted)
  return [...addedAndSubtracted(e)].filter(t => !sides.some(s => s.has(t)))
}

/**
 * A comparison that also holds where its operands are *unordered* (IEEE 754: at least one of them is NaN),
 * such as `not (a < b)` and `a != b` of f32. It is written as a comparison by `sign`, or a test for NaN.
 */
export interface UnorderedComparison {
  readonly args: readonly Expr[]
  readonly sign: string
}

/** The application as an unordered comparison; undefined where it is none. */
export const unorderedComparisonOf = (e: Application): UnorderedComparison | undefined => {
  const of = e.op === 'not' ? e.args[0]! : e
  const sign = e.op === 'not' ? negatedComparison[of.op] : e.op === 'ne' ? '!=' : undefined
  if (sign === undefined || !('args' in of)) return undefined
  const [x, y] = of.args
  return x!.dtype === 'f32' && x !== y ? { args: of.args, sign } : undefined
}

/**
 * A function that folds applications of constants, which WGSL refuses where they overflow or give NaN. It
 * remembers its results.
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

/** The text of an application: as the table of primitives says, unless IEEE 754 needs another. */
export const operatorOf = (e: Application): OperatorText => ieeeOperator(e) ?? prims[e.op]
