import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { checkProgram } from '../../compiler/check/check.js'
import { interpret } from '../../compiler/ir/interpret.js'
import { simplified, specialiseFn } from '../../compiler/pipeline.js'

const valuesOf = (
  text: string,
  sizes: Readonly<Record<string, number>>,
  inputs: Readonly<Record<string, readonly number[]>>,
) => {
  const checked = checkProgram(['m'], name => (name === 'm' ? { name, text } : undefined))
  if (Either.isLeft(checked)) throw new Error(checked.left.map(d => d.title).join('; '))
  const fn = checked.right.fns.get('m.f')!
  const graph = specialiseFn(checked.right, fn, { sizes: new Map(Object.entries(sizes)) })
  return [graph, simplified(graph)].map(g => [
    ...interpret(g, new Map(Object.entries(inputs))).get('result')!,
  ])
}

const both = (value: readonly number[]) => [value, value]

describe('a reduction over nothing', () => {
  test('finds the index 0, and what it reads is no number', () => {
    const text = 'fn f(value: f32[N], score: f32[N]) -> f32 = value[argmax i -> score[i]]'
    expect(valuesOf(text, { N: 0 }, { value: [], score: [] })).toEqual(both([Number.NaN]))
    expect(valuesOf(text, { N: 2 }, { value: [5, 7], score: [0, 1] })).toEqual(both([7]))
  })

  test('of indices is the index 0', () => {
    const text = 'fn f(x: f32[V], t: idx[V][S]) -> f32 = x[max s -> t[s]] + x[min s -> t[s]]'
    expect(valuesOf(text, { V: 2, S: 0 }, { x: [3, 4], t: [] })).toEqual(both([6]))
    expect(valuesOf(text, { V: 0, S: 0 }, { x: [], t: [] })).toEqual(both([Number.NaN]))
  })

  test.each([
    ['whole numbers are 0', 'fn f(n: i32[N]) -> i32 = n[argmin i -> n[i]]', [0]],
    ['truth values are false', 'fn f(b: bool[N], n: i32[N]) -> bool = b[argmin i -> n[i]]', [0]],
    [
      'rows are empty of numbers',
      'fn f(x: f32[N, 2]) -> f32[2] = x[argmax i -> x[i, 0]]',
      [Number.NaN, Number.NaN],
    ],
    ['records', 'record R { a: f32 }\nfn f(r: R[N], n: i32[N]) -> f32 = r[argmax i -> n[i]].a', [Number.NaN]],
    [
      'what is computed',
      'fn f(x: f32[N]) -> f32 = let y = for i -> sin(x[i]) y[argmax i -> y[i]]',
      [Number.NaN],
    ],
    ['what is guarded is what is outside', 'fn f(x: f32[N]) -> f32 = x.at(0, else: 9)', [9]],
    ['a gradient', 'fn f(x: f32[N]) -> f32[N] = grad(y -> y[argmax i -> y[i]])(x)', []],
  ])('reads of %s', (_, text, value) => {
    const inputs = { x: [], n: [], b: [], 'r.a': [] }
    expect(valuesOf(text, { N: 0 }, inputs)).toEqual(both(value))
  })
})
