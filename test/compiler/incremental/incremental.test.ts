import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { shapeOf } from '../../../compiler/ir/graph.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { simplified } from '../../../compiler/pipeline.js'
import { specialiseDecoder, specialisePredictor } from '../../../compiler/specialise/predictor.js'
import { programOf, worstDifference } from '../../acceptance/support.js'

type Arrays = Map<string, readonly number[]>

const inputsOf = (g: Graph) => g.nodes.flatMap(n => (n.kind === 'input' ? [n] : []))
const length = (g: Graph, name: string): number =>
  shapeOf(inputsOf(g).find(n => n.name === name)!).reduce((a, b) => a * b, 1)
const pseudo = (seed: number, i: number): number => Math.sin(seed * 12.9898 + i * 78.233) * 0.5

/** A model as the tests have it: a function `logits(w, tokens)` over sizes, and what fills its inputs. */
interface Case {
  readonly text: string
  readonly sizes: Readonly<Record<string, number>>
}

const graphs = (c: Case, rows: number, window: number) => {
  const program = programOf(c.text)
  const fn = program.fns.get('main.logits')!
  const predictor = { kind: 'fn', fn } as const
  const bindings = { sizes: new Map(Object.entries(c.sizes)) }
  return {
    whole: simplified(specialisePredictor({ program, predictor, bindings, rows }, 'next')),
    next: E.map(simplified)(specialiseDecoder({ program, predictor, bindings, rows }, window, 'next')),
  }
}

/** The worst difference between going on step by step, each row from its own place, and beginning anew. */
const disagreement = (c: Case, rows: readonly (readonly number[])[], window: number): number => {
  const { whole, next } = graphs(c, rows.length, window)
  if (E.isLeft(next)) throw new Error(next.left)
  const { T, V } = c.sizes as { T: number; V: number }
  const weights: Arrays = new Map()
  for (const g of [whole, next.right])
    for (const { name } of inputsOf(g))
      if (!/^(tokens|at|start|kept)/.test(name))
        weights.set(
          name,
          Array.from({ length: length(g, name) }, (_, i) =>
            pseudo(name.length + name.charCodeAt(name.length - 1), i),
          ),
        )
  const kept: Arrays = new Map()
  // What was never written counts for nothing, as long as it is a number.
  for (const o of next.right.outputs)
    if (o.name !== 'next') kept.set(o.name, new Array<number>(length(next.right, o.name)).fill(1e3))
  const known = rows.map(() => 0)
  let worst = 0
  for (let turn = 0; known.some((k, r) => k < rows[r]!.length); turn++) {
    const start = rows.map((row, r) => Math.min(known[r]!, T - window, row.length - 1))
    // Rows advance by different amounts, and the last places may be padding.
    const count = rows.map((row, r) =>
      Math.min(window - ((turn + r) % Math.min(2, window)), row.length - start[r]!),
    )
    const tokens = rows.flatMap((row, r) =>
      Array.from({ length: window }, (_, i) => (i < count[r]! ? row[start[r]! + i]! : 0)),
    )
    const at = count.map(n => n - 1)
    const out = interpret(
      next.right,
      new Map([...weights, ...kept, ['tokens', tokens], ['start', start], ['at', at]]),
    )
    for (const name of kept.keys()) kept.set(name, [...out.get(name)!])
    const all = interpret(
      whole,
      new Map([
        ...weights,
        ['tokens', rows.flatMap(row => [...row, ...new Array<number>(T - row.length).fill(1)])],
        ['at', start.map((s, r) => s + at[r]!)],
      ]),
    )
    worst = Math.max(worst, worstDifference(out.get('next')!, all.get('next')!))
    rows.forEach((_, r) => {
      known[r] = Math.max(known[r]!, start[r]! + count[r]!)
    })
  }
  expect(V).toBeGreaterThan(0)
  return worst
}

const llama = `import std.models.llama
fn logits(w: llama.Model, tokens: idx[V][T]) -> f32[T, V] =
  llama.logits(w, tokens, { head: (l, p, h, z) -> for d -> z[d] * 1.5 + 0.1 * f32(l) + 0.01 * f32(h) })
`

const toy = (mix: string): string => `import std.nn (softmax, dot)
size V, E, T
record Model { embed: f32[V, E], place: f32[T, E] }
fn mixed(x: f32[T, E]) -> f32[T, E] = ${mix}
fn logits(w: Model, tokens: idx[V][T]) -> f32[T, V] =
  let y = mixed(for t, e -> w.embed[tokens[t], e] + w.place[t, e])
  for t, v -> dot(y[t], w.embed[v])
`
const sizes = { V: 7, E: 3, T: 12 }

