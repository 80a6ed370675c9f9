import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distance } from './support.js'

/** Scalar expressions over x: f32[N], y: f32[M], c: f32 and the index i: N. */
const { scalar } = fc.letrec<{ scalar: string }>(tie => ({
  scalar: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      'x[i]',
      'c',
      '2',
      '0.5',
      'f32(i)',
      'x.at(i + 1, else: 0)',
      'x.at(i - 2, else: 0)',
      'y.at(i, else: 0)',
      'f32(N)',
    ),
    fc
      .tuple(tie('scalar'), fc.constantFrom('+', '-', '*'), tie('scalar'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('scalar').map(a => `tanh(${a})`),
    tie('scalar').map(a => `exp(-(${a}) * ${a} - 1)`),
    fc.tuple(tie('scalar'), tie('scalar')).map(([a, b]) => `(${a} / (2 + tanh(${b})))`),
    fc.tuple(tie('scalar'), tie('scalar')).map(([a, b]) => `(if i + 1 < N then ${a} else ${b})`),
    fc.tuple(tie('scalar'), tie('scalar')).map(([a, b]) => `(if c > 0 then ${a} else ${b})`),
    tie('scalar').map(a => `(mean j -> x[j] * ${a})`),
    tie('scalar').map(a => `(sum m -> y[m] * ${a})`),
    tie('scalar').map(a => `maximum(${a}, 0.1)`),
  ),
}))

describe('printed derivatives of random programs', () => {
  it('keep apart what looks alike around two reductions', () => {
    const body = '(mean j -> x[j] * (mean k -> x[k] * (mean l -> x[l] * x[i])))'
    expect(distance(`fn f(x: f32[N]) -> f32 = sum i: N -> ${body}`, 'f', 'x')).toBeLessThan(1e-5)
  })

  it('give what grad gives', () => {
    fc.assert(
      fc.property(scalar, fc.constantFrom('x', 'y', 'c'), (body, wrt) => {
        const text = `fn f(x: f32[N], y: f32[M], c: f32) -> f32 = sum i: N -> 1.0 * ${body} + x[i] * c`
        expect(distance(text, 'f', wrt), text).toBeLessThan(1e-5)
      }),
      { numRuns: 80 },
    )
  }, 60_000)
})
