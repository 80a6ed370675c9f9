import { type Bound, decideBy } from '../affine/bound.js'
import { axesOf, childrenOf, type ReadExpr } from '../ir/expr.js'
import type { AxisId, Expr } from '../ir/ir.js'
import { prims } from '../ir/prims.js'

/** A value that a body has wherever a bound does not hold. */
export interface ValueOutside {
  readonly value: number
  /**
   * The axes of numbers that are taken to be more than `-∞` because `-∞` met them. The greatest number of a
   * row is, if the row has a position inside the bound.
   */
  readonly rows?: ReadonlySet<AxisId>
}

const known = (value: number, ...parts: readonly (ValueOutside | undefined)[]): ValueOutside => {
  const assumed = parts.flatMap(p => p?.rows ?? [])
  return assumed.length === 0 ? { value } : { value, rows: new Set(assumed.flatMap(r => [...r])) }
}

/** `-∞` plus or minus a number that is not known. */
const lowest = (infinity: ValueOutside, other: Expr): ValueOutside =>
  known(infinity.value, infinity, { value: 0, rows: new Set(axesOf(other).keys()) })

/** An operation on numbers of which some are known. */
const applied = (
  e: Extract<Expr, { args: readonly Expr[] }>,
  args: readonly (ValueOutside | undefined)[],
): ValueOutside | undefined => {
  const [a, b, c] = args
  const zero = args.find(x => x?.value === 0)
  switch (e.op) {
    case 'select':
      if (a !== undefined) return a.value !== 0 ? b && known(b.value, a, b) : c && known(c.value, a, c)
      return b !== undefined && b.value === c?.value ? known(b.value, b, c) : undefined
    case 'and':
    case 'mul':
      if (zero !== undefined) return known(0, zero)
      break
    case 'or': {
      const one = args.find(x => x?.value === 1)
      if (one !== undefined) return known(1, one)
      break
    }
    case 'div':
      if (a?.value === 0) return known(0, a)
      break
    case 'add':
      if (a?.value === Number.NEGATIVE_INFINITY && b === undefined) return lowest(a, e.args[1]!)
      if (b?.value === Number.NEGATIVE_INFINITY && a === undefined) return lowest(b, e.args[0]!)
      break
    case 'sub':
      if (a?.value === Number.NEGATIVE_INFINITY && b === undefined) return lowest(a, e.args[1]!)
      break
  }
  if (args.some(x => x === undefined)) return undefined
  const numbers = args.map(x => x!.value)
  const value = prims[e.op].evaluate(
    numbers,
    e.dtype,
    e.args.map(x => x.dtype),
  )
  return known(value, ...args)
}

/**
 * The number that an expression is wherever a bound does not hold, if it is one number. All other numbers are
 * taken to be finite, so that 0 times anything is 0. `readOutside` gives what a read is there.
 */
export const valueOutside = (
  root: Expr,
  bound: Bound,
  readOutside: (r: ReadExpr) => ValueOutside | undefined,
): ValueOutside | undefined => {
  const memo = new Map<Expr, ValueOutside | undefined>()
  const go = (e: Expr): ValueOutside | undefined => {
    if (memo.has(e)) return memo.get(e)
    const out = of(e)
    memo.set(e, out)
    return out
  }
  const of = (e: Expr): ValueOutside | undefined => {
    if (e.op === 'const') return known(e.value)
    if (e.op === 'index') return undefined
    if (e.op === 'read') return readOutside(e)
    const decided = e.dtype === 'bool' ? decideBy(bound, false, e) : undefined
    if (decided !== undefined) return known(decided ? 1 : 0)
    return applied(e, childrenOf(e).map(go))
  }
  return go(root)
}
