import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { i32, index, prim, read } from '../../../compiler/ir/expr.js'
import type { Graph, NodeId } from '../../../compiler/ir/ir.js'
import { simplified } from '../../../compiler/pipeline.js'
import { specialiseDecoder } from '../../../compiler/specialise/predictor.js'
import { type Device, load, zeros } from '../../../runtime/node.js'
import { loadProgram } from '../../../src/folders/load-program.js'
import { compare, compareSchedules, openTestDevice } from './agree.js'
import { Program } from './programs.js'

let device: Device
beforeAll(async () => {
  device = await openTestDevice()
})
afterAll(() => device.close())

interface Shape {
  readonly B: number
  readonly C: number
  readonly D: number
  readonly n: number
}
type Break = 'nothing' | 'another reader' | 'another place' | 'two axes' | 'a computed place'

/**
 * A cache of C entries a row with n new entries from the row's own position on, and its sum over entries. New
 * entries past the end are not written.
 */
const cache = ({ B, C, D, n }: Shape, broken: Break = 'nothing'): Program => {
  const p = new Program()
  const x = p.input('x', B, n, D)
  const old = p.input('old', B, C, D)
  const from = p.tokens('from', C - n + 1, B)
  const [b, c, d, s] = [p.axis('b', B), p.axis('c', n), p.axis('d', D), p.axis('s', C)]
  const fresh = p.map('fresh', [b, c, d], prim('sin', prim('mul', p.at(x, b, c, d), p.at(x, b, c, d))))
  const half = p.axis('half', 2)
  const computed = (): NodeId =>
    p.reduce('places', 'max', [b], [half], prim('idiv', prim('add', p.at(from, b), index(half)), i32(2)))
  const place = p.at(broken === 'a computed place' ? computed() : from, b)
  const [S, F] = [{ op: 'index', dtype: 'i32', axis: s } as const, place]
  const inside = prim('and', prim('le', F, S), prim('lt', S, prim('add', F, i32(n))))
  const row = { op: 'index', dtype: 'i32', axis: d } as const
  const condition = broken === 'two axes' ? prim('and', inside, prim('le', F, row)) : inside
  const at = [{ op: 'index', dtype: 'i32', axis: b } as const, S, row]
  const value = read(fresh, 'f32', [at[0]!, prim('sub', S, F), row], true)
  const other = broken === 'another place' ? p.at(old, b, i32(0), d) : read(old, 'f32', at)
  const next = p.map('next', [b, s, d], prim('select', condition, value, other))
  p.b.output('total', p.reduce('total', 'sum', [b, d], [s], p.at(next, b, s, d)))
  if (broken === 'another reader')
    p.b.output('before', p.reduce('before', 'sum', [b, d], [s], p.at(old, b, s, d)))
  p.b.output('next', next, 'old')
  return p
}

interface Layer extends Shape {
  readonly E: number
}

/**
 * Rows times a matrix are written into one cache, and differences of their neighbours into another, each at a
 * position past an end of it. Both caches are summed, and so are the entries of the first that happen to have
 * the new entries' numbers.
 */
const caches = ({ B, C, D, n, E }: Layer): Program => {
  const p = new Program()
  const [x, w] = [p.input('x', B, n, E), p.input('w', D, E)]
  const from = p.tokens('from', C - n + 1, B)
  p.data.set(
    'from',
    Int32Array.from({ length: B }, (_, i) => (i % 2 === 0 ? C - n : 0)),
  )
  const axes = (c: number) => [p.axis('b', B), p.axis('c', c), p.axis('d', D)] as const
  const [b, c, d] = axes(n)
  const e = p.axis('e', E)
  const row = p.reduce('row', 'sum', [b, c, d], [e], prim('mul', p.at(x, b, c, e), p.at(w, d, e)))
  const put = (name: string, fresh: NodeId, shift: number): NodeId => {
    const old = p.input(`old ${name}`, B, C, D)
    const [i, s, j] = axes(C)
    const F = prim('add', p.at(from, i), i32(shift))
    const inside = prim('and', prim('le', F, index(s)), prim('lt', index(s), prim('add', F, i32(n))))
    const value = read(fresh, 'f32', [index(i), prim('sub', index(s), F), index(j)], true)
    const next = p.map(name, [i, s, j], prim('select', inside, value, p.at(old, i, s, j)))
    p.b.output(name, next, `old ${name}`)
    const [b2, s2, d2] = axes(C)
    p.output(`total ${name}`, p.reduce('total', 'sum', [b2, d2], [s2], p.at(next, b2, s2, d2)))
    return next
  }
  const plain = put('plain', row, -1)
  const [i, s, j] = axes(n)
  const other = prim('mod', prim('add', index(j), i32(1)), i32(D))
  const turned = p.map('turned', [i, s, j], prim('sub', p.at(row, i, s, j), p.at(row, i, s, other)))
  put('turned', turned, 1)
  const [k, t, l] = axes(n)
  p.output('seen', p.map('seen', [k, t, l], prim('sin', p.at(plain, k, t, l))))
  return p
}

