import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGraph } from '../../compiler/backend/compile.js'
import { Builder } from '../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../compiler/ir/expr.js'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Expr, Graph, InputNode } from '../../compiler/ir/ir.js'
import { printGraph } from '../../compiler/ir/print.js'
import { closeGraph } from '../../compiler/open/close-graph.js'
import { openGraph } from '../../compiler/open/open-graph.js'
import { simplified, specialiseFn, specialiseGrad } from '../../compiler/pipeline.js'
import { type Device, download, load, upload } from '../../runtime/index.js'
import { randomNumbers } from '../compiler/ir/random-graph.js'
import { withDevice } from '../support/device.js'
import { programOf } from '../support/program.js'

interface Case {
  readonly text: string
  /** The parameter by which to differentiate; absent for the function itself. */
  readonly by?: string
}

const cases: Readonly<Record<string, Case>> = {
  'an elementwise function': {
    text: 'fn f(x: f32[3, T, 4]) -> f32[3, T, 4] = for b, t, d -> 2 * x[b, t, d] + 1',
  },
  'sums over the size': { text: 'fn f(x: f32[3, T]) -> f32[3] = for b -> sum t -> x[b, t]' },
  'means and a size as a number': {
    text: 'fn f(x: f32[3, T]) -> f32[3] = for b -> (mean t -> x[b, t]) + f32(T) / 7',
  },
  'a softmax over the size': {
    text: `fn f(x: f32[5, T]) -> f32[5, T] =
      let m = for b -> max t -> x[b, t]
      let e = for b, t -> exp(x[b, t] - m[b])
      for b, t -> e[b, t] / (sum s -> e[b, s])`,
  },
  'products with the size as rows': {
    text: `fn f(x: f32[2, T, 24], w: f32[24, 20]) -> f32[2, T, 20] =
      for b, t, j -> sum i -> x[b, t, i] * w[i, j]`,
  },
  'gradients of weights': {
    text: `fn f(x: f32[2, T, 24], w: f32[24, 20]) -> f32 =
      sum b, t, j -> sq(sum i -> x[b, t, i] * w[i, j])`,
    by: 'w',
  },
  'causal attention': {
    text: `fn f(q: f32[2, T, 8], k: f32[2, T, 8], v: f32[2, T, 8]) -> f32[2, T, 8] =
      let p = for h, t, s -> if s <= t then (sum i -> q[h, t, i] * k[h, s, i]) else -inf
      let m = for h, t -> max s -> p[h, t, s]
      let e = for h, t, s -> exp(p[h, t, s] - m[h, t])
      let n = for h, t -> sum s -> e[h, t, s]
      for h, t, i -> (sum s -> e[h, t, s] * v[h, s, i]) / n[h, t]`,
  },
  'the gradient of causal attention': {
    text: `fn f(q: f32[2, T, 8], k: f32[2, T, 8], v: f32[2, T, 8]) -> f32 =
      let p = for h, t, s -> if s <= t then (sum i -> q[h, t, i] * k[h, s, i]) else -inf
      let m = for h, t -> max s -> p[h, t, s]
      let e = for h, t, s -> exp(p[h, t, s] - m[h, t])
      let n = for h, t -> sum s -> e[h, t, s]
      sum h, t, i -> sq((sum s -> e[h, t, s] * v[h, s, i]) / n[h, t])`,
    by: 'k',
  },
  'reads beside the reader': {
    text: 'fn f(x: f32[T]) -> f32[T] = for t -> x[t] - x.at(t - 1, else: 0) + 3 * x.at(t + 2, else: 5)',
  },
  'gradients of reads beside the reader': {
    text: `fn f(x: f32[T]) -> f32 = sum t -> sq(x[t] - x.at(t - 1, else: 0) + 3 * x.at(t + 2, else: 5))`,
    by: 'x',
  },
  'gathers by data, and their scatter': {
    text: `fn f(table: f32[11, 6], tokens: idx[11][T]) -> f32 = sum t, j -> sq(table[tokens[t], j]) * f32(t)`,
    by: 'table',
  },
  'a fold over layers': {
    text: `fn f(w: f32[4, 8, 8], x: f32[T, 8]) -> f32[T, 8] =
      fold h = x for l: 4 -> for t, i -> h[t, i] + tanh(sum j -> w[l, i, j] * h[t, j])`,
  },
  'the gradient of a fold over layers': {
    text: `fn f(w: f32[4, 8, 8], x: f32[T, 8]) -> f32 =
      let y = fold h = x for l: 4 -> for t, i -> h[t, i] + tanh(sum j -> w[l, i, j] * h[t, j])
      sum t, i -> sq(y[t, i])`,
    by: 'w',
  },
  'rows that lie in one dimension': {
    text: 'fn f(x: f32[2 * T]) -> f32[2, T] = for i, t -> 3 * x[(i, t)] + f32(t)',
  },
  'a guarded read of what is computed, and no other use of the size': {
    text: `fn f(x: f32[5, T]) -> f32[5, T] =
      let y = for b, t -> tanh(x[b, t]) * x[b, t]
      for b, t -> y.at(b, t - 1, else: 0) + y.at(b, t + 1, else: 0)`,
  },
  'positions from the end': {
    text: 'fn f(x: f32[T]) -> f32[T] = for t -> x.at(T - 1 - t, else: 0) * f32(t)',
  },
  'the largest and where it stands': {
    text: `fn f(x: f32[3, T]) -> (f32[3], idx[T][3]) =
      (for b -> max t -> x[b, t], for b -> argmax t -> x[b, t])`,
  },
}

