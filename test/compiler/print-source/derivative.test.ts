import { describe, expect, it } from 'vitest'
import { derivativeSource } from '../../../compiler/print-source/derivative.js'
import { distance, programOf, sourceOf } from './support.js'

const text = `
import std.nn (softmax, rms_norm, layer_norm, rope, dot, cross_entropy, log_softmax, gelu, gelu_tanh, silu)
import std.gates

size L, K, G, D, T, E, V, R, S
size H = K * G

record Edits { scale: f32[K, D], offset: f32[D], bias: f32 }
record Layer { w: f32[H, E], b: f32[H] }
record Net { layers: Layer[L], head: f32[V, E] }

fn choose(x: f32[V], y: f32[V]) -> f32 = dot(softmax(x), y)
fn entropy(x: f32[V], target: idx[V]) -> f32 = cross_entropy(x, target)
fn entropies(x: f32[T, V], target: idx[V][T]) -> f32 = mean t -> cross_entropy(x[t], target[t])
fn likelihood(x: f32[V], target: idx[V]) -> f32 = log_softmax(x)[target]
fn rms(x: f32[E], w: f32[E], y: f32[E]) -> f32 = dot(rms_norm(x, w, 1e-5), y)
fn rms_rows(x: f32[T, E], w: f32[E]) -> f32 = sum t, e -> rms_norm(x[t], w, 1e-5)[e] ^ 3
fn layer(x: f32[E], w: f32[E], b: f32[E], y: f32[E]) -> f32 = dot(layer_norm(x, w, b, 1e-5), y)
fn turn(x: f32[2 * R], c: f32[R], s: f32[R], y: f32[2 * R]) -> f32 = dot(rope(x, c, s), y)
fn smooth(x: f32[T]) -> f32 = sum t -> gelu(x[t]) * gelu_tanh(x[t]) + silu(x[t])
fn gates_loss(phi: f32[T], u: f32[T]) -> f32 =
  sum t -> gates.sample(phi[t], u[t]) + gates.expected_open(phi[t])
fn heads(x: f32[H], y: f32[K]) -> f32 = sum (k, g) -> x[(k, g)] ^ 2 * y[k]
fn first(x: f32[2 * R]) -> f32 = sum r: R -> x[(0, r)] * x[(1, r)]
fn products(a: f32[T, D], b: f32[D, E]) -> f32 = sum t, e -> (sum d -> a[t, d] * b[d, e]) ^ 2
fn gather(w: f32[V, E], tokens: idx[V][T], y: f32[E]) -> f32 = sum t -> dot(w[tokens[t]], y) ^ 2
fn largest(x: f32[T, E]) -> f32 = sum t -> max e -> x[t, e]
fn best(x: f32[T, E]) -> f32 = sum t -> x[t, argmax e -> x[t, e]] ^ 2
fn every(x: f32[T]) -> f32 = prod t -> x[t] + 2
fn shift(x: f32[T], y: f32[T]) -> f32 = sum t -> x.at(t - 1, else: 0) * y[t] * x[t]
fn window(x: f32[T], y: f32[S]) -> f32 = sum t, s -> x.at(t + s - 1, else: 0) * y[s] * x[t]
fn other(x: f32[T], y: f32[S]) -> f32 = sum t -> y.at(t, else: 0) * x[t] ^ 2
fn edited(e: Edits, z: f32[K, D]) -> f32 =
  sum k, d -> ((1 + e.scale[k, d]) * z[k, d] + e.offset[d] + e.bias) ^ 2
fn net(n: Net, x: f32[E], target: idx[V]) -> f32 =
  let h = for e -> sum l, h -> tanh(n.layers[l].w[h, e] * x[e] + n.layers[l].b[h])
  cross_entropy(for v -> dot(n.head[v], h), target)
fn counted(x: f32[T + 1], y: f32[E + 1]) -> f32 =
  sqrt(T) * (mean t -> x[t] ^ 2) / (2 * E - 1) + f32(T) * y[0] * x[0]
fn ramp(x: f32[T]) -> f32 = sum t -> x[t] * f32(T - t) * (if t + 2 < T then 1.0 else 0.5)
fn attend(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32 =
  sum t ->
    let p = softmax(for s -> if s <= t then dot(q[t], k[s]) / sqrt(D) else -inf)
    sum d -> (sum s -> p[s] * v[s, d]) ^ 2
fn nothing(x: f32[T], y: f32) -> f32 = y
fn folded(x: f32, w: f32[T]) -> f32 = fold x for t -> x * w[t]
fn noise(x: f32[T], k: key) -> f32 = sum t -> x[t] * uniform(k, t)
`

const cases = [
  'choose x',
  'choose y',
  'entropy x',
  'entropies x',
  'likelihood x',
  'rms x',
  'rms w',
  'rms_rows x',
  'rms_rows w',
  'layer x',
  'layer w',
  'layer b',
  'turn x',
  'turn c',
  'smooth x',
  'gates_loss phi',
  'heads x',
  'heads y',
  'first x',
  'products a',
  'products b',
  'gather w',
  'gather y',
  'largest x',
  'best x',
  'every x',
  'shift x',
  'shift y',
  'window x',
  'window y',
  'other x',
  'other y',
  'edited e',
  'edited z',
  'net n',
  'net x',
  'counted x',
  'counted y',
  'ramp x',
  'attend q',
  'attend k',
  'attend v',
  'nothing x',
  'nothing y',
]

describe('a printed derivative', () => {
  it.each(cases)('is checked for all sizes and gives what grad gives: %s', item => {
    const [name, wrt] = item.split(' ') as [string, string]
    expect(distance(text, name, wrt)).toBeLessThan(1e-5)
  })

  it('reads as a person would write it', async () => {
    const program = programOf({ example: text })
    const read = (name: string, wrt: string): string =>
      sourceOf(program, program.fns.get(`example.${name}`)!, wrt)
    await expect(
      ['entropy x', 'entropies x', 'rms x', 'shift x', 'turn x', 'attend k', 'edited e', 'net n']
        .map(item => read(...(item.split(' ') as [string, string])))
        .join('\n'),
    ).toMatchFileSnapshot('derivatives.jola')
  })

  it('is the IR with named sizes where the language has no words', () => {
    const program = programOf({ example: text })
    const fold = derivativeSource(program, program.fns.get('example.folded')!, 'w')
    expect(fold).toMatchObject({ kind: 'graph', why: 'a loop that runs backwards' })
    expect(fold?.text).toContain('loop down t1=T:')
    expect(fold?.text).not.toMatch(/\b1\d{4}\b/)
    expect(derivativeSource(program, program.fns.get('example.noise')!, 'x')).toMatchObject({ kind: 'graph' })
  })
})
