import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Size } from '../../../compiler/core/size.js'
import {
  addSizes,
  asConstantSize,
  divideSizes,
  evaluateSize,
  isPositiveSize,
  linearSizeIn,
  multiplySizes,
  sameSize,
  sizeConstant,
  sizeName,
  sizeNamesIn,
  sizeText,
  substituteSizes,
  subtractSizes,
} from '../../../compiler/core/size.js'

const letters = ['A', 'B', 'C']
const poly: fc.Arbitrary<Size> = fc.letrec<{ poly: Size }>(tie => ({
  poly: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: -4, max: 4 }).map(sizeConstant),
    fc.constantFrom(...letters).map(sizeName),
    fc.tuple(tie('poly'), tie('poly')).map(([a, b]) => addSizes(a, b)),
    fc.tuple(tie('poly'), tie('poly')).map(([a, b]) => subtractSizes(a, b)),
    fc.tuple(tie('poly'), tie('poly')).map(([a, b]) => multiplySizes(a, b)),
  ),
})).poly
const point = fc
  .tuple(fc.nat(9), fc.nat(9), fc.nat(9))
  .map(values => new Map(letters.map((n, i) => [n, values[i]!] as const)))

test('the operations are those of numbers', () => {
  fc.assert(
    fc.property(poly, poly, point, (a, b, at) => {
      expect(evaluateSize(addSizes(a, b), at) === evaluateSize(a, at) + evaluateSize(b, at)).toBe(true)
      expect(evaluateSize(subtractSizes(a, b), at) === evaluateSize(a, at) - evaluateSize(b, at)).toBe(true)
      expect(evaluateSize(multiplySizes(a, b), at) === evaluateSize(a, at) * evaluateSize(b, at)).toBe(true)
    }),
  )
})

test('equal polynomials have one normal form, whatever the order of the arithmetic', () => {
  fc.assert(
    fc.property(poly, poly, poly, (a, b, c) => {
      expect(
        sameSize(multiplySizes(a, addSizes(b, c)), addSizes(multiplySizes(c, a), multiplySizes(b, a))),
      ).toBe(true)
      expect(sameSize(subtractSizes(a, a), sizeConstant(0))).toBe(true)
      expect(asConstantSize(subtractSizes(addSizes(a, sizeConstant(3)), a))).toBe(3)
    }),
  )
})

test('a product divides by each of its factors', () => {
  fc.assert(
    fc.property(poly, poly, (a, b) => {
      fc.pre(b.terms.size > 0)
      expect(sameSize(divideSizes(multiplySizes(a, b), b)!, a)).toBe(true)
    }),
  )
})

test('division is exact or refused', () => {
  fc.assert(
    fc.property(poly, poly, (a, b) => {
      const quotient = divideSizes(a, b)
      if (quotient !== undefined) expect(sameSize(multiplySizes(quotient, b), a)).toBe(true)
    }),
  )
  expect(divideSizes(sizeName('A'), sizeName('B'))).toBeUndefined()
  expect(divideSizes(addSizes(sizeName('A'), sizeConstant(1)), sizeConstant(2))).toBeUndefined()
  expect(divideSizes(sizeName('A'), sizeConstant(0))).toBeUndefined()
})

test('what is linear in a name is put together again from its parts', () => {
  fc.assert(
    fc.property(poly, a => {
      const parts = linearSizeIn(a, 'A')
      if (parts === undefined) return
      expect(sameSize(addSizes(multiplySizes(parts.coefficient, sizeName('A')), parts.rest), a)).toBe(true)
      expect(sizeNamesIn(parts.coefficient)).not.toContain('A')
      expect(sizeNamesIn(parts.rest)).not.toContain('A')
    }),
  )
  expect(linearSizeIn(multiplySizes(sizeName('A'), sizeName('A')), 'A')).toBeUndefined()
})

test('substitution and evaluation commute', () => {
  fc.assert(
    fc.property(poly, poly, point, (a, b, at) => {
      const inner = new Map(at).set('A', evaluateSize(b, at))
      expect(
        evaluateSize(
          substituteSizes(a, n => (n === 'A' ? b : undefined)),
          at,
        ),
      ).toBe(evaluateSize(a, inner))
    }),
  )
})

test('what is called positive is at least 1 everywhere', () => {
  fc.assert(
    fc.property(poly, point, (a, at) => {
      if (isPositiveSize(a)) expect(evaluateSize(a, at)).toBeGreaterThanOrEqual(1)
    }),
  )
  expect(isPositiveSize(addSizes(sizeName('A'), sizeConstant(1)))).toBe(true)
  expect(isPositiveSize(sizeName('A'))).toBe(false)
})

test('sizes are shown as they are written', () => {
  expect(sizeText(addSizes(multiplySizes(sizeConstant(2), sizeName('R')), sizeConstant(1)))).toBe('2 * R + 1')
  expect(sizeText(subtractSizes(sizeName('T'), sizeConstant(1)))).toBe('T - 1')
  expect(sizeText(sizeConstant(0))).toBe('0')
})
