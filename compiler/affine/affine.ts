import { childrenOf, constant, index, postorder, prim } from '../ir/expr.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'

/**
 * An integer expression as `constant + Σ coefficient · axis + Σ coefficient · expression`: the normal form of addresses.
 * The expressions in `rest` are those that are not affine, say a token read from a tensor.
 */
export interface Affine {
  readonly constant: number
  readonly terms: ReadonlyMap<AxisId, { readonly axis: Axis; readonly coefficient: number }>
  readonly rest: ReadonlyMap<Expr, number>
}

export const affineConstant = (value: number): Affine => ({
  constant: value,
  terms: new Map(),
  rest: new Map(),
})

export const affineAxis = (axis: Axis, coefficient = 1): Affine => ({
  constant: 0,
  terms: new Map(coefficient === 0 ? [] : [[axis.id, { axis, coefficient }]]),
  rest: new Map(),
})

export const affineAdd = (a: Affine, b: Affine): Affine => {
  const terms = new Map(a.terms)
  for (const [id, t] of b.terms) {
    const coefficient = (terms.get(id)?.coefficient ?? 0) + t.coefficient
    if (coefficient === 0) terms.delete(id)
    else terms.set(id, { axis: t.axis, coefficient })
  }
  const rest = new Map(a.rest)
  for (const [e, c] of b.rest) {
    const sum = (rest.get(e) ?? 0) + c
    if (sum === 0) rest.delete(e)
    else rest.set(e, sum)
  }
  return joined({ constant: a.constant + b.constant, terms, rest })
}

/** `c·n·(x idiv n) + c·(x mod n) = c·x`: a place in chunks is a place. */
const joined = (a: Affine): Affine => {
  if (a.rest.size < 2) return a
  for (const [mod, c] of a.rest)
    for (const [quotient, d] of a.rest) {
      if (mod.op !== 'mod' || quotient.op !== 'idiv') continue
      const [n, m] = [mod.args[1]!, quotient.args[1]!]
      if (n.op !== 'const' || m.op !== 'const' || n.value !== m.value || d !== c * n.value) continue
      const x = affineOf(mod.args[0]!)
      if (!sameAffine(x, affineOf(quotient.args[0]!))) continue
      const rest = new Map([...a.rest].filter(([e]) => e !== mod && e !== quotient))
      return affineAdd({ ...a, rest }, affineScale(x, c))
    }
  return a
}

const sameAffine = (a: Affine, b: Affine): boolean =>
  a.constant === b.constant &&
  a.terms.size === b.terms.size &&
  a.rest.size === b.rest.size &&
  [...a.terms].every(([id, t]) => b.terms.get(id)?.coefficient === t.coefficient) &&
  [...a.rest].every(([e, c]) => b.rest.get(e) === c)

export const affineScale = (a: Affine, by: number): Affine =>
  by === 0
    ? affineConstant(0)
    : {
        constant: a.constant * by,
        terms: new Map(
          [...a.terms].map(([id, t]) => [id, { axis: t.axis, coefficient: t.coefficient * by }]),
        ),
        rest: new Map([...a.rest].map(([e, c]) => [e, c * by])),
      }

/** The least and the greatest value, where every term is an axis. */
export const affineRange = (a: Affine): readonly [number, number] | undefined => {
  if (a.rest.size > 0) return undefined
  let low = a.constant
  let high = a.constant
  for (const { axis, coefficient } of a.terms.values()) {
    const reach = coefficient * Math.max(0, axis.extent - 1)
    if (reach < 0) low += reach
    else high += reach
  }
  return [low, high]
}

export const coefficientOf = (a: Affine, axis: AxisId): number => a.terms.get(axis)?.coefficient ?? 0

/** Does the part that is not affine depend on the axis? */
export const restDependsOn = (a: Affine, axis: AxisId): boolean =>
  [...a.rest.keys()].some(e => postorder(e).some(x => x.op === 'index' && x.axis.id === axis))

