import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGraph } from '../../compiler/backend/compile.js'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { simplified, specialiseFn, specialiseGrad } from '../../compiler/pipeline.js'
import { download, load, upload } from '../../runtime/index.js'
import { randomNumbers } from '../compiler/ir/random-graph.js'
import { withDevice } from '../support/device.js'
import { programOf } from '../support/program.js'

/** Layers over rows of T tokens, and a loss of what they leave at the places p alone. */
const layers = (after: string, body: string): string => `
import std.nn (softmax, dot)
size L, B, T, D, F, A
fn mixed(x: f32[T, D]) -> f32[T, D] =
  for t ->
    let p = softmax(for s -> if s <= t then dot(x[t], x[s]) else -inf)
    for d -> sum s -> p[s] * x[s, d]
fn layer(x: f32[T, D], u: f32[F, D], v: f32[D, F]) -> f32[T, D] =
  let y = mixed(x)
  for t ->
    let h = for f -> tanh(sum d -> u[f, d] * (x[t, d] + y[t, d]))
    for d -> x[t, d] + 0.5 * y[t, d] + sum f -> v[d, f] * h[f]
fn through(x: f32[T, D], u: f32[L, F, D], v: f32[L, D, F]) -> f32[T, D] =
  fold x for l -> layer(x, u[l], v[l])
fn loss(x: f32[B, T, D], u: f32[L, F, D], v: f32[L, D, F], p: idx[T][B, A], c: f32[B, A]) -> f32 =
  let y = for b -> through(x[b], u, v)
  ${after}
fn f(x: f32[B, T, D], u: f32[L, F, D], v: f32[L, D, F], p: idx[T][B, A], c: f32[B, A]) -> ${body}`

const atPlaces = 'sum b, a, d -> c[b, a] * sin(y[b, p[b, a], d])'
const loss = layers(atPlaces, 'f32 = loss(x, u, v, p, c)')

type Sizes = Readonly<Record<'L' | 'B' | 'T' | 'D' | 'F' | 'A', number>>
type Inputs = ReadonlyMap<string, Float64Array>

const graphOf = (text: string, sizes: Sizes, by?: string): Graph => {
  const program = programOf(text)
  const fn = program.fns.get('main.f')!
  const bindings = { sizes: new Map(Object.entries(sizes).filter(([n]) => fn.sizes.includes(n))) }
  return simplified(
    by === undefined ? specialiseFn(program, fn, bindings) : specialiseGrad(program, fn, by, bindings),
  )
}

const inputsOf = (sizes: Sizes, seed: number): Inputs => {
  const random = randomNumbers(seed)
  const { L, B, T, D, F, A } = sizes
  const numbers = (n: number): Float64Array => Float64Array.from({ length: n }, () => random() - 0.5)
  return new Map([
    ['x', numbers(B * T * D)],
    ['u', numbers(L * F * D)],
    ['v', numbers(L * D * F)],
    ['p', Float64Array.from({ length: B * A }, () => Math.floor(random() * T))],
    ['c', numbers(B * A)],
  ])
}

/** The same batch with a place for every token, of which those beyond A count for nothing. */
const everywhere = (inputs: Inputs, { B, T, A }: Sizes): Inputs => {
  const padded = (name: string): Float64Array =>
    Float64Array.from({ length: B * T }, (_, i) => {
      const [b, a] = [Math.floor(i / T), i % T]
      return a < A ? inputs.get(name)![b * A + a]! : 0
    })
  return new Map([...inputs, ['p', padded('p')], ['c', padded('c')]])
}

/** The tensors outside of loops that have the width of the feed-forward layer, for each of n positions. */
const hiddenOf = (graph: Graph, { F }: Sizes): readonly number[] =>
  graph.nodes.flatMap(n =>
    n.kind === 'compute' && n.region === undefined && shapeOf(n).length === 3 && shapeOf(n)[2] === F
      ? [shapeOf(n)[1]!]
      : [],
  )

const loopsOf = (graph: Graph): readonly number[] => graph.regions.map(r => r.axis.extent)

const sizes: Sizes = { L: 3, B: 2, T: 11, D: 2, F: 5, A: 2 }

