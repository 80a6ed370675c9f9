import { childrenOf, f32, prim } from '../ir/expr.js'
import { interner } from '../ir/intern.js'
import type { Expr, NodeId } from '../ir/ir.js'
import { alwaysTrue, conditionsOf, guardedAway } from './superfluous-guards.js'

/**
 * coefficient · Π numerator / Π denominator. Unlike the simplifier's laws, those of this file hold for real
 * numbers only: floats come out equal up to rounding.
 */
interface Product {
  readonly coefficient: number
  readonly numerator: readonly Expr[]
  readonly denominator: readonly Expr[]
}

const without = (from: readonly Expr[], what: readonly Expr[]): readonly Expr[] => {
  const out = [...from]
  for (const w of what) {
    const i = out.indexOf(w)
    if (i >= 0) out.splice(i, 1)
  }
  return out
}

const common = (lists: readonly (readonly Expr[])[]): readonly Expr[] =>
  lists
    .slice(1)
    .reduce((all, list) => all.filter((f, i) => count(list, f) > count(all.slice(0, i), f)), lists[0]!)

const count = (list: readonly Expr[], e: Expr): number => list.filter(x => x === e).length

const isZero = (e: Expr): boolean => e.op === 'const' && e.value === 0

/** The shortest decimal that is the same f32. */
const shortest = (x: number): number => {
  for (let digits = 1; digits < 10; digits++) {
    const y = Number(x.toPrecision(digits))
    if (Math.fround(y) === Math.fround(x)) return y
  }
  return x
}

/** A number that people write: not many digits. */
const isShort = (x: number): boolean => String(x).length <= 6

export type Tidy = ReturnType<typeof makeTidy>

/**
 * Rewrites expressions into the form in which a person would write them. `isScale` tells what may stand
 * before a sum: sizes.
 */