const specialiseAt = ({ text, by }: Case) => {
  const program = programOf(text.includes('import') ? text : `fn sq(x: f32) -> f32 = x * x\n${text}`)
  const fn = program.fns.get('main.f')!
  return (sizes: ReadonlyMap<string, number>, sizesAsInputs?: true): Graph => {
    const bindings = { sizes, ...(sizesAsInputs ? { sizesAsInputs } : {}) }
    return by === undefined ? specialiseFn(program, fn, bindings) : specialiseGrad(program, fn, by, bindings)
  }
}

const opened = (c: Case, most: number, step: number): Graph => {
  const at = specialiseAt(c)
  const graph = openGraph(sizes => at(sizes, true), [{ name: 'T', most, step }])
  if (graph === undefined) throw new Error('the graph cannot be open')
  return graph
}

/** Steps of a random program: each makes f32[T, 5] of `x`. `T` is used as size, as number and as position. */
const stages: readonly string[] = [
  'for t: T, d: 5 -> tanh(x[t, d]) + 0.5 * w[d, d]',
  'for t: T, d: 5 -> sum e -> x[t, e] * w[e, d]',
  'for t: T, d: 5 -> x[t, d] / (1 + (sum s, e -> x[s, e] * x[s, e]))',
  'for t: T, d: 5 -> x[t, d] - (mean s -> x[s, d])',
  'for t: T, d: 5 -> sum s -> if s <= t then x[s, d] * 0.1 else 0',
  'for t: T, d: 5 -> x.at(T - 1 - t, d, else: 0) + f32(T) * 0.01',
  'for t: T, d: 5 -> x.at(t - 3, d, else: 0.5) * x[t, d]',
  'for t: T, d: 5 -> (max s -> x[s, d]) - x[t, d]',
  'for t: T, d: 5 -> if t < 7 then x[t, d] else 0.25 * x[t, 0]',
  'for t: T, d: 5 -> sum s -> (softmax(for s -> if s <= t then dot(x[t], x[s]) else -inf))[s] * x[s, d]',
  'for t: T, d: 5 -> softmax(for s -> x[s, d])[t]',
  'for t: T, d: 5 -> sum s -> x[s, d] * f32(s) / f32(T) / (1 + f32(t))',
]

const randomCase: fc.Arbitrary<Case> = fc
  .record({ parts: fc.array(fc.constantFrom(...stages), { minLength: 1, maxLength: 4 }), by: fc.boolean() })
  .map(({ parts, by }) => ({
    text: `import std.nn (softmax, dot)
    fn f(x: f32[T, 5], w: f32[5, 5]) -> ${by ? 'f32' : 'f32[T, 5]'} =
      ${parts.map(p => `let x = ${p}`).join('\n      ')}
      ${by ? 'sum t, d -> x[t, d] * x[t, d] * w[d, 0]' : 'for t, d -> 2 * x[t, d]'}`,
    ...(by ? { by: 'x' } : {}),
  }))

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** The elements of `small` at their places in a tensor of a larger shape, and `filler` elsewhere. */
const placed = (
  values: ArrayLike<number>,
  small: readonly number[],
  large: readonly number[],
  filler: number,
): Float64Array => {
  const out = new Float64Array(product(large)).fill(filler)
  for (let i = 0; i < product(small); i++) out[placeOf(i, small, large)] = values[i]!
  return out
}

