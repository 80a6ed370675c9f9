import { describe, expect, it } from 'vitest'
import { interpret } from '../../../compiler/ir/interpret.js'
import { lower, simplified, specialiseFn } from '../../../compiler/pipeline.js'
import { programOf } from '../../support/program.js'
import { gpu } from '../../support/traits.js'
import { codesOf } from './support.js'

const places = `
record Places {
  inside: (idx[N], f32) -> f32 = (i, x) -> x
  after:  (f32[N]) -> f32[N] = unchanged
  rate:   f32 = 0.5
}
fn unchanged(x: f32[N]) -> f32[N] = x
fn layer(x: f32[N], places: Places = {}) -> f32[N] =
  places.after(for i -> places.rate * places.inside(i, x[i]))
fn shifted(by: f32[N]) -> Places = { inside: (i, x) -> x + by[i] }
`

const graphOf = (text: string, N: number, before = places) => {
  const program = programOf(before + text)
  return specialiseFn(program, program.fns.get('main.f')!, { sizes: new Map([['N', N]]) })
}

const resultOf = (text: string, inputs: Readonly<Record<string, readonly number[]>>): readonly number[] => {
  const given = new Map(Object.entries(inputs).map(([n, x]) => [n, Float64Array.from(x)]))
  const N = Math.max(...Object.values(inputs).map(x => x.length))
  return [...interpret(graphOf(text, N), given).values()].flatMap(x => [...x])
}

describe('a record of functions', () => {
  it('takes its defaults, and what is given instead', () => {
    const x = [2, 4]
    expect(resultOf('fn f(x: f32[N]) -> f32[N] = layer(x)', { x })).toEqual([1, 2])
    expect(
      resultOf('fn f(x: f32[N], y: f32[N]) -> f32[N] = layer(x, shifted(y))', { x, y: [10, 20] }),
    ).toEqual([6, 12])
    expect(resultOf('fn f(x: f32[N]) -> f32[N] = layer(x, { rate: 2 })', { x })).toEqual([4, 8])
    const negated = 'fn f(x: f32[N]) -> f32[N] = layer(x, shifted(x) with { after: x -> for i -> -x[i] })'
    expect(resultOf(negated, { x })).toEqual([-2, -4])
  })

  it('has derivatives by what its functions see', () => {
    const text =
      'fn f(x: f32[N], y: f32[N]) -> f32[N] = grad(y -> sum i -> f32(i) * layer(x, shifted(y))[i])(y)'
    expect(resultOf(text, { x: [1, 2, 3], y: [0, 0, 0] })).toEqual([0, 0.5, 1])
  })

  it('that is left as it is leaves no trace in the kernels', () => {
    const kernels = (before: string) =>
      lower(simplified(graphOf('fn f(x: f32[N]) -> f32[N] = layer(x)', 64, before)), gpu).kernels.map(k =>
        k.wgsl.replace(/^\/\/.*\n/gm, ''),
      )
    expect(kernels(places)).toEqual(kernels('fn layer(x: f32[N]) -> f32[N] = for i -> 0.5 * x[i]\n'))
  })

  it('is not stored where numbers are kept', () => {
    expect(codesOf('record S { f: (f32) -> f32 }\nfn g(s: S[N]) -> f32 = 1')).toEqual(['E0305'])
    expect(
      codesOf(`${places}\nfn f(x: f32[N]) -> f32[N] = layer(x, if x[0] > 0 then shifted(x) else {})`),
    ).not.toEqual([])
    expect(codesOf('fn f(x: f32) -> (f32) -> f32 = y -> x + y')).toEqual(['E0306'])
    expect(codesOf('record S { a: f32 = 1 from "a" }')).toEqual(['E0361'])
    const recipe = `record S { f: (f32) -> f32 = x -> x }
recipe R { state { s: S, x: f32 = 1 }
  init(key) = { s: {}, x: 1 }
  step(s, batch, key, at) = (s, { loss: s.x }) }`
    expect(codesOf(recipe)).toEqual(['E0306', 'E0361'])
  })

  it('whose size nothing tells is refused', () => {
    expect(codesOf(`${places}\nfn none(x: f32) -> Places = {}\nfn f(x: f32) -> f32 = none(x).rate`)).toEqual([
      'E0329',
    ])
  })
})
