import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { checkText, codesOf } from './support.js'

describe('a size is a natural number', () => {
  test.each([
    [
      'a call that needs more than there is',
      'fn third(x: f32[N + 3]) -> f32 = x[2]\nfn f(x: f32[M]) -> f32 = third(x)',
    ],
    ['a range', 'fn f(x: f32) -> f32 = sum i: -1 -> x'],
    ['a range less than a size', 'fn f(x: f32[N]) -> f32[N] = for i: N - 1 -> 1'],
    ['an axis', 'fn f(x: f32[-3]) -> f32 = 1'],
    ['an axis of a parameter', 'fn f(x: f32[N], y: f32[N - 1]) -> f32 = 1'],
    ['the bound of an index', 'fn f(x: f32[N], i: idx[N - 1]) -> f32 = 1'],
    ['a record', 'record R { a: f32[N] }\nfn f(x: f32[M], r: R(N = M - 3)) -> f32 = 1'],
    ['a field', 'record R { a: f32[N], b: f32[N - 1] }'],
    ['a definition', 'size B\nsize A = B - 1'],
    ['a fold', 'fn f(x: f32[N]) -> f32 = fold s = 0.0 for i: N - 1 -> s'],
    ['a local function', 'fn f(x: f32[N]) -> f32 = let g = (y: f32[N - 1]) -> 1.0 g(for i: 3 -> 1.0)'],
    ['an array of records', 'record R { a: f32 }\nfn f(r: R[N - 1]) -> f32 = 1'],
    ['a type of functions', 'fn f(g: (f32[N - 1]) -> f32, x: f32[N]) -> f32 = 1'],
  ])('%s', (_, program) => {
    expect([...new Set(codesOf(program))]).toEqual(['E0315'])
  })

  test('of which a call says what it needs', () => {
    const checked = checkText('fn third(x: f32[N + 3]) -> f32 = x[2]\nfn f(x: f32[M]) -> f32 = third(x)')
    const [d] = Either.isLeft(checked) ? checked.left : []
    expect(d?.title).toBe('the size `N` of `third` would be M - 3, which may be negative')
    expect(d?.labels[0]?.text).toBe('M must be at least 3 here')
  })

  test('and may be a difference that is none', () => {
    expect(
      codesOf(`fn third(x: f32[N + 3]) -> f32 = x[2]
fn f(x: f32[M + 4]) -> f32 = third(x)
fn g(x: f32[M + 1]) -> f32[M] = for i: (M + 1) - 1 -> 1
size A = B - 1
size B = C + 1
size C
fn h(x: f32[A]) -> f32 = sum i -> x[i]
fn k(x: f32[2 * M]) -> f32 = sum i: 2, j -> x[(i, j)]`),
    ).toEqual([])
  })
})

describe('the normal form of a size is bounded', () => {
  test.each([
    [
      'definitions',
      `size A0\n${Array.from({ length: 30 }, (_, i) => `size A${i + 1} = A${i} * A${i}`).join('\n')}`,
    ],
    [
      'calls',
      'fn f(x: f32[N]) -> f32[N * N] = for (i: N, j: N) -> x[i]\n' +
        `fn g(x: f32[N]) -> f32 = sum i -> (${'f('.repeat(30)}x${')'.repeat(30)})[i]`,
    ],
    [
      'a sum to a power',
      `fn f(x: f32[${Array.from({ length: 12 }, () => '(A + B + C + D + E)').join(' * ')}]) -> f32 = 1`,
    ],
    ['a coefficient', `fn f(x: f32[${Array.from({ length: 20 }, () => '1000').join(' * ')} * N]) -> f32 = 1`],
  ])('in %s', (_, program) => {
    expect(codesOf(program)).toContain('E0304')
  })
})

describe('only functions are called', () => {
  test.each([
    ['a size', 'fn f(x: f32[N]) -> f32[N] = N(x)', 'E0337'],
    ['a size that is a result', 'fn f(x: f32[N]) -> i32 = N(x)', 'E0337'],
    ['a declared size', 'size H\nfn f(x: f32[H]) -> bool = H(x, 1)', 'E0337'],
    ['what `stop` gives', 'fn f(x: f32) -> f32 = stop(y -> y * y)(x)', 'E0332'],
    ['a number', 'fn f(x: f32) -> f32 = 2(x)', 'E0337'],
    ['a key', 'fn f(k: key) -> f32 = k(1)', 'E0337'],
  ])('%s', (_, program, code) => {
    expect(codesOf(program)).toEqual([code])
  })
})