const placeOf = (flat: number, small: readonly number[], large: readonly number[]): number => {
  let [rest, place, stride] = [flat, 0, 1]
  for (let d = small.length - 1; d >= 0; d--) {
    place += (rest % small[d]!) * stride
    rest = Math.floor(rest / small[d]!)
    stride *= large[d]!
  }
  return place
}

const inputsFor = (graph: Graph, seed: number): ReadonlyMap<string, Float64Array> => {
  const random = randomNumbers(seed)
  const inputs = graph.nodes.filter((n): n is InputNode => n.kind === 'input')
  return new Map(
    [...inputs, ...(graph.unread ?? [])].map(n => [
      n.name,
      Float64Array.from({ length: product(n.shape) }, () =>
        n.below === undefined ? Math.round(512 * random() - 256) / 256 : Math.floor(random() * n.below),
      ),
    ]),
  )
}

/** The open graph with each number, beside the program specialised for that number. */
const agreeInterpreted = (c: Case, step: number, numbers: readonly number[]): void => {
  const at = specialiseAt(c)
  const graph = opened(c, 24, step)
  for (const n of numbers.filter(x => x % step === 0)) {
    const closed = closeGraph(graph, [n])
    const plain = simplified(at(new Map([['T', n]])))
    const inputs = inputsFor(closed, n)
    const wanted = interpret(plain, inputs)
    for (const [output, values] of interpret(closed, inputs))
      values.forEach((v, i) => {
        const exact = wanted.get(output)![i]!
        const near = v === exact || Object.is(v, exact) || Math.abs(v - exact) < 1e-12
        expect(near, `${output}[${i}] at ${n}: ${v}, not ${exact}`).toBe(true)
      })
  }
}

const upTo = (most: number): readonly number[] => [...Array(most + 1).keys()]

describe('an open size', () => {
  for (const [name, c] of Object.entries(cases))
    it(`is any number in ${name}`, () => {
      for (const step of [1, 4]) {
        expect(printGraph(opened(c, 24, step))).toContain('≤')
        agreeInterpreted(c, step, upTo(24))
      }
    })

  it('is any number in random programs', () => {
    const numRuns = Number(process.env.JOLA_PROGRAMS ?? 300) / 10
    fc.assert(
      fc.property(randomCase, fc.constantFrom(1, 4), (c, step) => agreeInterpreted(c, step, upTo(24))),
      { numRuns },
    )
  })
})

const agree = async (device: Device, c: Case, most: number, step: number, traits = device.traits) => {
  const graph = opened(c, most, step)
  const artifact = compileGraph(graph, traits)
  const executable = await load(device, artifact)
  const most0 = graph.sizes![0]!.most
  const at = specialiseAt(c)
  try {
    const numbers = [0, 1, 2, 3, 5, 7, 8, 13, 16, 24, 31, 32, 40, 57, 64, most0]
    for (const n of numbers.filter(x => x <= most0 && x % step === 0)) {
      const plain = simplified(at(new Map([['T', n]])))
      const inputs = inputsFor(closeGraph(graph, [n]), n)
      const wanted = interpret(plain, inputs)
      const small = new Map(
        [...closeGraph(graph, [n]).nodes].flatMap(x =>
          x.kind === 'input' ? [[x.name, x.shape] as const] : [],
        ),
      )
      const tensors = Object.fromEntries(
        artifact.inputs.map(i => {
          // What lies beyond the positions of a run is never read.
          const filler = i.dtype === 'f32' ? Number.NaN : 0
          const data = placed(inputs.get(i.name)!, small.get(i.name)!, i.shape, filler)
          const host = i.dtype === 'f32' ? Float32Array.from(data) : Int32Array.from(data)
          return [i.name, upload(device, { dtype: i.dtype, label: i.name }, i.shape, host)]
        }),
      )
      const outputs = executable.run(tensors, { sizes: { T: n } })
      const names = Object.keys(outputs)
      const values = await download(device, Object.values(outputs))
      const shapes = new Map(
        plain.outputs.map(o => [o.name, shapeOf(plain.nodes.find(x => x.id === o.node)!)]),
      )
      names.forEach((output, k) => {
        const exact = wanted.get(output)!
        const large = artifact.outputs.find(o => o.name === output)!.shape
        for (let i = 0; i < exact.length; i++) {
          const got = values[k]![placeOf(i, shapes.get(output)!, large)]!
          if (Object.is(got, exact[i]) || got === exact[i]) continue
          expect(Math.abs(got - exact[i]!), `${output}[${i}] at ${n}: ${got}, not ${exact[i]}`).toBeLessThan(
            1e-4 * Math.max(1, Math.abs(exact[i]!)),
          )
        }
      })
      for (const t of [...Object.values(tensors), ...Object.values(outputs)]) t.destroy()
    }
  } finally {
    executable.destroy()
  }
}

