import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Affine,
  affineAxis,
  affineConstant,
  affineDifference,
  affineInterval,
  affineRange,
  affineRewriteRest,
  affineScale,
  affineSplit,
  affineSubstitute,
  affineSum,
  sameAffine,
} from '../../../compiler/affine/affine.js'
import { affineExpr, affineSides, orderedExpr } from '../../../compiler/affine/affine-expr.js'
import {
  affineAdd,
  affineOf,
  affineOfAnySize,
  neverOverflows,
  sameIndex,
} from '../../../compiler/affine/affine-of.js'
import { radixAxes, radixDigits } from '../../../compiler/affine/radix.js'
import { exactQuotient, solveFor } from '../../../compiler/affine/solve.js'
import { i32, index, mixedRadix, prim, read, substituteAxes } from '../../../compiler/ir/expr.js'
import { intervals } from '../../../compiler/ir/interval.js'
import type { Axis, Expr } from '../../../compiler/ir/ir.js'

const axes: readonly Axis[] = [1, 2, 3, 5, 8].map((extent, id) => ({ id, name: `a${id}`, extent }))
/** Data: two numbers that stand for what is read from tensors 0 and 1. */
const data: readonly Expr[] = [0, 1].map(node => read(node, 'i32', []))

/** The values of the axes, and of the data. */
interface Values {
  readonly at: readonly number[]
  readonly data: readonly number[]
}

const values: fc.Arbitrary<Values> = fc.record({
  at: fc.tuple(...axes.map(a => fc.nat(a.extent - 1))),
  data: fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 })),
})

/** The value of an expression over the integers: divisions round down, as in the IR. */
const valueAt = (e: Expr, v: Values): number => {
  if (e.op === 'const') return e.value
  if (e.op === 'index') return v.at[e.axis.id]!
  if (e.op === 'read') return v.data[e.node]!
  const [a, b] = e.args.map(x => valueAt(x, v)) as [number, number]
  switch (e.op) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'neg':
      return -a
    case 'mul':
      return a * b
    case 'idiv':
      return Math.floor(a / b)
    case 'mod':
      return a - Math.floor(a / b) * b
    case 'eq':
      return Number(a === b)
    case 'and':
      return Number(a !== 0 && b !== 0)
    default:
      throw new Error(e.op)
  }
}

const valueOfForm = (a: Affine, v: Values): number =>
  [...a.summands.values()].reduce((sum, s) => sum + s.coefficient * valueAt(s.atom, v), a.constant)

const small = fc.integer({ min: -9, max: 9 })
const { sum: sums } = fc.letrec<{ sum: Expr }>(tie => ({
  sum: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    small.map(i32),
    fc.constantFrom(...axes.map(index)),
    fc.constantFrom(...data),
    fc.tuple(tie('sum'), tie('sum')).map(([a, b]) => prim('add', a, b)),
    fc.tuple(tie('sum'), tie('sum')).map(([a, b]) => prim('sub', a, b)),
    tie('sum').map(a => prim('neg', a)),
    fc.tuple(tie('sum'), tie('sum')).map(([a, b]) => prim('mul', a, b)),
    fc.tuple(tie('sum'), fc.integer({ min: 1, max: 9 })).map(([a, n]) => prim('idiv', a, i32(n))),
    fc.tuple(tie('sum'), fc.integer({ min: 1, max: 9 })).map(([a, n]) => prim('mod', a, i32(n))),
  ),
}))

const axis = fc.constantFrom(...axes)
/** `-0` and `0` are one number here. */
const expectEqual = (a: number, b: number): void => {
  expect(a + 0).toBe(b + 0)
}

describe('normal forms', () => {
  test.each([
    ['of addresses', affineOf],
    ['for any sizes', affineOfAnySize],
  ])('%s have the value of the expression', (_, of) => {
    fc.assert(
      fc.property(sums, values, (e, v) => {
        expectEqual(valueOfForm(of(e), v), valueAt(e, v))
      }),
    )
  })

  test('add, subtract and scale as numbers do', () => {
    fc.assert(
      fc.property(sums, sums, small, values, (x, y, by, v) => {
        for (const of of [affineOf, affineOfAnySize]) {
          const [a, b] = [of(x), of(y)]
          const [p, q] = [valueAt(x, v), valueAt(y, v)]
          expectEqual(valueOfForm(affineSum(a, b), v), p + q)
          expectEqual(valueOfForm(affineAdd(a, b), v), p + q)
          expectEqual(valueOfForm(affineDifference(a, b), v), p - q)
          expectEqual(valueOfForm(affineScale(a, by), v), by * p)
        }
      }),
    )
  })

  test('an axis replaced in the form is the axis replaced in the expression', () => {
    fc.assert(
      fc.property(sums, axis, sums, values, (e, a, by, v) => {
        const of = new Map([[a.id, by]])
        const form = affineRewriteRest(affineOfAnySize(e), x => substituteAxes(x, of))
        const replaced = affineSubstitute(form, a.id, affineOfAnySize(by))
        expectEqual(valueOfForm(replaced, v), valueAt(substituteAxes(e, of), v))
      }),
    )
  })

  test('have no summand 0, and a difference of equal forms is 0', () => {
    fc.assert(
      fc.property(sums, e => {
        const form = affineOfAnySize(e)
        for (const s of form.summands.values()) expect(s.coefficient).not.toBe(0)
        expect(sameAffine(affineDifference(form, form), affineConstant(0))).toBe(true)
      }),
    )
  })
})

