import { axesOf, index } from '../ir/expr.js'
import type { Interval } from '../ir/interval.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'

/**
 * Index arithmetic. An i32 expression in the form `constant + Σ coefficient · atom`, where an atom is an
 * axis or an expression that is not affine itself, say a token read from a tensor. Two positions are
 * compared, divided, inverted and printed in this form: `k·G + (g + 1) - 1` becomes `G·k + g`.
 *
 * This file holds the form and its algebra; `affine-of.ts` makes it of expressions, `affine-expr.ts` prints
 * it, `radix.ts` reads it as digits, and `solve.ts` solves it for an axis. Forms are over the integers:
 * whether the i32 arithmetic of the expression can overflow is asked with `neverOverflows`.
 */
export class Affine {
  constructor(
    readonly constant: number,
    /**
     * Keyed by the axis' id, or by the expression itself; in the order in which the expression mentions
     * them.
     */
    readonly summands: ReadonlyMap<AxisId | Expr, Summand>,
  ) {}

  private axisTerms?: ReadonlyMap<AxisId, AxisTerm>
  private restTerms?: ReadonlyMap<Expr, number>

  /** The summands that are axes. */
  get terms(): ReadonlyMap<AxisId, AxisTerm> {
    this.axisTerms ??= new Map(
      [...this.summands.values()].flatMap(({ atom, coefficient }) =>
        atom.op === 'index' ? [[atom.axis.id, { axis: atom.axis, coefficient }] as const] : [],
      ),
    )
    return this.axisTerms
  }

  /** The other summands: each expression with its coefficient. */
  get rest(): ReadonlyMap<Expr, number> {
    this.restTerms ??= new Map(
      [...this.summands.values()].flatMap(({ atom, coefficient }) =>
        atom.op === 'index' ? [] : [[atom, coefficient] as const],
      ),
    )
    return this.restTerms
  }
}

/** `coefficient · atom`. The coefficient is not 0. */
export interface Summand {
  readonly atom: Expr
  readonly coefficient: number
}

/** `coefficient · axis`. */
export interface AxisTerm {
  readonly axis: Axis
  readonly coefficient: number
}

const keyOf = (atom: Expr): AxisId | Expr => (atom.op === 'index' ? atom.axis.id : atom)

export const affineConstant = (value: number): Affine => new Affine(value, new Map())

/** `coefficient · atom`, whatever the expression is. */
export const affineAtom = (atom: Expr, coefficient = 1): Affine =>
  new Affine(0, new Map(coefficient === 0 ? [] : [[keyOf(atom), { atom, coefficient }]]))

export const affineAxis = (axis: Axis, coefficient = 1): Affine => affineAtom(index(axis), coefficient)

/** `a + by · b`. */
const combine = (a: Affine, b: Affine, by: number): Affine => {
  const summands = new Map(a.summands)
  for (const [key, { atom, coefficient }] of b.summands) {
    const sum = (summands.get(key)?.coefficient ?? 0) + by * coefficient
    if (sum === 0) summands.delete(key)
    else summands.set(key, { atom, coefficient: sum })
  }
  return new Affine(a.constant + by * b.constant, summands)
}

export const affineSum = (a: Affine, b: Affine): Affine => combine(a, b, 1)
export const affineDifference = (a: Affine, b: Affine): Affine => combine(a, b, -1)

/** `by · a`. A fraction serves where it divides every coefficient. */
export const affineScale = (a: Affine, by: number): Affine =>
  by === 0 ? affineConstant(0) : combine(affineConstant(0), a, by)

/** The form with a constant added. */
export const affineShift = (a: Affine, by: number): Affine => new Affine(a.constant + by, a.summands)

/** Only the summands that `keep` keeps, without the constant. */
export const affinePart = (a: Affine, keep: (s: Summand) => boolean): Affine =>
  new Affine(0, new Map([...a.summands].filter(([, s]) => keep(s))))

/** The form with an axis replaced by another form. */
export const affineSubstitute = (a: Affine, axis: AxisId, by: Affine): Affine => {
  const term = a.terms.get(axis)
  if (term === undefined) return a
  return combine(combine(a, affineAxis(term.axis), -term.coefficient), by, term.coefficient)
}

/** The form with every atom that is no axis replaced by an equal expression. */
export const affineRewriteRest = (a: Affine, rewrite: (e: Expr) => Expr): Affine =>
  [...a.summands.values()].reduce(
    (sum, { atom, coefficient }) =>
      combine(sum, affineAtom(atom.op === 'index' ? atom : rewrite(atom)), coefficient),
    affineConstant(a.constant),
  )

export const coefficientOf = (a: Affine, axis: AxisId): number => {
  const s = a.summands.get(axis)
  return s === undefined ? 0 : s.coefficient
}

/** The value of a form without summands. */
export const affineConstantOf = (a: Affine): number | undefined =>
  a.summands.size === 0 ? a.constant : undefined

/** Whether two forms are one: equal constants and coefficients. */
export const sameAffine = (a: Affine, b: Affine): boolean =>
  a.constant === b.constant &&
  a.summands.size === b.summands.size &&
  [...a.summands].every(([key, s]) => b.summands.get(key)?.coefficient === s.coefficient)

/** Whether an atom that is no axis depends on the axis. */
export const restDependsOn = (a: Affine, axis: AxisId): boolean => axesOf(...a.rest.keys()).has(axis)

/** The least and the greatest value, given those of the atoms. */
export const affineInterval = (a: Affine, interval: (atom: Expr) => Interval): Interval => {
  let lo = a.constant
  let hi = a.constant
  for (const { atom, coefficient } of a.summands.values()) {
    const range = interval(atom)
    lo += coefficient * (coefficient > 0 ? range.lo : range.hi)
    hi += coefficient * (coefficient > 0 ? range.hi : range.lo)
  }
  return { lo, hi }
}

/** The least and the greatest value where every atom is an axis; undefined elsewhere. */
export const affineRange = (a: Affine): readonly [number, number] | undefined => {
  if (a.rest.size > 0) return undefined
  const { lo, hi } = affineInterval(a, e => ({
    lo: 0,
    hi: e.op === 'index' ? Math.max(0, e.axis.extent - 1) : 0,
  }))
  return [lo, hi]
}

/** `form = quotient · n + rest`. */
export interface AffineSplit {
  readonly quotient: Affine
  readonly rest: Affine
}

/** The summands that n divides, divided by n, and what is left, with a constant from 0 to n - 1. */
export const affineSplit = (a: Affine, n: number): AffineSplit => {
  const whole = Math.floor(a.constant / n)
  const divided = [...a.summands].filter(([, s]) => s.coefficient % n === 0)
  const left = affinePart(a, s => s.coefficient % n !== 0)
  return {
    quotient: new Affine(
      whole,
      new Map(divided.map(([key, s]) => [key, { atom: s.atom, coefficient: s.coefficient / n }])),
    ),
    rest: affineShift(left, a.constant - whole * n),
  }
}