/** y[i] = z[i + 2] where there is one, else 0, and w[j] = z[j] for all 12; z is the input, or made of it. */
const guardedGraph = (computed: boolean): Graph => {
  const open = { size: 0, scale: 1, shift: 0, per: 1, step: 1 }
  const sizes = [{ name: 'T', most: 12, step: 1 }]
  const size = { number: 0, most: 12 }
  const origin = { label: 'x' }
  const given = [
    { kind: 'input', id: 0, name: 'size T', dtype: 'i32', shape: [], size, origin },
    { kind: 'input', id: 1, name: 'x', dtype: 'f32', shape: [12], open: [open], origin },
  ] as const
  const b = new Builder({ nodes: given, regions: [], outputs: [], sizes })
  const over = (body: (i: Expr) => Expr): number => {
    const i = b.axis('i', 12, open)
    return b.compute({ dtype: 'f32', dims: [[i]], body: body(index(i)), origin })
  }
  const z = computed ? over(i => prim('add', read(1, 'f32', [i]), f32(1))) : 1
  b.output(
    'y',
    over(i => read(z, 'f32', [prim('add', i, i32(2))], true)),
  )
  const j = b.axis('j', 12)
  b.output('w', b.compute({ dtype: 'f32', dims: [[j]], body: read(z, 'f32', [index(j)], true), origin }))
  return b.finish()
}

withDevice('kernels with an open size', device => {
  it('compute random programs', { timeout: 300_000 }, async () => {
    const numRuns = Number(process.env.JOLA_PROGRAMS ?? 300) / 60
    await fc.assert(
      fc.asyncProperty(randomCase, async c => agree(device, c, 64, 1)),
      { numRuns, endOnFailure: true },
    )
  })

  it('read 0 outside the positions of a run, of what is stored and of what is computed', async () => {
    for (const computed of [false, true]) {
      const executable = await load(device, compileGraph(guardedGraph(computed), device.traits))
      const x = upload(device, 'f32', [12], new Float32Array(12).fill(7))
      const { y, w } = executable.run({ x }, { sizes: { T: 5 } })
      const [values, all] = await download(device, [y!, w!])
      const v = computed ? 8 : 7
      expect([...values!.slice(0, 5)]).toEqual([v, v, v, 0, 0])
      expect([...all!]).toEqual(Array.from({ length: 12 }, (_, j) => (j < 5 ? v : 0)))
      for (const t of [x, y!, w!]) t.destroy()
      executable.destroy()
    }
  })

  for (const [name, c] of Object.entries(cases)) {
    it(`compute ${name} for any number`, async () => agree(device, c, 70, 1))
    it(`compute ${name} for multiples of 8`, async () => agree(device, c, 72, 8))
  }
  it('for GPUs compute products for any number', async () => {
    const traits = { ...device.traits, software: false }
    for (const name of [
      'products with the size as rows',
      'gradients of weights',
      'the gradient of causal attention',
    ])
      for (const step of [1, 8]) await agree(device, cases[name]!, 72, step, traits)
  })
})