const inPlace = (graph: Graph): boolean => {
  const { outputs, inputs } = compileGraph(simplified(graph), device.traits)
  const out = outputs.find(o => o.replaces !== undefined)!
  return inputs.some(i => i.buffer === out.buffer)
}

/** A cache of C entries for each of A × B rows. Each row has its own position for the new entry. */
const gridCache = (A: number, B: number, C: number, D: number): Program => {
  const p = new Program()
  const [x, old, from] = [p.input('x', A, B, D), p.input('old', A, B, C, D), p.tokens('from', C, A, B)]
  const [a, b, c, d] = [p.axis('a', A), p.axis('b', B), p.axis('c', C), p.axis('d', D)]
  const start = p.at(from, a, b)
  const inside = prim('and', prim('le', start, index(c)), prim('lt', index(c), prim('add', start, i32(1))))
  const value = prim('sin', p.at(x, a, b, d))
  p.b.output('next', p.map('next', [a, b, c, d], prim('select', inside, value, p.at(old, a, b, c, d))), 'old')
  return p
}

describe('an output that replaces an input', () => {
  it('is written only where it differs, for any shape and positions', { timeout: 240_000 }, async () => {
    const shape = fc
      .record({
        B: fc.integer({ min: 1, max: 3 }),
        C: fc.integer({ min: 2, max: 70 }),
        D: fc.integer({ min: 1, max: 9 }),
      })
      .chain(s => fc.integer({ min: 1, max: s.C - 1 }).map(n => ({ ...s, n })))
    await fc.assert(
      fc.asyncProperty(shape, async s => {
        const p = cache(s)
        const graph = simplified(p.finish())
        expect(inPlace(graph)).toBe(true)
        const { error, where } = await compare(device, graph, p.data)
        expect(error, where).toBeLessThan(1e-4)
      }),
      { numRuns: 8 },
    )
  })

  it('is written at positions of several axes', async () => {
    for (const [A, B, C, D] of [
      [2, 3, 16, 8],
      [3, 1, 5, 1],
      [1, 70, 9, 3],
    ] as const) {
      const p = gridCache(A, B, C, D)
      const graph = simplified(p.finish())
      expect(inPlace(graph)).toBe(true)
      const { error, where } = await compareSchedules(device, graph, p.data)
      expect(error, where).toBeLessThan(1e-4)
    }
  })

  it('is written by the kernel that computes it, in which no node reads it', {
    timeout: 240_000,
  }, async () => {
    const size = (max: number) => fc.oneof(fc.constant(1), fc.integer({ min: 1, max }))
    const shape = fc
      .record({ B: size(3), C: fc.integer({ min: 2, max: 40 }), D: size(70), E: size(70) })
      .chain(s => fc.integer({ min: 1, max: Math.min(4, s.C - 1) }).map(n => ({ ...s, n })))
    const one = { B: 1, C: 9, D: 48, E: 64, n: 1 }
    await fc.assert(
      fc.asyncProperty(shape, async s => {
        const p = caches(s)
        const graph = simplified(p.finish())
        const first = compileGraph(graph, device.traits)
        expect(first.outputs.filter(o => first.inputs.some(i => i.buffer === o.buffer))).toHaveLength(2)
        const { error, where } = await compareSchedules(device, graph, p.data)
        expect(error, where).toBeLessThan(1e-4)
      }),
      {
        numRuns: 8,
        examples: [
          [one],
          [{ ...one, B: 2 }],
          [{ ...one, B: 3, n: 2, D: 3 }],
          [{ ...one, B: 2, n: 3 }],
          [{ ...one, D: 1, E: 1 }],
        ],
      },
    )
    const { steps, kernels } = compileGraph(simplified(caches(one).finish()), device.traits)
    // The product and the second value, each into its cache, both sums, and the read of the first cache.
    expect(steps.length, kernels.map(k => k.name).join(', ')).toBeLessThanOrEqual(4)
  })

  it('does not write positions outside the tensor', { timeout: 240_000 }, async () => {
    const shape = fc
      .record({
        B: fc.constantFrom(1, 2, 3),
        C: fc.integer({ min: 1, max: 40 }),
        D: fc.constantFrom(1, 4, 9, 64),
      })
      .chain(s =>
        fc
          .record({
            n: fc.integer({ min: 1, max: s.C }),
            from: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: s.B, maxLength: s.B }),
          })
          .map(o => ({ ...s, ...o })),
      )
    const past = { B: 2, C: 16, D: 64, n: 4, from: [3, -2] }
    await fc.assert(
      fc.asyncProperty(shape, async ({ from, ...s }) => {
        const p = cache(s)
        const starts = from.map((f, i) => (i % 2 === 0 ? s.C - s.n + f : f))
        p.data.set('from', Int32Array.from(starts))
        const graph = simplified(p.finish())
        expect(inPlace(graph)).toBe(s.n < s.C)
        const { error, where } = await compare(device, graph, p.data)
        expect(error, `${where}, from ${starts}`).toBeLessThan(1e-4)
      }),
      {
        numRuns: 10,
        examples: [
          [past],
          [{ ...past, n: 16 }],
          [{ ...past, D: 1 }],
          [{ ...past, C: 300, n: 256, D: 1, from: [3, -2] }],
          [{ ...past, C: 1, n: 1, from: [1, -1] }],
        ],
      },
    )
  })

  it.each(['another reader', 'another place', 'two axes', 'a computed place'] as const)(
    'is copied where there is %s',
    async broken => {
      const p = cache({ B: 2, C: 10, D: 12, n: 3 }, broken)
      const graph = simplified(p.finish())
      expect(inPlace(graph)).toBe(false)
      const { error, where } = await compare(device, graph, p.data)
      expect(error, where).toBeLessThan(1e-4)
    },
  )

  it('is the tensor of the input, and keeps its values elsewhere', async () => {
    for (const broken of ['nothing', 'another reader'] as const) {
      const p = cache({ B: 1, C: 6, D: 4, n: 2 }, broken)
      const executable = await load(device, compileGraph(simplified(p.finish()), device.traits))
      const tensors = Object.fromEntries(
        executable.artifact.inputs.map(i => [i.name, zeros(device, i.dtype, i.shape, i.name)]),
      )
      expect(executable.run(tensors).next).toBe(tensors.old)
      executable.destroy()
      for (const t of Object.values(tensors)) t.destroy()
    }
  })

  it('is a cache in each layer of a model that decodes the next token', { timeout: 240_000 }, async () => {
    const { program } = loadProgram(['std.models.llama'])
    const fn = program.fns.get('std.models.llama.logits')!
    const all = { L: 3, E: 12, K: 2, G: 2, Pairs: 4, F: 20, V: 33, T: 40, H: 4, D: 8 }
    const bindings = { sizes: new Map(Object.entries(all)) }
    for (const [rows, window] of [
      [1, 1],
      [3, 1],
      [2, 8],
    ] as const) {
      const made = specialiseDecoder(
        { program, predictor: { kind: 'fn', fn }, bindings, rows },
        window,
        'next',
      )
      const graph = simplified(E.getOrElse<string, Graph>(why => expect.unreachable(why))(made))
      expect(inPlace(graph)).toBe(true)
      const data = new Map<string, ArrayLike<number>>()
      for (const n of graph.nodes)
        if (n.kind === 'input') {
          const length = n.shape.reduce((a, b) => a * b, 1)
          const value = (i: number): number =>
            n.name === 'tokens'
              ? (i * 7) % all.V
              : n.name === 'start'
                ? 5 * i
                : n.name === 'at'
                  ? i
                  : Math.sin(i * 1.7 + length)
          data.set(
            n.name,
            Float32Array.from({ length }, (_, i) => value(i)),
          )
        }
      const { error, where } = await compare(device, graph, data)
      expect(error, where).toBeLessThan(1e-3)
    }
  })
})
