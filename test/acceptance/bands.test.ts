import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceTraits } from '../../compiler/artifact.js'
import { compileGraph, groupNodes } from '../../compiler/backend/compile.js'
import { findBands } from '../../compiler/band/find-bands.js'
import { f32, prim } from '../../compiler/ir/expr.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { ComputeNode, Expr, Graph, InputNode, NodeId } from '../../compiler/ir/ir.js'
import { identityOf } from '../../compiler/ir/reduction-identity.js'
import { simplified, specialiseFn, specialiseGrad } from '../../compiler/pipeline.js'
import { type Device, download, load, upload } from '../../runtime/index.js'
import { randomNumbers } from '../compiler/ir/random-graph.js'
import { withDevice } from '../support/device.js'
import { programOf } from '../support/program.js'
import { gpu } from '../support/traits.js'

/** Attention of heads over T tokens with a mask, and a scalar made of all that it gives. */
const attention = (mask: string): string => `
import std.nn (softmax, dot)
fn attend(q: f32[T, D], k: f32[T, D], v: f32[T, D], n: i32) -> f32[T, D] =
  for t ->
    let p = softmax(for s -> if ${mask} then dot(q[t], k[s]) else -inf)
    for d -> sum s -> p[s] * v[s, d]
fn f(q: f32[2, T, D], k: f32[2, T, D], v: f32[2, T, D], n: i32[2]) -> f32[2, T, D] =
  for h -> attend(q[h], k[h], v[h], n[h])
fn loss(x: f32[2, T, D], n: i32[2]) -> f32 =
  let y = f(for h, t, d -> x[h, t, d], for h, t, d -> 0.5 * x[h, t, d], for h, t, d -> x[h, t, d] + 0.1, n)
  sum h, t, d -> y[h, t, d] * y[h, t, d] * f32(1 + d)`

const masks: Readonly<Record<string, string>> = {
  causal: 's <= t',
  'a window': 's <= t and t - s < 40',
  'the other way': 's >= t',
  'a band on both sides': 's - t < 9 and t - s < 17',
  'a prompt that all see': 's <= t or s < 5',
  'the length of a row, as data': 's <= t and s < n',
  'a whole row, as data': 's < n',
}

interface Case {
  readonly text: string
  readonly by?: string
  readonly sizes?: Readonly<Record<string, number>>
}

const others: Readonly<Record<string, Case>> = {
  'attention without a softmax': {
    text: `fn f(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32[T, D] =
      for t, d -> sum s -> if s <= t then (sum i -> q[t, i] * k[s, i]) * v[s, d] else 0`,
  },
  'its gradient': {
    text: `fn f(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32 =
      let y = for t, d -> sum s -> if s <= t then (sum i -> q[t, i] * k[s, i]) * v[s, d] else 0
      sum t, d -> y[t, d] * y[t, d]`,
    by: 'q',
  },
  'a triangular matrix times a vector': {
    text: 'fn f(a: f32[T, T], x: f32[T]) -> f32[T] = for i -> sum j -> if j <= i then a[i, j] * x[j] else 0',
  },
  'greatest and least so far': {
    text: `fn f(x: f32[3, T]) -> (f32[3, T], f32[3, T]) =
      let most = for b, t -> max s -> if s <= t then x[b, s] else -inf
      (most, for b, t -> min s -> if s >= t then x[b, s] else inf)`,
  },
  'scores that pass through tanh': {
    text: `import std.nn (softmax, dot)
    fn f(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32[T, D] =
      for t ->
        let p = softmax(for s -> if s <= t then 5 * tanh(dot(q[t], k[s]) / 5) else -inf)
        for d -> sum s -> p[s] * v[s, d]`,
  },
  'a mask by what is computed': {
    text: `import std.nn (softmax, dot)
    fn f(q: f32[T, D], k: f32[T, D], v: f32[T, D], n: i32[2]) -> f32[T, D] =
      let most = max i -> n[i] * n[i] % 60
      for t ->
        let p = softmax(for s -> if s <= t and s <= most then dot(q[t], k[s]) else -inf)
        for d -> sum s -> p[s] * v[s, d]`,
  },
  'scores of two kinds': {
    text: `import std.nn (softmax, dot)
    fn f(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32[T, D] =
      for t ->
        let p = softmax(for s -> if s <= t then dot(q[t], k[s]) else dot(k[t], v[s]))
        for d -> sum s -> p[s] * v[s, d]`,
  },
  'query heads that share keys, in layers of which some see a window': {
    text: `import std.nn (softmax, dot)
    fn attend(q: f32[T, D], k: f32[T, D], v: f32[T, D], near: bool) -> f32[T, D] =
      for t ->
        let p = softmax(for s -> if s <= t and (not near or t - s < 7) then dot(q[t], k[s]) else -inf)
        for d -> sum s -> p[s] * v[s, d]
    fn layer(x: f32[T, D], w: f32[3, 4, D, D], u: f32[3, 2, D, D], l: idx[3]) -> f32[T, D] =
      let z = for (j: 2, g: 2) -> attend(
        for t, d -> sum e -> x[t, e] * w[l, (j, g), e, d],
        for t, d -> sum e -> x[t, e] * u[l, j, e, d], x, l != 1
      )
      for t, d -> x[t, d] + 0.3 * (sum h -> z[h, t, d])
    fn f(x: f32[T, D], w: f32[3, 4, D, D], u: f32[3, 2, D, D]) -> f32 =
      let y = fold y = x for l: 3 -> layer(y, w, u, l)
      sum t, d -> y[t, d] * y[t, d]`,
    by: 'w',
  },
}