export const makeTidy = (isScale: (e: Expr) => boolean, shapeOfNode: (id: NodeId) => readonly number[]) => {
  const intern = interner()
  const make = (op: 'add' | 'sub' | 'mul' | 'div' | 'neg' | 'pow', ...args: readonly Expr[]): Expr =>
    intern(prim(op, ...args))
  const number = (x: number): Expr => intern(f32(shortest(x)))
  const isReal = (e: Expr): boolean => e.dtype === 'f32'

  const productOf = (e: Expr): Product => {
    if (!isReal(e)) return { coefficient: 1, numerator: [e], denominator: [] }
    if (e.op === 'const' && Number.isFinite(e.value))
      return { coefficient: e.value, numerator: [], denominator: [] }
    if (e.op === 'neg') {
      const p = productOf(e.args[0]!)
      return { ...p, coefficient: -p.coefficient }
    }
    if (e.op === 'mul') return times(productOf(e.args[0]!), productOf(e.args[1]!))
    if (e.op === 'div') {
      const [p, q] = [productOf(e.args[0]!), productOf(e.args[1]!)]
      if (q.coefficient === 1 || (q.coefficient !== 0 && isShort(p.coefficient / q.coefficient)))
        return {
          coefficient: p.coefficient / q.coefficient,
          numerator: [...p.numerator, ...q.denominator],
          denominator: [...p.denominator, ...q.numerator],
        }
      return {
        coefficient: p.coefficient,
        numerator: [...p.numerator, ...q.denominator],
        denominator: [...p.denominator, number(q.coefficient), ...q.numerator],
      }
    }
    if (e.op === 'pow' && e.args[1]!.op === 'const' && [2, 3, 4].includes(e.args[1]!.value))
      return { coefficient: 1, numerator: Array(e.args[1]!.value).fill(e.args[0]!), denominator: [] }
    if (e.op === 'select') {
      const [test, yes, no] = e.args as [Expr, Expr, Expr]
      if (isZero(no)) {
        const p = productOf(yes)
        const scales = p.numerator.filter(isScale)
        const rest = fromProduct({
          coefficient: 1,
          numerator: without(p.numerator, scales),
          denominator: p.denominator.filter(f => !isScale(f)),
        })
        const held = intern({ ...e, args: [test, rest, no] })
        return {
          coefficient: p.coefficient,
          numerator: [...scales, held],
          denominator: p.denominator.filter(isScale),
        }
      }
    }
    return { coefficient: 1, numerator: [e], denominator: [] }
  }

  /** A mask without the conditions that its own guarded reads make superfluous. */
  const unmasked = (e: Expr): Expr => {
    if (e.op !== 'select' || !isZero(e.args[2]!)) return e
    const [test, value, nothing] = e.args as [Expr, Expr, Expr]
    const left = conditionsOf(test).filter(
      c => !alwaysTrue(c) && !guardedAway(c, productOf(value).numerator, shapeOfNode),
    )
    if (left.length === conditionsOf(test).length) return e
    return left.length === 0
      ? value
      : intern({ ...e, args: [left.reduce((a, b) => intern(prim('and', a, b))), value, nothing] })
  }

  const times = (p: Product, q: Product): Product => ({
    coefficient: p.coefficient * q.coefficient,
    numerator: [...p.numerator, ...q.numerator],
    denominator: [...p.denominator, ...q.denominator],
  })

  /**
   * `if c then x else 0`: what it is multiplied with is written into the branch, where it stands beside
   * other factors.
   */
  const isMasked = (e: Expr): boolean => e.op === 'select' && isZero(e.args[2]!) && e.args[1]!.op !== 'const'

  const powers = (factors: readonly Expr[]): readonly Expr[] =>
    [...new Set(factors)].map(f => {
      const n = count(factors, f)
      return n === 1 ? f : make('pow', f, number(n))
    })

  const fromProduct = ({ coefficient, numerator, denominator }: Product): Expr => {
    if (coefficient === 0) return number(0)
    const shared = common([numerator.filter(isScale), denominator.filter(isScale)])
    const top = powers(without(numerator, shared))
    const bottom = powers(without(denominator, shared))
    const masked = top.find(isMasked)
    if (masked?.op === 'select') {
      const others: Product = { coefficient, numerator: without(top, [masked]), denominator: bottom }
      const inside = fromProduct(times(others, productOf(masked.args[1]!)))
      return intern({ ...masked, args: [masked.args[0]!, inside, masked.args[2]!] })
    }
    const [only] = top
    if (
      only?.op === 'select' &&
      top.length === 1 &&
      bottom.length === 0 &&
      only.args[1]!.op === 'const' &&
      isZero(only.args[2]!)
    )
      return intern({
        ...only,
        args: [only.args[0]!, number(coefficient * only.args[1]!.value), only.args[2]!],
      })
    const size = Math.abs(coefficient)
    const factors = size === 1 && top.length > 0 ? top : [number(size), ...top]
    const [first, ...others] = factors
    const signed =
      coefficient > 0 ? first! : first!.op === 'const' ? number(-first!.value) : make('neg', first!)
    const above = [signed, ...others].reduce((a, b) => make('mul', a, b))
    return bottom.length === 0
      ? above
      : make(
          'div',
          above,
          bottom.reduce((a, b) => make('mul', a, b)),
        )
  }

  const termsOf = (e: Expr, sign: number): readonly Product[] => {
    if (e.op === 'add' || e.op === 'sub')
      return [...termsOf(e.args[0]!, sign), ...termsOf(e.args[1]!, e.op === 'sub' ? -sign : sign)]
    if (e.op === 'neg') return termsOf(e.args[0]!, -sign)
    const p = productOf(e)
    return [{ ...p, coefficient: sign * p.coefficient }]
  }

  const equal = (p: Product, q: Product): boolean =>
    p.numerator.length === q.numerator.length &&
    p.denominator.length === q.denominator.length &&
    without(p.numerator, q.numerator).length === 0 &&
    without(p.denominator, q.denominator).length === 0

  /** Equal terms are counted, what all have in common stands before the sum, positive terms come first. */
  const sumOf = (e: Expr): Expr => {
    const terms: Product[] = []
    for (const t of termsOf(e, 1)) {
      const i = terms.findIndex(s => equal(s, t))
      if (i < 0) terms.push(t)
      else terms[i] = { ...terms[i]!, coefficient: terms[i]!.coefficient + t.coefficient }
    }
    if (terms.length === 1) return fromProduct(terms[0]!)
    const size = Math.abs(terms[0]!.coefficient)
    const even = size !== 0 && terms.every(t => Math.abs(t.coefficient) === size)
    const numerator = common(terms.map(t => t.numerator))
    const denominator = common(terms.map(t => t.denominator))
    const before: Product = { coefficient: even ? size : 1, numerator, denominator }
    const inner = terms.map(t => ({
      coefficient: t.coefficient / before.coefficient,
      numerator: without(t.numerator, numerator),
      denominator: without(t.denominator, denominator),
    }))
    const sorted = [...inner.filter(t => t.coefficient > 0), ...inner.filter(t => t.coefficient <= 0)]
    // A constant ends a sum, unless nothing else is positive: `1 - x`, `x + 1`.
    const [constants, others] = [sorted.filter(isNumber), sorted.filter(t => !isNumber(t))]
    const ordered =
      others[0] !== undefined && others[0].coefficient > 0
        ? [...others, ...constants]
        : [...constants, ...others]
    const sum = ordered
      .slice(1)
      .reduce(
        (a, t) =>
          t.coefficient < 0
            ? make('sub', a, fromProduct({ ...t, coefficient: -t.coefficient }))
            : make('add', a, fromProduct(t)),
        fromProduct(ordered[0]!),
      )
    return fromProduct(times(before, { coefficient: 1, numerator: [sum], denominator: [] }))
  }

  const isNumber = (p: Product): boolean => p.numerator.length === 0 && p.denominator.length === 0

  const done = new Map<Expr, Expr>()
  const tidy = (e: Expr): Expr => {
    const known = done.get(e)
    if (known !== undefined) return known
    const children = childrenOf(e).map(tidy)
    const rebuilt: Expr =
      e.op === 'const' || e.op === 'index'
        ? e
        : e.op === 'read'
          ? { ...e, at: children }
          : { ...e, args: children }
    const own = intern(rebuilt)
    const out = !isReal(own)
      ? own
      : own.op === 'add' || own.op === 'sub'
        ? sumOf(own)
        : own.op === 'mul' || own.op === 'div' || own.op === 'neg' || own.op === 'select'
          ? fromProduct(productOf(unmasked(own)))
          : own
    done.set(e, out)
    return out
  }

  /** Every outermost part for which `by` gives something, replaced. */
  const replace = (root: Expr, by: (e: Expr) => Expr | undefined): Expr => {
    const replaced = new Map<Expr, Expr>()
    const go = (e: Expr): Expr => {
      const known = replaced.get(e)
      if (known !== undefined) return known
      const out =
        by(e) ??
        (e.op === 'const' || e.op === 'index'
          ? e
          : intern(e.op === 'read' ? { ...e, at: e.at.map(go) } : { ...e, args: e.args.map(go) }))
      replaced.set(e, out)
      return out
    }
    return go(root)
  }

  return { tidy, productOf, fromProduct, intern, replace }
}

export type { Product }
