import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { checkProgram } from '../../compiler/check/check.js'
import { ProgramLimit } from '../../compiler/diagnostics/limit.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { lower, simplified, specialiseFn } from '../../compiler/pipeline.js'
import { leastTraits } from '../../compiler/traits.js'

const graphOf = (text: string, fn: string, sizes: Readonly<Record<string, number>> = {}): Graph => {
  const checked = checkProgram(['m'], name => (name === 'm' ? { name, text } : undefined))
  if (Either.isLeft(checked)) throw new Error(checked.left.map(d => d.title).join('; '))
  const { fns } = checked.right
  return specialiseFn(checked.right, fns.get(`m.${fn}`)!, { sizes: new Map(Object.entries(sizes)) })
}

const levels = (n: number, level: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => level(i)).join('\n')

describe('functions that call others twice, 20 levels deep', () => {
  const cases: readonly (readonly [
    what: string,
    text: string,
    sizes: Record<string, number>,
    nodes: number,
  ])[] = [
    [
      'with equal arguments',
      `fn f0(x: f32) -> f32 = 1.0001 * x\n${levels(20, i => `fn f${i + 1}(x: f32) -> f32 = f${i}(x) / 2 + f${i}(x) / 2`)}`,
      {},
      10,
    ],
    [
      'with shifted arguments',
      `fn f0(x: f32) -> f32 = sin(x)\n${levels(20, i => `fn f${i + 1}(x: f32) -> f32 = f${i}(x) + f${i}(x + 1)`)}`,
      {},
      10,
    ],
    [
      'of tensors',
      `fn f0(x: f32[N]) -> f32[N] = x\n${levels(20, i => `fn f${i + 1}(x: f32[N]) -> f32[N] = f${i}(x) + f${i}(for i -> x[i] + 1)`)}`,
      { N: 2 },
      300,
    ],
    [
      'with a function as an argument',
      `fn f0(g: (f32) -> f32, x: f32) -> f32 = g(x)\n${levels(20, i => `fn f${i + 1}(g: (f32) -> f32, x: f32) -> f32 = f${i}(g, x) + f${i}(y -> g(y), x)`)}\nfn f21(x: f32) -> f32 = f2(y -> sin(y), x)`,
      {},
      10,
    ],
    [
      'local ones',
      `fn f20(x: f32) -> f32 =\n  let g0 = y -> sin(y)\n${levels(20, i => `  let g${i + 1} = y -> g${i}(y) + g${i}(y + 1)`)}\n  g20(x)`,
      {},
      10,
    ],
  ]
  test.each(cases)('%s', (_, text, sizes, nodes) => {
    const graph = simplified(graphOf(text, text.includes('f21') ? 'f21' : 'f20', sizes))
    expect(graph.nodes.length).toBeLessThan(nodes)
  })

  test('have the value that calls evaluated one by one have', () => {
    const text = `fn f0(x: f32) -> f32 = x * x\n${levels(4, i => `fn f${i + 1}(x: f32) -> f32 = f${i}(x) + f${i}(x + 1)`)}`
    const expected = [1, 4, 6, 4, 1].reduce((sum, c, i) => sum + c * (2 + i) ** 2, 0)
    expect(interpret(graphOf(text, 'f4'), new Map([['x', [2]]])).get('result')![0]).toBe(expected)
  })
})

describe('what passes a limit is refused by its name', () => {
  const refusal = (run: () => unknown): string => {
    try {
      run()
      return ''
    } catch (error) {
      return error instanceof ProgramLimit ? error.message : `another error: ${error}`
    }
  }

  test('a function applied to itself over and over', () => {
    const text = `fn f0(f: (f32) -> f32, x: f32) -> f32 = f(x)\n${levels(12, i => `fn f${i + 1}(f: (f32) -> f32, x: f32) -> f32 = f${i}(y -> f(f(y)), x)`)}\nfn top(x: f32) -> f32 = f12(y -> sin(y) + 1, x)`
    expect(refusal(() => graphOf(text, 'top'))).toContain('nested too deep')
  })

  test('calls that multiply in ever other loops', () => {
    const text = `fn f0(x: f32) -> f32 = sin(x)\n${levels(16, i => `fn f${i + 1}(x: f32) -> f32 = (sum i: 2 -> f${i}(x + f32(i))) + (sum j: 2 -> f${i}(x * f32(j)))`)}`
    expect(refusal(() => graphOf(text, 'f16'))).toMatch(/too many tensors|too long/)
  })

  test('a size that no index counts', () => {
    const text = 'size N\nsize A = N * N * N * N\nfn f(x: f32[N]) -> i32 = A'
    expect(refusal(() => graphOf(text, 'f', { N: 1000 }))).toContain('a size is too large')
  })

  test('but not what stays within', () => {
    const text = `fn f(x: f32[N]) -> f32 =\n${levels(110, i => `  let a${i} = sum i -> x[i] * ${i === 0 ? '1' : `a${i - 1}`}`)}\n  a109`
    expect(() => lower(graphOf(text, 'f', { N: 3 }), leastTraits)).not.toThrow()
  })
})
