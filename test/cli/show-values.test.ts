import { expect, test } from 'vitest'
import { showNumber } from '../../src/cli/show-values.js'

test('numbers print so that they read back', () => {
  expect(showNumber(1999999999, 'i32')).toBe('1999999999')
  expect(showNumber(4294967295, 'u32')).toBe('4294967295')
  expect(showNumber(Math.fround(0.1))).toBe('0.1')
  expect(showNumber(16777215)).toBe('16777215')
  for (const x of [1 / 3, 1e-30, 123456.789, 16777217, 3.4028234e38, 1.00000012])
    expect(Math.fround(Number(showNumber(Math.fround(x))))).toBe(Math.fround(x))
})