describe('a function of a sequence, token by token', () => {
  it('is what it is of the whole: a Llama with an edit, random sizes, rows of unequal length', () => {
    const shape = fc.record({
      L: fc.integer({ min: 1, max: 3 }),
      K: fc.integer({ min: 1, max: 2 }),
      G: fc.integer({ min: 1, max: 3 }),
      Pairs: fc.integer({ min: 1, max: 2 }),
      E: fc.integer({ min: 1, max: 5 }),
      F: fc.integer({ min: 1, max: 4 }),
      V: fc.integer({ min: 2, max: 9 }),
      T: fc.integer({ min: 2, max: 11 }),
    })
    fc.assert(
      fc.property(
        shape.chain(s =>
          fc.record({
            s: fc.constant(s),
            window: fc.integer({ min: 1, max: s.T }),
            rows: fc.array(fc.array(fc.nat(s.V - 1), { minLength: 1, maxLength: s.T }), {
              minLength: 1,
              maxLength: 3,
            }),
          }),
        ),
        ({ s, window, rows }) => {
          const all = { ...s, H: s.K * s.G, D: 2 * s.Pairs }
          expect(disagreement({ text: llama, sizes: all }, rows, window)).toBeLessThan(1e-9)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('keeps keys and values, one of each for the queries that share it', () => {
    const all = { L: 3, E: 6, K: 2, G: 3, Pairs: 2, F: 5, V: 9, T: 16, H: 6, D: 4 }
    const { next } = graphs({ text: llama, sizes: all }, 2, 1)
    const g = E.getOrElse<string, Graph>(e => expect.unreachable(e))(next)
    const kept = g.outputs.filter(o => o.replaces !== undefined)
    expect(kept.map(o => [o.name, o.replaces, shapeOf(g.nodes.find(n => n.id === o.node)!)])).toEqual([
      ['kept.0', 'kept.0', [3, 2, 2, 16, 4]],
      ['kept.1', 'kept.1', [3, 2, 2, 16, 4]],
    ])
  })

  it.each([
    ['each position for itself', 'x', 0],
    ['a strict mask', 'for t, e -> x[t, e] + sum s -> if s < t then x[s, e] else 0', 1],
    ['the position before', 'for t, e -> x.at(t - 1, e, else: 1) + x[t, e]', 1],
    [
      'a mask that is a tensor',
      'let m = for t: T, s: T -> (if t >= s then 1.0 else 0.0)\n  for t, e -> sum s -> m[t, s] * x[s, e]',
      1,
    ],
    ['a window of the last three', 'for t, e -> sum s -> if s <= t and s > t - 3 then x[s, e] else 0', 1],
    ['a mask by multiplication', 'for t, e -> sum s -> x[s, e] * (if s > t then 0.0 else 1.0)', 1],
    ['the running maximum', 'for t, e -> max s -> if s <= t then x[s, e] else -inf', 1],
    [
      'two layers of it',
      'let y = for t, e -> sum s -> if s <= t then x[s, e] else 0\n' +
        '  for t, e -> sum s -> if s <= t then y[s, e] * x[s, e] else 0',
      2,
    ],
  ])('goes on with %s', (_, mix, kept) => {
    const rows = [[1, 2, 3, 4, 5], [6], [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]]
    const c = { text: toy(mix), sizes }
    for (const window of [1, 3, 12]) expect(disagreement(c, rows, window)).toBeLessThan(1e-9)
    const { next } = graphs(c, 1, 1)
    const names = E.isRight(next) ? next.right.outputs.map(o => o.name) : []
    expect(names.filter(n => n.startsWith('kept'))).toHaveLength(kept)
  })

  it.each([
    [
      'attention that looks ahead',
      'for t -> let p = softmax(for s -> dot(x[t], x[s]))\n    for e -> sum s -> p[s] * x[s, e]',
    ],
    ['a mask that is one too wide', 'for t, e -> sum s -> if s <= t + 1 then x[s, e] else 0'],
    ['a mask the wrong way round', 'for t, e -> sum s -> if s >= t then x[s, e] else 0'],
    ['the position after', 'for t, e -> x.at(t + 1, e, else: 0)'],
    ['a mean over all positions', 'let y = for e -> mean t -> x[t, e]\n  for t, e -> x[t, e] - y[e]'],
    ['the sequence backwards', 'for t: T, e -> x.at(T - 1 - t, e, else: 0)'],
    ['half of the terms masked', 'for t, e -> sum s -> x[s, e] + (if s <= t then x[s, e] else 0)'],
    [
      'a recurrence',
      'let y = fold y = (for e -> 0.0) for t -> for e -> y[e] + x[t, e]\n  for t, e -> x[t, e] + y[e]',
    ],
  ])('refuses %s', (_, mix) => {
    const { next } = graphs({ text: toy(mix), sizes }, 2, 3)
    expect(E.isLeft(next)).toBe(true)
  })

  it('refuses what the tokens after look up', () => {
    const text = toy('x').replace('embed[tokens[t], e]', 'embed[tokens.at(t + 1, else: tokens[t]), e]')
    expect(E.isLeft(graphs({ text, sizes }, 2, 3).next)).toBe(true)
  })
})
