import { describe, expect, test } from 'vitest'
import { codesOf } from './support.js'

const helpers = `record S { k: key, x: f32[N] }
record P { k: key }
fn d(x: f32, k: key = key(7)) -> f32 = x + uniform(k, 0)
fn twice(f: (f32) -> f32, x: f32) -> f32 = f(f(x))
fn each(f: (idx[N]) -> f32, x: f32[N]) -> f32[N] = for i: N -> f(i)
fn noise(k: key, x: f32[N]) -> f32[N] = for i -> x[i] + normal(k, i)
fn draw(s: S) -> f32 = uniform(s.k, 0)
`

describe('a key is used once', () => {
  test('on each path, at positions or by keys that differ from turn to turn', () => {
    expect(
      codesOf(`record S { k: key, x: f32[N] }
fn a1(k: key, b: bool) -> f32 = if b then uniform(k, 0) else normal(k, 0)
fn a2(k: key, n: f32[N]) -> f32[N] = for i: N -> uniform(k, i)
fn a3(s: S) -> f32 = uniform(s.k, 0) + sum i -> s.x[i]
fn a4(k: key, n: f32[N]) -> f32 = fold s = 0.0 for t: N -> s + uniform(k, t)
fn a5(k: key, n: f32[N]) -> f32 = fold s = 0.0 for t: N -> s + uniform(fold_in(k, t), 0)
fn a6(k: key, n: f32[N]) -> f32 =
  let (s, q) = fold (s, q) = (0.0, k) for t: N ->
    let (a, b) = split(q)
    (s + uniform(a, 0), b)
  s
fn noise(k: key, x: f32[N]) -> f32[N] = for i -> x[i] + normal(k, i)
fn a7(k: key, x: f32[M, N]) -> f32[M, N] = for m -> noise(fold_in(k, m), x[m])
fn twice(f: (f32) -> f32, x: f32) -> f32 = f(f(x))
fn once(f: (f32) -> f32, x: f32) -> f32 = f(x)
fn a8(k: key) -> f32 = once(x -> x + uniform(k, 0), 1)
fn each(f: (idx[N]) -> f32, x: f32[N]) -> f32[N] = for i: N -> f(i)
fn a9(k: key, x: f32[N]) -> f32[N] = each(i -> uniform(k, i), x)
fn a10(k: key) -> f32 = grad(x -> x * uniform(k, 0))(1.0)
fn a11(k: key, x: f32[N]) -> f32[N] = for i: N ->
    let (a, b) = split(k)
    uniform(a, i) + uniform(b, i)
fn a12(x: f32[N]) -> f32[N] = for i -> x[i] * uniform(key(7), i)
fn d(x: f32, k: key = key(7)) -> f32 = x + uniform(k, 0)
fn a13(x: f32) -> f32 = d(x)
fn a14(x: f32) -> f32 = d(x, key(1)) + d(x, key(2))
fn un(k: key, x: f32) -> f32 = x
fn a15(k: key) -> f32 = un(k, 1) + un(k, 2) + uniform(k, 0)
fn a16(k: key, x: f32[T, D]) -> f32[T, D] = for t -> let keep = uniform(k, t) for d -> x[t, d] * keep
fn a17(k: key) -> f32 = let f = i -> uniform(k, i)  f(0) + f(1)
`),
    ).toEqual([])
  })

  test.each([
    'fn b1(s: S) -> f32 = uniform(s.k, 0) + uniform(s.k, 1)',
    'fn b2(s: S) -> f32 = draw(s) + draw(s)',
    'fn b3(s: S) -> f32 = draw(s) + uniform(s.k, 1)',
    'fn b4(x: f32) -> f32 = d(x) + d(x)',
    'fn b5(x: f32) -> f32 = uniform(key(7), 0) + uniform(key(7), 1)',
    'fn b6(k: key) -> f32 = let f = x -> x + uniform(k, 0)  f(1.0) + f(2.0)',
    'fn b7(k: key, x: f32[N]) -> f32 = fold s = 0.0 for i -> s + x[i] * uniform(k, 0)',
    'fn b8(k: key, x: f32[N]) -> f32[N] = for i -> x[i] * uniform(k, 0)',
    'fn b9(k: key, x: f32[N, M]) -> f32[N, M] = for i -> noise(k, x[i])',
    'fn b10(k: key) -> f32 = twice(x -> x + uniform(k, 0), 1)',
    'fn b11(k: key, x: f32[N]) -> f32[N] = each(i -> uniform(k, 0), x)',
    'fn b12(k: key, x: f32[N]) -> f32[N] = map(a -> a + uniform(k, 0), x)',
    'fn b13(ps: P[3]) -> f32 = uniform(ps[0].k, 0) + uniform(ps[0].k, 1)',
    'fn b14(k: key) -> f32 = let t = (k, 1.0)  let (a, b) = t  let (c, e) = t  uniform(a, 0) + uniform(c, 0)',
    'fn b15(k: key, x: f32[N]) -> f32 = ' +
      'fold s = 0.0 for i -> let (a, b) = split(k)  s + x[i] * uniform(a, 0)',
    'fn b16(k: key, x: f32[N]) -> f32 = fold s = 0.0 for i: N -> d(s, k)',
    'fn b17(x: f32[N]) -> f32 = fold s = 0.0 for i: N -> d(s)',
    'fn b18(k: key) -> f32 = let f = i -> uniform(k, i)  f(0) + f(0)',
    'fn b19(k: key, b: bool) -> f32 = (if b then uniform(k, 0) else normal(k, 0)) + uniform(k, 1)',
    'fn b20(k: key) -> f32 = let s = { k: k, x: 1.0 }  uniform(s.k, 0) + uniform(s.k, 0)',
    'fn b21(k: key, f: (f32, key) -> f32) -> f32 = f(1, k) + f(2, k)',
  ])('%s', program => {
    expect(codesOf(helpers + program)).toEqual(['E0401'])
  })

  test('a test may write one twice, to see that it gives the same numbers', () => {
    expect(codesOf('test "same" { expect uniform(key(1), 0) == uniform(key(1), 0) }')).toEqual([])
  })
})
