import { describe, expect, test } from 'vitest'
import { codesOf } from './support.js'

describe('a written number is one of its type', () => {
  test('at the ends of each', () => {
    expect(
      codesOf(`fn a(x: f32) -> i32 = -2147483648 + 2147483647
fn b(x: f32) -> u32 = 4294967295
fn c(x: f32) -> f32 = 3.4e38 - inf
fn d(x: f32) -> f32 = 4294967296`),
    ).toEqual([])
  })

  test.each([
    'fn b22(x: f32) -> i32 = 2147483648',
    'fn b23(x: f32) -> u32 = -1',
    'fn b25(x: f32) -> u32 = 4294967296',
    'const c: i32 = 2147483648',
    'fn b27(x: f32[N]) -> f32 = x.at(3000000000, else: 0)',
    'fn b28(x: f32) -> key = key(3000000000)',
    'fn f(x: f32) -> i32 = -2147483649',
    'fn f(n: i32) -> bool = n < 2147483648',
  ])('%s', program => {
    expect(codesOf(program)).toEqual(['E0360'])
  })

  test('no number is beyond what f32 holds', () => {
    expect(codesOf('fn b24(x: f32) -> f32 = 4e38')).toEqual(['E0102'])
  })
})
