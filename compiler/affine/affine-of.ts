import { childrenOf } from '../ir/expr.js'
import type { Interval } from '../ir/interval.js'
import type { Expr } from '../ir/ir.js'
import {
  type Affine,
  affineAtom,
  affineConstant,
  affineConstantOf,
  affineInterval,
  affineRange,
  affineScale,
  affineSplit,
  affineSum,
  sameAffine,
} from './affine.js'

/** The choices of a normaliser beyond sums, differences and constant multiples. */
interface Normaliser {
  readonly of: (e: Expr) => Affine
  readonly add: (a: Affine, b: Affine) => Affine
  /** The form of an index variable. */
  readonly index: (e: Extract<Expr, { op: 'index' }>) => Affine
  /** The form of a quotient or a remainder by a constant, where it has one. */
  readonly divide: (op: 'idiv' | 'mod', a: Affine, divisor: number) => Affine | undefined
}

const normalise = (e: Expr, { of, add, index, divide }: Normaliser): Affine => {
  if (e.dtype !== 'i32') return affineAtom(e)
  if (e.op === 'const') return affineConstant(e.value)
  if (e.op === 'index') return index(e)
  const args = childrenOf(e)
  switch (e.op) {
    case 'add':
      return add(of(args[0]!), of(args[1]!))
    case 'sub':
      return add(of(args[0]!), affineScale(of(args[1]!), -1))
    case 'neg':
      return affineScale(of(args[0]!), -1)
    case 'mul': {
      const [a, b] = [of(args[0]!), of(args[1]!)]
      const [ca, cb] = [affineConstantOf(a), affineConstantOf(b)]
      return cb !== undefined ? affineScale(a, cb) : ca !== undefined ? affineScale(b, ca) : affineAtom(e)
    }
    case 'idiv':
    case 'mod': {
      const divisor = affineConstantOf(of(args[1]!))
      return (divisor === undefined ? undefined : divide(e.op, of(args[0]!), divisor)) ?? affineAtom(e)
    }
    default:
      return affineAtom(e)
  }
}

/** Forms are kept by the identity of expressions, which never change. */
const remembering = (compute: (e: Expr) => Affine): ((e: Expr) => Affine) => {
  const memo = new WeakMap<Expr, Affine>()
  return e => {
    const known = memo.get(e)
    if (known !== undefined) return known
    const out = compute(e)
    memo.set(e, out)
    return out
  }
}

/**
 * The normal form of an address: of an i32 expression that never overflows. It makes use of how far axes
 * reach: an axis of extent 1 is 0, and divisions by a constant that come out even are done. Positions
 * outside of a region only, whose iterations have to be named even if there is one.
 */
export const affineOf: (e: Expr) => Affine = remembering(e =>
  normalise(e, {
    of: affineOf,
    add: affineAdd,
    index: x => (x.axis.extent === 1 ? affineConstant(0) : affineAtom(x)),
    divide: (op, a, divisor) => {
      const parts = divideEvenly(a, divisor)
      return op === 'idiv' ? parts?.quotient : parts?.rest
    },
  }),
)

/**
 * The normal form of an i32 expression whatever the extents of its axes are. It is equal to the expression
 * modulo 2³², and over the integers where the expression {@link neverOverflows}.
 */
export const affineOfAnySize: (e: Expr) => Affine = remembering(e =>
  normalise(e, { of: affineOfAnySize, add: affineSum, index: affineAtom, divide: () => undefined }),
)

/** `a / n` and `a mod n`, where the remainder is known to lie from 0 to n - 1. */
const divideEvenly = (a: Affine, n: number): { quotient: Affine; rest: Affine } | undefined => {
  if (n <= 0 || a.rest.size > 0) return undefined
  const parts = affineSplit(a, n)
  const [low, high] = affineRange(parts.rest)!
  return low >= 0 && high < n ? parts : undefined
}

/**
 * The sum of two addresses, in which `c·n·(x idiv n) + c·(x mod n)` is `c·x`: a place in chunks is a place.
 */
export function affineAdd(a: Affine, b: Affine): Affine {
  const sum = affineSum(a, b)
  if (sum.rest.size < 2) return sum
  for (const [mod, c] of sum.rest)
    for (const [quotient, d] of sum.rest) {
      if (mod.op !== 'mod' || quotient.op !== 'idiv') continue
      const [n, m] = [mod.args[1]!, quotient.args[1]!]
      if (n.op !== 'const' || m.op !== 'const' || n.value !== m.value || d !== c * n.value) continue
      const x = affineOf(mod.args[0]!)
      if (!sameAffine(x, affineOf(quotient.args[0]!))) continue
      const others = affineSum(sum, affineSum(affineAtom(mod, -c), affineAtom(quotient, -d)))
      return affineAdd(others, affineScale(x, c))
    }
  return sum
}

/** Whether two positions are equal, whatever values axes have. Data is never compared. */
export const sameIndex = (a: Expr, b: Expr): boolean => {
  const x = affineOf(a)
  return x.rest.size === 0 && sameAffine(x, affineOf(b))
}

/** One more than the greatest i32. */
const limit = 2 ** 31

/**
 * Whether no partial sum of the expression leaves the range of i32, so that its form holds over the
 * integers. `interval` bounds what is no sum.
 */
export const neverOverflows = (e: Expr, interval: (e: Expr) => Interval): boolean => {
  if (e.op !== 'add' && e.op !== 'sub' && e.op !== 'neg' && e.op !== 'mul') return true
  const form = affineOfAnySize(e)
  if (e.op === 'mul' && form.summands.has(e)) return true
  const { lo, hi } = affineInterval(form, interval)
  return lo >= -limit && hi < limit && e.args.every(a => neverOverflows(a, interval))
}
