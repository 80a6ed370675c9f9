import { describe, expect, it } from 'vitest'
import { markdownTable, plainTable, three } from '../../src/bench/table.js'
import { medianOf, pairedRatios, spreadOf } from '../../src/measure/statistics.js'

describe('medians and ratios', () => {
  it('the median is the middle, or between the two in the middle, in any order', () => {
    expect(medianOf([5, 1, 9])).toBe(5)
    expect(medianOf([10, 2, 4, 1])).toBe(3)
    expect(medianOf([7])).toBe(7)
    expect(medianOf([])).toBeNaN()
  })

  it('a spread has both ends', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 })
  })

  it('ratios are of the same round: a disturbance that strikes both leaves them as they were', () => {
    expect(pairedRatios([2, 20, 2], [1, 10, 1])).toEqual({ median: 2, least: 2, most: 2 })
    expect(() => pairedRatios([1], [1, 2])).toThrow(/no pairs/)
  })
})

describe('the table', () => {
  const table = {
    columns: [{ head: 'kernel' }, { head: 'ms', numbers: true }, { head: 'note' }],
    rows: [
      ['product', '1.25', ''],
      ['A·Bᵀ', '100', 'fine'],
    ],
  } as const

  it('aligns words left and numbers right, and ends no line with blanks', () => {
    expect(plainTable(table)).toBe('kernel     ms  note\nproduct  1.25\nA·Bᵀ      100  fine')
  })

  it('is the same in Markdown, where a bar is no end of a cell', () => {
    expect(markdownTable(table)).toBe(
      '| kernel | ms | note |\n| --- | ---: | --- |\n| product | 1.25 |  |\n| A·Bᵀ | 100 | fine |',
    )
    expect(markdownTable({ columns: [{ head: 'a' }], rows: [['x | y']] })).toMatch(/x \\\| y/)
  })

  it('numbers have three digits and no powers of ten', () => {
    expect([1234.5, 123.4, 12.34, 1.234, 0.001234, Number.NaN].map(three)).toEqual([
      '1235',
      '123',
      '12.3',
      '1.23',
      '0.00',
      '–',
    ])
  })
})
