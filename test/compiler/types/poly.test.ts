import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Poly } from '../../../compiler/core/poly.js'
import {
  add,
  asConstant,
  constant,
  divide,
  equals,
  evaluate,
  isPositive,
  linearIn,
  mul,
  name,
  namesOf,
  show,
  sub,
  substitute,
} from '../../../compiler/core/poly.js'

const letters = ['A', 'B', 'C']
const poly: fc.Arbitrary<Poly> = fc.letrec<{ poly: Poly }>(tie => ({
  poly: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: -4, max: 4 }).map(constant),
    fc.constantFrom(...letters).map(name),
    fc.tuple(tie('poly'), tie('poly')).map(([a, b]) => add(a, b)),
    fc.tuple(tie('poly'), tie('poly')).map(([a, b]) => sub(a, b)),
    fc.tuple(tie('poly'), tie('poly')).map(([a, b]) => mul(a, b)),
  ),
})).poly
const point = fc
  .tuple(fc.nat(9), fc.nat(9), fc.nat(9))
  .map(values => new Map(letters.map((n, i) => [n, values[i]!] as const)))

test('the operations are those of numbers', () => {
  fc.assert(
    fc.property(poly, poly, point, (a, b, at) => {
      expect(evaluate(add(a, b), at) === evaluate(a, at) + evaluate(b, at)).toBe(true)
      expect(evaluate(sub(a, b), at) === evaluate(a, at) - evaluate(b, at)).toBe(true)
      expect(evaluate(mul(a, b), at) === evaluate(a, at) * evaluate(b, at)).toBe(true)
    }),
  )
})

test('equal polynomials have one normal form, whatever the order of the arithmetic', () => {
  fc.assert(
    fc.property(poly, poly, poly, (a, b, c) => {
      expect(equals(mul(a, add(b, c)), add(mul(c, a), mul(b, a)))).toBe(true)
      expect(equals(sub(a, a), constant(0))).toBe(true)
      expect(asConstant(sub(add(a, constant(3)), a))).toBe(3)
    }),
  )
})

test('a product divides by each of its factors', () => {
  fc.assert(
    fc.property(poly, poly, (a, b) => {
      fc.pre(b.terms.size > 0)
      expect(equals(divide(mul(a, b), b)!, a)).toBe(true)
    }),
  )
})

test('division is exact or refused', () => {
  fc.assert(
    fc.property(poly, poly, (a, b) => {
      const quotient = divide(a, b)
      if (quotient !== undefined) expect(equals(mul(quotient, b), a)).toBe(true)
    }),
  )
  expect(divide(name('A'), name('B'))).toBeUndefined()
  expect(divide(add(name('A'), constant(1)), constant(2))).toBeUndefined()
  expect(divide(name('A'), constant(0))).toBeUndefined()
})

test('what is linear in a name is put together again from its parts', () => {
  fc.assert(
    fc.property(poly, a => {
      const parts = linearIn(a, 'A')
      if (parts === undefined) return
      expect(equals(add(mul(parts.coefficient, name('A')), parts.rest), a)).toBe(true)
      expect(namesOf(parts.coefficient)).not.toContain('A')
      expect(namesOf(parts.rest)).not.toContain('A')
    }),
  )
  expect(linearIn(mul(name('A'), name('A')), 'A')).toBeUndefined()
})

test('substitution and evaluation commute', () => {
  fc.assert(
    fc.property(poly, poly, point, (a, b, at) => {
      const inner = new Map(at).set('A', evaluate(b, at))
      expect(
        evaluate(
          substitute(a, n => (n === 'A' ? b : undefined)),
          at,
        ),
      ).toBe(evaluate(a, inner))
    }),
  )
})

test('what is called positive is at least 1 everywhere', () => {
  fc.assert(
    fc.property(poly, point, (a, at) => {
      if (isPositive(a)) expect(evaluate(a, at)).toBeGreaterThanOrEqual(1)
    }),
  )
  expect(isPositive(add(name('A'), constant(1)))).toBe(true)
  expect(isPositive(name('A'))).toBe(false)
})

test('sizes are shown as they are written', () => {
  expect(show(add(mul(constant(2), name('R')), constant(1)))).toBe('2 * R + 1')
  expect(show(sub(name('T'), constant(1)))).toBe('T - 1')
  expect(show(constant(0))).toBe('0')
})