/** `a = divisor · quotient + remainder` with the remainder known to lie in 0 … divisor - 1. */
const divide = (a: Affine, divisor: number): { quotient: Affine; remainder: Affine } | undefined => {
  if (divisor <= 0 || a.rest.size > 0) return undefined
  let quotient = affineConstant(Math.floor(a.constant / divisor))
  let remainder = affineConstant(a.constant - Math.floor(a.constant / divisor) * divisor)
  for (const { axis, coefficient } of a.terms.values()) {
    if (coefficient % divisor === 0) quotient = affineAdd(quotient, affineAxis(axis, coefficient / divisor))
    else remainder = affineAdd(remainder, affineAxis(axis, coefficient))
  }
  const range = affineRange(remainder)!
  return range[0] >= 0 && range[1] < divisor ? { quotient, remainder } : undefined
}

const constantOf = (a: Affine): number | undefined =>
  a.terms.size === 0 && a.rest.size === 0 ? a.constant : undefined

const memo = new WeakMap<Expr, Affine>()

/** The normal form of an integer expression. Divisions by a constant that come out even are taken apart. */
export const affineOf = (e: Expr): Affine => {
  const known = memo.get(e)
  if (known) return known
  const out = compute(e)
  memo.set(e, out)
  return out
}

const compute = (e: Expr): Affine => {
  const opaque = (): Affine => ({ constant: 0, terms: new Map(), rest: new Map([[e, 1]]) })
  if (e.dtype !== 'i32') return opaque()
  if (e.op === 'const') return affineConstant(e.value)
  if (e.op === 'index') return e.axis.extent === 1 ? affineConstant(0) : affineAxis(e.axis)
  const args = childrenOf(e)
  switch (e.op) {
    case 'add':
      return affineAdd(affineOf(args[0]!), affineOf(args[1]!))
    case 'sub':
      return affineAdd(affineOf(args[0]!), affineScale(affineOf(args[1]!), -1))
    case 'neg':
      return affineScale(affineOf(args[0]!), -1)
    case 'mul': {
      const a = affineOf(args[0]!)
      const b = affineOf(args[1]!)
      const ca = constantOf(a)
      const cb = constantOf(b)
      return cb !== undefined ? affineScale(a, cb) : ca !== undefined ? affineScale(b, ca) : opaque()
    }
    case 'idiv':
    case 'mod': {
      const divisor = constantOf(affineOf(args[1]!))
      const parts = divisor === undefined ? undefined : divide(affineOf(args[0]!), divisor)
      return parts === undefined ? opaque() : e.op === 'idiv' ? parts.quotient : parts.remainder
    }
    default:
      return opaque()
  }
}

/** The expression of a normal form; terms come in the order of `rank`, so that sums of slow axes can be hoisted. */
export const affineExpr = (a: Affine, rank: readonly AxisId[] = []): Expr => {
  const place = new Map(rank.map((id, i) => [id, i]))
  const terms = [...a.terms.values()].sort(
    (x, y) => (place.get(x.axis.id) ?? -1) - (place.get(y.axis.id) ?? -1) || x.axis.id - y.axis.id,
  )
  const scaled = (e: Expr, c: number): Expr => (c === 1 ? e : prim('mul', e, constant('i32', c)))
  const parts = [
    ...terms.filter(t => !place.has(t.axis.id)).map(t => scaled(index(t.axis), t.coefficient)),
    ...[...a.rest].map(([e, c]) => scaled(e, c)),
    ...(a.constant === 0 ? [] : [constant('i32', a.constant)]),
    ...terms.filter(t => place.has(t.axis.id)).map(t => scaled(index(t.axis), t.coefficient)),
  ]
  return parts.length === 0 ? constant('i32', 0) : parts.reduce((sum, p) => prim('add', sum, p))
}

/** Are two positions equal, whatever values axes have? Data is never compared. */
export const sameIndex = (a: Expr, b: Expr): boolean => {
  const x = affineOf(a)
  const y = affineOf(b)
  return (
    x.constant === y.constant &&
    x.rest.size === 0 &&
    y.rest.size === 0 &&
    x.terms.size === y.terms.size &&
    [...x.terms].every(([id, t]) => y.terms.get(id)?.coefficient === t.coefficient)
  )
}