describe('printed forms', () => {
  test('have the value of the form', () => {
    fc.assert(
      fc.property(sums, fc.array(axis), values, (e, rank, v) => {
        const ids = [...new Set(rank.map(a => a.id))]
        expectEqual(valueAt(affineExpr(affineOf(e), ids), v), valueAt(e, v))
        expectEqual(valueAt(orderedExpr(affineOfAnySize(e)), v), valueAt(e, v))
        const { added, subtracted } = affineSides(affineOfAnySize(e))
        const sides = valueOfForm(added, v) - valueOfForm(subtracted, v)
        expectEqual(sides + affineOfAnySize(e).constant, valueAt(e, v))
      }),
    )
  })

  test('come in the order of mention, with the constant and what is subtracted behind', () => {
    const [, i, j] = axes.map(index) as [Expr, Expr, Expr]
    const e = prim('sub', prim('add', i32(3), prim('neg', j)), prim('mul', i, i32(-2)))
    expect(orderedExpr(affineOfAnySize(e))).toEqual(
      prim('add', prim('sub', prim('mul', i, i32(2)), j), i32(3)),
    )
  })
})

describe('views', () => {
  test('ranges contain all values, and are attained by sums of axes', () => {
    fc.assert(
      fc.property(sums, values, (e, v) => {
        const form = affineOf(e)
        const range = affineRange(form)
        const bounds = affineInterval(
          form,
          intervals(() => ({ lo: -50, hi: 50 })),
        )
        const value = valueAt(e, v)
        expect(bounds.lo <= value && value <= bounds.hi).toBe(true)
        if (range !== undefined) expect(range[0] <= value && value <= range[1]).toBe(true)
      }),
    )
  })

  test('a form is its quotient by n times n and a rest', () => {
    fc.assert(
      fc.property(sums, fc.integer({ min: 1, max: 9 }), values, (e, n, v) => {
        const form = affineOfAnySize(e)
        const { quotient, rest } = affineSplit(form, n)
        expectEqual(valueOfForm(quotient, v) * n + valueOfForm(rest, v), valueAt(e, v))
        expect(rest.constant >= 0 && rest.constant < n).toBe(true)
        expect(sameAffine(affineSum(affineScale(quotient, n), rest), form)).toBe(true)
      }),
    )
  })

  test('digits of a mixed-radix number are its parts, and its axes are found again', () => {
    const some = fc.subarray([...axes], { minLength: 1 })
    fc.assert(
      fc.property(some, values, (digits, v) => {
        const extents = digits.map(a => a.extent)
        const number = mixedRadix(digits.map(index), extents)
        const back = radixDigits(number, extents)
        back.forEach((d, k) => {
          expectEqual(valueAt(d, v), v.at[digits[k]!.id]!)
        })
        const wide = digits.filter(a => a.extent > 1)
        const total = extents.reduce((a, b) => a * b, 1)
        const found = radixAxes(affineOfAnySize(number), total)
        expect(found?.filter(a => a.extent > 1)).toEqual(wide)
        expect(radixAxes(affineOfAnySize(number), total + 1)).toBeUndefined()
      }),
    )
  })

  test('an axis solves the equation it was solved from, where the division comes out even', () => {
    fc.assert(
      fc.property(sums, axis, values, (e, a, v) => {
        const target = valueAt(e, v)
        const form = affineDifference(affineOfAnySize(e), affineConstant(target))
        const equation = solveFor(form, a)
        if (equation === undefined) return
        const { value, conditions } = exactQuotient(orderedExpr(equation.numerator), equation.size)
        for (const c of conditions) expect(valueAt(c, v)).toBe(1)
        expectEqual(valueAt(value, v), v.at[a.id]!)
      }),
    )
  })

  test('an axis inside a division is not solved for', () => {
    const a = axes[3]!
    expect(
      solveFor(affineOfAnySize(prim('add', index(a), prim('idiv', index(a), i32(2)))), a),
    ).toBeUndefined()
    expect(solveFor(affineConstant(1), a)).toBeUndefined()
  })
})

describe('addresses', () => {
  const [one, two, , , eight] = axes as [Axis, Axis, Axis, Axis, Axis]

  test('an axis of extent 1 is 0, but not where sizes are open', () => {
    expect(affineOf(index(one)).summands.size).toBe(0)
    expect(sameAffine(affineOfAnySize(index(one)), affineAxis(one))).toBe(true)
  })

  test('divisions that come out even are done, and chunks are joined', () => {
    const flat = prim('add', prim('mul', index(two), i32(8)), index(eight))
    expect(sameIndex(prim('idiv', flat, i32(8)), index(two))).toBe(true)
    expect(sameIndex(prim('mod', flat, i32(8)), index(eight))).toBe(true)
    expect(affineOfAnySize(prim('mod', flat, i32(8))).rest.size).toBe(1)
    const x = index(eight)
    const chunks = prim('add', prim('mul', prim('idiv', x, i32(3)), i32(3)), prim('mod', x, i32(3)))
    expect(sameIndex(chunks, x)).toBe(true)
  })

  test('sums that leave i32 are told', () => {
    const interval = intervals()
    const far = prim('mul', index(eight), i32(2 ** 29))
    expect(neverOverflows(prim('add', index(two), i32(1)), interval)).toBe(true)
    expect(neverOverflows(far, interval)).toBe(false)
    expect(neverOverflows(prim('sub', prim('add', far, i32(1)), far), interval)).toBe(false)
  })
})