const graphOf = ({ text, by, sizes = {} }: Case, T: number, D: number): Graph => {
  const program = programOf(text)
  const fn = program.fns.get(by === 'x' ? 'main.loss' : 'main.f')!
  const all = new Map(Object.entries({ T, D, ...sizes }).filter(([n]) => fn.sizes.includes(n)))
  const bindings = { sizes: all }
  return simplified(
    by === undefined ? specialiseFn(program, fn, bindings) : specialiseGrad(program, fn, by, bindings),
  )
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

const inputsFor = (graph: Graph, seed: number, T: number): ReadonlyMap<string, Float64Array> => {
  const random = randomNumbers(seed)
  return new Map(
    graph.nodes
      .filter((n): n is InputNode => n.kind === 'input')
      .map(n => [
        n.name,
        Float64Array.from({ length: product(n.shape) }, () =>
          n.dtype === 'i32' ? 1 + Math.floor(random() * T) : Math.round(512 * random() - 256) / 256,
        ),
      ]),
  )
}

const all = (conditions: readonly Expr[]): Expr => conditions.reduce((a, b) => prim('and', a, b))

/** Nodes as kernels may compute them: nothing outside of a band, and no number where nobody reads. */
const leastOf = (n: ComputeNode): ComputeNode => {
  const identity = n.reduce && f32(identityOf(n.reduce.op, n.dtype))
  const summed = n.band && identity ? prim('select', all(n.band), n.body, identity) : n.body
  const spoilt = n.readBand ? prim('select', all(n.readBand), summed, f32(Number.NaN)) : summed
  return { ...n, body: spoilt }
}

const computeNodes = (graph: Graph): ReadonlyMap<NodeId, ComputeNode> =>
  new Map(graph.nodes.flatMap(n => (n.kind === 'compute' ? [[n.id, n] as const] : [])))

/**
 * Whether what kernels may leave out changes nothing. Gives the nodes that have a band. In a derivative, what
 * is no number may reach fewer places: a row of a softmax that is masked as a whole passes it on inside its
 * band alone.
 */
const leavesValues = (graph: Graph, T: number, derivative = false): readonly ComputeNode[] => {
  const found = findBands(graph, computeNodes(graph))
  const least: Graph = {
    ...graph,
    nodes: graph.nodes.map(n => (n.kind === 'compute' ? leastOf(found.get(n.id)!) : n)),
  }
  const inputs = inputsFor(graph, 7, T)
  const wanted = interpret(graph, inputs)
  for (const [name, values] of interpret(least, inputs))
    values.forEach((v, i) => {
      const exact = wanted.get(name)![i]!
      const same = v === exact || Object.is(v, exact) || (derivative && Number.isNaN(exact))
      const near = same || Math.abs(v - exact) < 1e-9 * Math.max(1, Math.abs(exact))
      if (!near) throw new Error(`${name}[${i}]: ${v}, not ${exact}`)
    })
  return [...found.values()].filter(n => n.band ?? n.readBand)
}

const programs: readonly (readonly [string, Case])[] = [
  ...Object.entries(masks).flatMap(([name, mask]): (readonly [string, Case])[] => [
    [`attention, ${name}`, { text: attention(mask) }],
    [`the gradient of attention, ${name}`, { text: attention(mask), by: 'x' }],
  ]),
  ...Object.entries(others),
]

describe('a band', () => {
  for (const [name, c] of programs)
    it(`leaves the values of ${name}`, () => {
      for (const T of [1, 33, 64]) expect(leavesValues(graphOf(c, T, 4), T).length > 0).toBe(T > 32)
    })

  it('is not found where a row may have no position', () => {
    const graph = graphOf({ text: attention('s < t') }, 40, 4)
    leavesValues(graph, 40)
    const [row] = interpret(graph, inputsFor(graph, 7, 40)).values()
    expect(Number.isNaN(row![0]!)).toBe(true)
  })

  it('is not found where a comparison overflows', () => {
    const graph = graphOf({ text: attention('s <= t + 2147483640 or s <= t') }, 40, 4)
    leavesValues(graph, 40)
    const wraps = graphOf({ text: attention('s - 2147483640 <= t and s + 2147483640 <= t') }, 40, 4)
    expect(leavesValues(wraps, 40)).toEqual([])
  })

  it('is found for any comparison of positions', () => {
    const side = fc.tuple(
      fc.constantFrom('s', 't', 's + t', 't - s', '2 * t', 's - 3'),
      fc.integer({ min: -40, max: 40 }),
    )
    const comparison = fc
      .tuple(side, fc.constantFrom('<', '<=', '>', '>='), side)
      .map(([[x, m], op, [y, n]]) => `${x} + (${m}) ${op} ${y} + (${n})`)
    const mask = fc
      .array(comparison, { minLength: 1, maxLength: 3 })
      .chain(parts => fc.constantFrom('and', 'or').map(op => parts.map(p => `(${p})`).join(` ${op} `)))
    fc.assert(
      fc.property(mask, fc.boolean(), (m, by) => {
        leavesValues(graphOf({ text: attention(m), ...(by ? { by: 'x' } : {}) }, 34, 2), 34, by)
      }),
      { numRuns: 25 },
    )
  })
})

const agree = async (device: Device, graph: Graph, T: number, traits: DeviceTraits): Promise<void> => {
  const artifact = compileGraph(graph, traits)
  const inputs = inputsFor(graph, 11, T)
  const wanted = interpret(graph, inputs)
  const executable = await load(device, artifact)
  try {
    const tensors = Object.fromEntries(
      artifact.inputs.map(i => {
        const values = inputs.get(i.name)!
        const host = i.dtype === 'f32' ? Float32Array.from(values) : Int32Array.from(values)
        return [i.name, upload(device, { dtype: i.dtype, label: i.name }, i.shape, host)]
      }),
    )
    const out = executable.run(tensors)
    for (const name of wanted.keys()) {
      const [got] = await download(device, [out[name]!])
      const exact = wanted.get(name)!
      const scale = exact.reduce((m, x) => Math.max(m, Math.abs(x) || 0), 1)
      got!.forEach((v, i) => {
        const near = Math.abs(v - exact[i]!) < 2e-5 * scale || Object.is(v, exact[i]!)
        if (!near) throw new Error(`${name}[${i}]: ${v}, not ${exact[i]}`)
      })
    }
  } finally {
    executable.destroy()
  }
}

withDevice('kernels with bands', device => {
  const { name, bindingAlignment } = device.traits
  const asGpu: DeviceTraits = { ...gpu, name, bindingAlignment, subgroupSize: 0 }
  for (const [name, c] of programs.filter(([n]) => !n.startsWith('attention, ')))
    it(`compute ${name}`, async () => agree(device, graphOf(c, 70, 8), 70, device.traits), 60_000)

  for (const mask of ['causal', 'a band on both sides', 'the length of a row, as data'])
    it(`compute the gradient of attention, ${mask}, with the schedules of a GPU`, async () => {
      await agree(device, graphOf({ text: attention(masks[mask]!), by: 'x' }, 100, 16), 100, asGpu)
    }, 60_000)

  it('go through a part of the sums alone', () => {
    const graph = graphOf({ text: attention('s <= t'), by: 'x' }, 96, 16)
    const { groups } = groupNodes(graph, device.traits)
    const members = groups.flatMap(g => g.members)
    expect(members.filter(m => m.reduce && m.band).length).toBeGreaterThan(4)
    expect(members.filter(m => m.readBand).length).toBeGreaterThan(1)
    const texts = compileGraph(graph, device.traits).kernels.map(k => k.wgsl)
    expect(texts.filter(t => /< end\d+;|= first\d+;/.test(t)).length).toBeGreaterThan(3)
    expect(texts.filter(t => /\n {4}return;\n/.test(t)).length).toBeGreaterThan(0)
  })
})
