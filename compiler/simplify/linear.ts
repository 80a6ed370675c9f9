import { i32, prim } from '../ir/expr.js'
import type { Interval } from '../ir/interval.js'
import type { Expr } from '../ir/ir.js'

/** `offset + Σ coefficient · atom` over the integers, an atom being an i32 expression that is no sum. */
export interface Linear {
  readonly offset: number
  readonly terms: ReadonlyMap<Expr, number>
}

const combine = (a: Linear, b: Linear, scale: number): Linear => {
  const terms = new Map(a.terms)
  for (const [atom, c] of b.terms) {
    const sum = (terms.get(atom) ?? 0) + scale * c
    if (sum === 0) terms.delete(atom)
    else terms.set(atom, sum)
  }
  return { offset: a.offset + scale * b.offset, terms }
}

const none: Linear = { offset: 0, terms: new Map() }

/** An i32 expression as a linear form. It is equal modulo 2³², and over the integers if no part overflows. */
export const linearOf = (e: Expr): Linear => {
  if (e.op === 'const') return { offset: e.value, terms: new Map() }
  if (e.op === 'add') return combine(linearOf(e.args[0]!), linearOf(e.args[1]!), 1)
  if (e.op === 'sub') return combine(linearOf(e.args[0]!), linearOf(e.args[1]!), -1)
  if (e.op === 'neg') return combine(none, linearOf(e.args[0]!), -1)
  if (e.op === 'mul') {
    const [a, b] = e.args as [Expr, Expr]
    if (b.op === 'const') return b.value === 0 ? none : combine(none, linearOf(a), b.value)
    if (a.op === 'const') return a.value === 0 ? none : combine(none, linearOf(b), a.value)
  }
  return { offset: 0, terms: new Map([[e, 1]]) }
}

export const subtract = (a: Linear, b: Linear): Linear => combine(a, b, -1)

/** The form as an expression: positive terms first, so that as few negations as possible occur. */
export const fromLinear = ({ offset, terms }: Linear): Expr => {
  const sorted = [...terms].sort(([, a], [, b]) => Number(a < 0) - Number(b < 0))
  let sum: Expr | undefined
  for (const [atom, c] of sorted) {
    const size = Math.abs(c)
    const term = size === 1 ? atom : prim('mul', atom, i32(size))
    if (sum === undefined) sum = c < 0 ? prim('neg', term) : term
    else sum = prim(c < 0 ? 'sub' : 'add', sum, term)
  }
  if (sum === undefined) return i32(offset)
  return offset === 0 ? sum : prim(offset < 0 ? 'sub' : 'add', sum, i32(Math.abs(offset)))
}

export const linearInterval = ({ offset, terms }: Linear, interval: (e: Expr) => Interval): Interval => {
  let lo = offset
  let hi = offset
  for (const [atom, c] of terms) {
    const range = interval(atom)
    lo += c > 0 ? c * range.lo : c * range.hi
    hi += c > 0 ? c * range.hi : c * range.lo
  }
  return { lo, hi }
}

const limit = 2 ** 31

/** Whether no partial sum of the expression leaves the range of i32, so that its linear form holds over the integers. */
export const neverOverflows = (e: Expr, interval: (e: Expr) => Interval): boolean => {
  if (e.op !== 'add' && e.op !== 'sub' && e.op !== 'neg' && e.op !== 'mul') return true
  if (e.op === 'mul' && !e.args.some(a => a.op === 'const')) return true
  const { lo, hi } = linearInterval(linearOf(e), interval)
  return lo >= -limit && hi < limit && e.args.every(a => neverOverflows(a, interval))
}

/** The terms that n divides, divided by n, and what is left, its offset in [0, n). */
export const split = (of: Linear, n: number): { readonly quotient: Linear; readonly rest: Linear } => {
  const whole = Math.floor(of.offset / n)
  return {
    quotient: {
      offset: whole,
      terms: new Map([...of.terms].filter(([, c]) => c % n === 0).map(([e, c]) => [e, c / n])),
    },
    rest: { offset: of.offset - whole * n, terms: new Map([...of.terms].filter(([, c]) => c % n !== 0)) },
  }
}
