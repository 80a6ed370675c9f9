import { expect, it } from 'vitest'
import { interpret } from '../../compiler/ir/interpret.js'
import { specialiseFn } from '../../compiler/pipeline.js'
import { programOf } from '../support/program.js'
import { worstDifference } from './support.js'

const program = programOf(`
import std.activations (streams, heads)
import std.models.llama

size L, E, H, D, V, T

fn seen_streams(w: llama.Model, tokens: idx[V][T], at: i32) -> f32[L, E] = streams(w, tokens, at)

fn seen_heads(w: llama.Model, tokens: idx[V][T], at: i32) -> f32[L, H, D] = heads(w, tokens, at)

/// The stream after each layer, of a model whose later layers add nothing.
fn cut(w: llama.Model, tokens: idx[V][T], at: i32) -> f32[L, E] =
  for last ->
    let x = llama.hidden(w, tokens, {
      attention: (l, p, y) -> if l > last then zeros_like(y) else y,
      feed_forward: (l, p, y) -> if l > last then zeros_like(y) else y
    })
    x.at(at, else: for e: E -> 0)

/// The last stream at \`at\`, where the heads' values seen there are put in; and as it is.
fn replaced(w: llama.Model, tokens: idx[V][T], at: i32) -> f32[2, E] =
  let known = heads(w, tokens, at)
  let with_known = llama.hidden(w, tokens, {
    head: (l, p, h, z) -> for d -> if p.position == at then known[l, h, d] else z[d]
  })
  let plain = llama.hidden(w, tokens)
  for i: 2 -> if i == 0 then with_known.at(at, else: for e: E -> 0) else plain.at(at, else: for e: E -> 0)
`)

const sizes = { L: 3, E: 8, K: 2, G: 2, H: 4, Pairs: 2, D: 4, F: 12, V: 11, T: 5 }

const numbersOf = (name: string, at: number): ArrayLike<number> => {
  const fn = program.fns.get(`main.${name}`)!
  const graph = specialiseFn(program, fn, {
    sizes: new Map(fn.sizes.map(n => [n, sizes[n as keyof typeof sizes]])),
  })
  const inputs = graph.nodes.flatMap(n => {
    if (n.kind !== 'input') return []
    const count = n.shape.reduce((a, b) => a * b, 1)
    const wave = Float64Array.from({ length: count }, (_, i) => Math.sin(1 + i * (1 + n.name.length / 7)))
    if (n.name === 'at') return [[n.name, Float64Array.of(at)] as const]
    return [[n.name, n.name === 'tokens' ? Float64Array.of(3, 1, 4, 1, 5) : wave] as const]
  })
  return interpret(graph, new Map(inputs)).get('result')!
}

it('streams are those of a model whose later layers are silent', () => {
  for (const at of [0, 3])
    expect(worstDifference(numbersOf('seen_streams', at), numbersOf('cut', at))).toBe(0)
})

it('heads are what puts nothing else in where they are put in', () => {
  expect(numbersOf('seen_heads', 3).length).toBe(3 * 4 * 4)
  const both = Array.from(numbersOf('replaced', 3))
  expect(worstDifference(both.slice(0, 8), both.slice(8))).toBe(0)
  expect(Math.max(...both)).toBeGreaterThan(0.1)
})
