import { compileInterpreter } from '../../../compiler/ir/interpret.js'
import type { ComputeNode, Graph } from '../../../compiler/ir/ir.js'
import { simplified, specialiseFn, specialiseGrad } from '../../../compiler/pipeline.js'
import { randomNumbers } from '../ir/random-graph.js'
import { programOf } from '../print-source/support.js'

/** What attention is for: heads that share keys, layers, a loss over a vocabulary. */
const source = `
import std.nn (cross_entropy, dot, rms_norm, silu, softmax)

fn attend(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32[T, D] =
  for t ->
    let p = softmax(for s -> if s <= t then dot(q[t], k[s]) / sqrt(D) else -inf)
    for d -> sum s -> p[s] * v[s, d]

record Heads {
  q: f32[B, K, G, T, D]
  k: f32[B, K, T, D]
  v: f32[B, K, T, D]
}

fn mix(x: Heads) -> f32[B, K, G, T, D] =
  for b, k, g -> attend(x.q[b, k, g], x.k[b, k], x.v[b, k])

fn mixed(x: Heads, w: f32[B, K, G, T, D]) -> f32 =
  let z = mix(x)
  sum b, k, g, t, d -> w[b, k, g, t, d] * silu(z[b, k, g, t, d])

record Layer {
  q: f32[K, D, E]
  k: f32[K, D, E]
  v: f32[K, D, E]
  o: f32[E, K, D]
}

fn block(w: Layer, x: f32[T, E]) -> f32[T, E] =
  let one = for e: E -> 1.0
  let n = for t -> rms_norm(x[t], one, 1e-5)
  let q = for k, t, d -> sum e -> w.q[k, d, e] * n[t, e]
  let k = for k, t, d -> sum e -> w.k[k, d, e] * n[t, e]
  let v = for k, t, d -> sum e -> w.v[k, d, e] * n[t, e]
  let z = for j -> attend(q[j], k[j], v[j])
  for t, e -> x[t, e] + (sum k, d -> w.o[e, k, d] * z[k, t, d])

fn layers(w: Layer[L], x: f32[B, T, E], c: f32[T, E]) -> f32 =
  let y = for b -> fold h = x[b] for l -> block(w[l], h)
  sum b, t, e -> c[t, e] * y[b, t, e]

fn nested(w: f32[L, M, E, E], x: f32[E]) -> f32 =
  let y = fold h = x for l -> fold g = h for m -> for e -> silu(sum d -> w[l, m, e, d] * sin(g[d]))
  sum e -> y[e]

record Words {
  x: f32[B, T, E]
  head: f32[V, E]
}

fn loss(w: Words, target: idx[V][B, T]) -> f32 =
  sum b, t -> cross_entropy(for v -> (sum e -> w.x[b, t, e] * w.head[v, e]), target[b, t])
`

const program = programOf({ example: source })

export type Sizes = Readonly<Record<string, number>>

const named = (name: string, sizes: Sizes) => {
  const fn = program.fns.get(`example.${name}`)!
  return { fn, sizes: new Map(fn.sizes.map(n => [n, sizes[n]!])) }
}

/** A function of the module above, simplified. */
export const functionGraph = (name: string, of: Sizes): Graph => {
  const { fn, sizes } = named(name, of)
  return simplified(specialiseFn(program, fn, { sizes }))
}

/** Its value and gradient by its first parameter. */
export const gradientGraph = (name: string, of: Sizes): Graph => {
  const { fn, sizes } = named(name, of)
  return simplified(specialiseGrad(program, fn, fn.params[0]!.name, { sizes }))
}

/** Values for a graph's inputs: small reals, whole numbers below `bound`. */
export const valuesFor = (graph: Graph, bound: number): ReadonlyMap<string, Float64Array> => {
  const random = randomNumbers(11)
  return new Map(
    graph.nodes.flatMap(n =>
      n.kind === 'input'
        ? [
            [
              n.name,
              Float64Array.from({ length: n.shape.reduce((a, b) => a * b, 1) }, () =>
                n.dtype === 'f32' ? Math.fround(2 * random() - 1) : Math.floor(bound * random()),
              ),
            ] as const,
          ]
        : [],
    ),
  )
}

/** What the interpreter makes of a graph. */
export const interpreted = (
  graph: Graph,
  inputs: ReadonlyMap<string, Float64Array>,
): ReadonlyMap<string, Float64Array> => compileInterpreter(graph)(inputs)

/** The largest difference of two graphs' outputs on the interpreter, relative to 1 + the value. */
export const difference = (
  a: Graph,
  b: Graph,
  inputs: ReadonlyMap<string, Float64Array>,
): { readonly error: number; readonly where: string } => {
  const wanted = interpreted(a, inputs)
  const got = interpreted(b, inputs)
  let error = 0
  let where = 'nowhere'
  for (const [name, values] of wanted)
    values.forEach((x, i) => {
      const y = got.get(name)![i]!
      const e = Object.is(x, y) || x === y ? 0 : Math.abs(x - y) / (1 + Math.abs(x))
      if (!(e <= error)) {
        error = Number.isNaN(e) ? Number.POSITIVE_INFINITY : e
        where = `${name}[${i}]: ${y}, should be ${x}`
      }
    })
  return { error, where }
}

/** The nodes a graph computes. */
export const computed = (graph: Graph): readonly ComputeNode[] =>
  graph.nodes.filter((n): n is ComputeNode => n.kind === 'compute')
