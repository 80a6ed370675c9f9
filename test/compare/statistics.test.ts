import { describe, expect, it } from 'vitest'
import { intervalOf, meanAgreement, studentQuantile } from '../../src/compare/statistics.js'

describe('intervals', () => {
  // From printed tables of Student's t at 0.975.
  it.each([
    [1, 12.7062],
    [2, 4.30265],
    [3, 3.18245],
    [4, 2.77645],
    [9, 2.26216],
    [29, 2.04523],
    [120, 1.97993],
  ])('Student’s t with %i degrees of freedom', (df, wanted) => {
    expect(studentQuantile(0.975, df)).toBeCloseTo(wanted, 4)
  })

  it('the mean of five values, with t·s/√n on either side', () => {
    // s² = 2.5, so t·s/√5 = 2.77645 · 0.707107.
    const interval = intervalOf([1, 2, 3, 4, 5])!
    expect(interval.mean).toBe(3)
    expect(interval.high - 3).toBeCloseTo(1.96324, 4)
    expect(3 - interval.low).toBeCloseTo(1.96324, 4)
    expect(interval.count).toBe(5)
  })

  it('one value has none', () => {
    expect(intervalOf([1])).toBeUndefined()
    expect(intervalOf([])).toBeUndefined()
  })
})

describe('the agreement of sets', () => {
  it('is the mean Jaccard index of all pairs', () => {
    // 1/3, 0 and 0.
    expect(meanAgreement([new Set([1, 2]), new Set([2, 3]), new Set([4])])).toBeCloseTo(1 / 9, 12)
    expect(meanAgreement([new Set(), new Set()])).toBe(1)
    expect(meanAgreement([new Set([1])])).toBeUndefined()
  })
})