describe('the last iteration of a loop', () => {
  it('is computed at the places that are read, and so is its derivative', () => {
    const value = graphOf(loss, sizes)
    expect(loopsOf(value)).toEqual([2])
    for (const by of ['x', 'u', 'v']) {
      const graph = graphOf(loss, sizes, by)
      expect(loopsOf(graph)).toEqual([2, 2])
      expect(new Set(hiddenOf(graph, sizes))).toEqual(new Set([2]))
    }
  })

  it('is narrow where `value_and_grad` gives more than the loss', () => {
    const text = layers(
      `(${atPlaces}, for b, a -> sum d -> y[b, p[b, a], d])`,
      `(f32, f32[B, A], f32[L, F, D]) =
      let ((value, some), d) = value_and_grad(u -> loss(x, u, v, p, c))(u)
      (value, some, d)`,
    ).replace('c: f32[B, A]) -> f32 =', 'c: f32[B, A]) -> (f32, f32[B, A]) =')
    const graph = graphOf(text, sizes)
    expect(loopsOf(graph)).toEqual([2, 2])
    const inputs = inputsOf(sizes, 1)
    const results = interpret(graph, inputs)
    const expected = interpret(graphOf(loss, sizes, 'u'), inputs)
    expect([...results.get('0')!]).toEqual([...expected.get('value')!])
    expect([...results.get('2')!]).toEqual([...expected.get('grad.u')!])
  })

  const left: Readonly<Record<string, readonly [string, Sizes]>> = {
    'all positions are read': [layers('sum b, t, d -> sin(y[b, t, d])', 'f32 = loss(x, u, v, p, c)'), sizes],
    'most positions are read': [loss, { ...sizes, A: 6 }],
    'something else reads the rest': [
      layers(`(${atPlaces}) + sum b, d -> (max t -> y[b, t, d])`, 'f32 = loss(x, u, v, p, c)'),
      sizes,
    ],
    'the loop has many iterations': [loss, { ...sizes, L: 17 }],
    'the loop has one iteration': [loss, { ...sizes, L: 1 }],
  }
  for (const [title, [text, at]] of Object.entries(left))
    it(`stays in the loop where ${title}`, () => {
      expect(loopsOf(graphOf(text, at, 'u'))).toEqual([at.L, at.L])
    })

  it('is narrow in a gradient of each row, and has its values', () => {
    const rows = layers(
      atPlaces,
      `f32[B, L, F, D] =
      for r: B ->
        let one = (u: f32[L, F, D]) ->
          let y = through(x[r], u, v)
          sum a, d -> c[r, a] * sin(y[p[r, a], d])
        grad(one)(u)`,
    )
    const graph = graphOf(rows, sizes)
    expect(loopsOf(graph)).toEqual([2, 2])
    const inputs = inputsOf(sizes, 2)
    const [each] = [...interpret(graph, inputs).values()]
    const whole = interpret(graphOf(loss, sizes, 'u'), inputs).get('grad.u')!
    for (const [i, v] of whole.entries()) expect(each![i]! + each![i + whole.length]!).toBeCloseTo(v, 9)
  })

  it('has the values of the loop that goes to the end', () => {
    fc.assert(
      fc.property(
        fc.record({
          L: fc.integer({ min: 0, max: 5 }),
          B: fc.integer({ min: 1, max: 3 }),
          T: fc.integer({ min: 4, max: 9 }),
          D: fc.integer({ min: 1, max: 3 }),
          F: fc.integer({ min: 1, max: 3 }),
          A: fc.integer({ min: 0, max: 2 }),
        }),
        fc.integer(),
        fc.constantFrom('x', 'u', 'v'),
        (at, seed, by) => {
          const inputs = inputsOf(at, seed)
          const narrow = interpret(graphOf(loss, at, by), inputs)
          const whole = interpret(graphOf(loss, { ...at, A: at.T }, by), everywhere(inputs, at))
          for (const [name, values] of whole)
            for (const [i, v] of values.entries()) expect(narrow.get(name)![i]).toBeCloseTo(v, 9)
        },
      ),
      { numRuns: 40 },
    )
  })
})

withDevice('the last iteration of a loop, on the device', device => {
  it('has the values of the interpreter', async () => {
    for (const by of ['x', 'u']) {
      const at = { L: 3, B: 3, T: 70, D: 9, F: 33, A: 3 }
      const graph = graphOf(loss, at, by)
      const inputs = inputsOf(at, 3)
      const executable = await load(device, compileGraph(graph, device.traits))
      const tensors = new Map(
        executable.artifact.inputs.map(({ name, dtype, shape }) => {
          const host =
            dtype === 'f32' ? Float32Array.from(inputs.get(name)!) : Int32Array.from(inputs.get(name)!)
          return [name, upload(device, { dtype, label: name }, shape, host)] as const
        }),
      )
      const results = executable.run(Object.fromEntries(tensors))
      for (const [name, expected] of interpret(graph, inputs)) {
        const [found] = await download(device, [results[name]!])
        const most = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1)
        for (const [i, v] of expected.entries()) expect(Math.abs(found![i]! - v)).toBeLessThan(1e-4 * most)
      }
      for (const t of [...tensors.values(), ...Object.values(results)]) t.destroy()
      executable.destroy()
    }
  })
})
