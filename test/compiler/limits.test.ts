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

/**
 * Functions `f0` to `fn` with the same parameters. `f0` has the body `first`; each other one has the body
 * that `next` makes from the name of the one before.
 */
const tower = (
  n: number,
  signature: string,
  { first, next }: { readonly first: string; readonly next: (before: string) => string },
): string =>
  [`fn f0${signature} = ${first}`, levels(n, i => `fn f${i + 1}${signature} = ${next(`f${i}`)}`)].join('\n')

describe('functions that call others twice, 20 levels deep', () => {
  const cases: readonly (readonly [
    what: string,
    text: string,
    sizes: Record<string, number>,
    nodes: number,
  ])[] = [
    [
      'with equal arguments',
      tower(20, '(x: f32) -> f32', { first: '1.0001 * x', next: f => `${f}(x) / 2 + ${f}(x) / 2` }),
      {},
      10,
    ],
    [
      'with shifted arguments',
      tower(20, '(x: f32) -> f32', { first: 'sin(x)', next: f => `${f}(x) + ${f}(x + 1)` }),
      {},
      10,
    ],
    [
      'of tensors',
      tower(20, '(x: f32[N]) -> f32[N]', { first: 'x', next: f => `${f}(x) + ${f}(for i -> x[i] + 1)` }),
      { N: 2 },
      300,
    ],
    [
      'with a function as an argument',
      [
        tower(20, '(g: (f32) -> f32, x: f32) -> f32', {
          first: 'g(x)',
          next: f => `${f}(g, x) + ${f}(y -> g(y), x)`,
        }),
        'fn f21(x: f32) -> f32 = f2(y -> sin(y), x)',
      ].join('\n'),
      {},
      10,
    ],
    [
      'local ones',
      [
        'fn f20(x: f32) -> f32 =',
        '  let g0 = y -> sin(y)',
        levels(20, i => `  let g${i + 1} = y -> g${i}(y) + g${i}(y + 1)`),
        '  g20(x)',
      ].join('\n'),
      {},
      10,
    ],
  ]
  test.each(cases)('%s', (_, text, sizes, nodes) => {
    const graph = simplified(graphOf(text, text.includes('f21') ? 'f21' : 'f20', sizes))
    expect(graph.nodes.length).toBeLessThan(nodes)
  })

  test('have the value that calls evaluated one by one have', () => {
    const text = tower(4, '(x: f32) -> f32', { first: 'x * x', next: f => `${f}(x) + ${f}(x + 1)` })
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
    const text = [
      tower(12, '(f: (f32) -> f32, x: f32) -> f32', { first: 'f(x)', next: g => `${g}(y -> f(f(y)), x)` }),
      'fn top(x: f32) -> f32 = f12(y -> sin(y) + 1, x)',
    ].join('\n')
    expect(refusal(() => graphOf(text, 'top'))).toContain('nested too deep')
  })

  test('calls that multiply in ever other loops', () => {
    const text = tower(16, '(x: f32) -> f32', {
      first: 'sin(x)',
      next: f => `(sum i: 2 -> ${f}(x + f32(i))) + (sum j: 2 -> ${f}(x * f32(j)))`,
    })
    expect(refusal(() => graphOf(text, 'f16'))).toMatch(/too many tensors|too long/)
  })

  test('a size that no index counts', () => {
    const text = 'size N\nsize A = N * N * N * N\nfn f(x: f32[N]) -> i32 = A'
    expect(refusal(() => graphOf(text, 'f', { N: 1000 }))).toContain('a size is too large')
  })

  test('but not what stays within', () => {
    const text = [
      'fn f(x: f32[N]) -> f32 =',
      levels(110, i => `  let a${i} = sum i -> x[i] * ${i === 0 ? '1' : `a${i - 1}`}`),
      '  a109',
    ].join('\n')
    expect(() => lower(graphOf(text, 'f', { N: 3 }), leastTraits)).not.toThrow()
  })
})
