import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, mixedRadix, prim, read } from '../../../compiler/ir/expr.js'
import { shapeOf } from '../../../compiler/ir/graph.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Expr, ReduceOp } from '../../../compiler/ir/ir.js'
import { printGraph } from '../../../compiler/ir/print.js'
import { naive } from './naive.js'
import { randomGraph } from './random-graph.js'

const origin = { label: 'test' }
const run = (
  b: Builder,
  inputs: Record<string, readonly number[]> = {},
  options = {},
): Record<string, number[]> =>
  Object.fromEntries(
    [...interpret(b.finish(), new Map(Object.entries(inputs)), options)].map(([k, v]) => [k, [...v]]),
  )

describe('interpret', () => {
  it('gives what the definition gives, element by element', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const { graph, inputs } = randomGraph(seed)
        const element = naive(graph, inputs)
        const results = interpret(graph, inputs)
        for (const { name, node } of graph.outputs) {
          const shape = shapeOf(graph.nodes.find(n => n.id === node)!)
          results.get(name)!.forEach((value, offset) => {
            const at = shape.map(
              (n, i) => Math.floor(offset / shape.slice(i + 1).reduce((a, b) => a * b, 1)) % n,
            )
            const expected = element(node, at)
            if (value !== expected && !(Number.isNaN(value) && Number.isNaN(expected)))
              throw new Error(`${name}[${at}] is ${value}, by definition ${expected}\n${printGraph(graph)}`)
          })
        }
      }),
      { numRuns: 300 },
    )
  })

  describe('reads outside of a tensor', () => {
    const shifted = (by: number, body: (r: (guarded?: boolean) => Expr, at: Expr) => Expr, n = 3) => {
      const b = new Builder()
      const x = b.input('x', 'f32', [3])
      const i = b.axis('i', n)
      const at = prim('add', index(i), i32(by))
      const dims = [[i]]
      b.output('y', b.compute({ dtype: 'f32', dims, body: body(g => read(x, 'f32', [at], g), at), origin }))
      return () => run(b, { x: [1, 2, 3] }).y
    }
    const inside = (at: Expr) => prim('and', prim('ge', at, i32(0)), prim('lt', at, i32(3)))

    it('throws where such a value counts', () => {
      for (const by of [1, -1]) {
        expect(shifted(by, r => r())).toThrow(/reads outside of %0 .*whose shape is \[3\]/)
        expect(shifted(by, r => prim('mul', r(), f32(0)))).toThrow(/reads outside/)
        expect(shifted(by, (r, at) => prim('select', inside(at), f32(0), r()))).toThrow(/reads outside/)
      }
    })

    it('does not where it is guarded, is not chosen, or is never computed', () => {
      expect(shifted(1, r => r(true))()).toEqual([2, 3, 0])
      expect(shifted(-1, (r, at) => prim('select', inside(at), r(), f32(9)))()).toEqual([9, 1, 2])
      expect(shifted(5, r => r(), 0)()).toEqual([])
    })

    it('throws for an index among the inputs that is out of range', () => {
      const b = new Builder()
      const [x, t] = [b.input('x', 'f32', [3]), b.input('t', 'i32', [2])]
      const i = b.axis('i', 2)
      const body = read(x, 'f32', [read(t, 'i32', [index(i)])])
      b.output('y', b.compute({ dtype: 'f32', dims: [[i]], body, origin }))
      expect(run(b, { x: [1, 2, 3], t: [2, 0] })).toEqual({ y: [3, 1] })
      expect(() => run(b, { x: [1, 2, 3], t: [3, 0] })).toThrow(/reads outside/)
    })
  })

  it('multiplies matrices', () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [2, 3])
    const y = b.input('y', 'f32', [3, 2])
    const [i, j, k] = [b.axis('i', 2), b.axis('j', 2), b.axis('k', 3)]
    const body = prim('mul', read(x, 'f32', [index(i), index(k)]), read(y, 'f32', [index(k), index(j)]))
    b.output(
      'z',
      b.compute({ dtype: 'f32', dims: [[i], [j]], reduce: { op: 'sum', axes: [k] }, body, origin }),
    )
    expect(run(b, { x: [1, 2, 3, 4, 5, 6], y: [1, 0, 0, 1, 1, 1] })).toEqual({ z: [4, 5, 10, 11] })
  })

  it('reads product dimensions by their mixed-radix number', () => {
    const b = new Builder()
    const [h, d] = [b.axis('h', 2), b.axis('d', 3)]
    const n = b.compute({
      dtype: 'i32',
      dims: [[h, d]],
      body: prim('add', prim('mul', index(h), i32(10)), index(d)),
      origin,
    })
    const [g, e] = [b.axis('g', 2), b.axis('e', 3)]
    const at = mixedRadix([index(g), index(e)], [2, 3])
    b.output('n', n)
    b.output('t', b.compute({ dtype: 'i32', dims: [[e], [g]], body: read(n, 'i32', [at]), origin }))
    expect(run(b)).toEqual({ n: [0, 1, 2, 10, 11, 12], t: [0, 10, 1, 11, 2, 12] })
  })

  it('gives 0 for a guarded read outside', () => {
    const b = new Builder()
    const x = b.literal('f32', [3], [1, 2, 3], origin)
    const i = b.axis('i', 5)
    const body = read(x, 'f32', [prim('sub', index(i), i32(1))], true)
    b.output('y', b.compute({ dtype: 'f32', dims: [[i]], body, origin }))
    expect(run(b)).toEqual({ y: [0, 1, 2, 3, 0] })
  })

  const reductions: readonly [ReduceOp, number, number][] = [
    ['sum', 8, 0],
    ['prod', 12, 1],
    ['max', 3, Number.NEGATIVE_INFINITY],
    ['min', 1, Number.POSITIVE_INFINITY],
    ['argmax', 1, 0],
    ['argmin', 0, 0],
  ]
  for (const [op, full, empty] of reductions)
    it(`reduces by ${op}, the first of equals, and an empty axis to the identity`, () => {
      for (const [data, expected] of [
        [[1, 3, 1, 3].slice(0, 4), full],
        [[], empty],
      ] as const) {
        const b = new Builder()
        const values = op === 'prod' ? data.map((v, i) => (i === 2 ? 4 : i === 3 ? 1 : v)) : data
        const x = b.literal('f32', [values.length], values, origin)
        const i = b.axis('i', values.length)
        const arg = op.startsWith('arg')
        b.output(
          'y',
          b.compute({
            dtype: arg ? 'i32' : 'f32',
            dims: [],
            reduce: { op, axes: [i] },
            body: read(x, 'f32', [index(i)]),
            origin,
          }),
        )
        expect(run(b).y).toEqual([expected])
      }
    })

  it('carries upwards and downwards, keeping every slot', () => {
    for (const direction of ['up', 'down'] as const) {
      const b = new Builder()
      const w = b.literal('f32', [3], [2, 3, 5], origin)
      const init = b.literal('f32', [2], [1, 10], origin)
      const l = b.axis('l', 3)
      const region = b.region(l, direction)
      const carry = b.openCarry({ dtype: 'f32', shape: [4, 2], region: region.id, init, origin })
      const i = b.axis('i', 2)
      const slot = direction === 'up' ? index(l) : prim('add', index(l), i32(1))
      const body = prim(
        'add',
        prim('mul', read(carry, 'f32', [slot, index(i)]), read(w, 'f32', [index(l)])),
        prim('select', prim('eq', index(i), i32(0)), f32(1), f32(0)),
      )
      const next = b.compute({ dtype: 'f32', dims: [[l], [i]], body, region: region.id, origin })
      b.closeCarry(carry, next)
      b.output('c', carry)
      expect(run(b).c).toEqual(
        direction === 'up' ? [1, 10, 3, 20, 10, 60, 51, 300] : [39, 300, 19, 150, 6, 50, 1, 10],
      )
    }
  })

  it('runs a region within a region', () => {
    const b = new Builder()
    const init = b.literal('i32', [], [1], origin)
    const outer = b.axis('o', 2)
    const inner = b.axis('n', 3)
    const r = b.region(outer, 'up')
    const s = b.region(inner, 'down', r.id)
    const c = b.openCarry({ dtype: 'i32', shape: [3], region: r.id, init, origin })
    const start = b.compute({
      dtype: 'i32',
      dims: [[outer]],
      body: prim('add', read(c, 'i32', [index(outer)]), i32(100)),
      region: r.id,
      origin,
    })
    const d = b.openCarry({ dtype: 'i32', shape: [2, 4], region: s.id, init: start, origin })
    const step = b.compute({
      dtype: 'i32',
      dims: [[outer], [inner]],
      body: prim(
        'add',
        prim('mul', read(d, 'i32', [index(outer), prim('add', index(inner), i32(1))]), i32(2)),
        index(inner),
      ),
      region: s.id,
      origin,
    })
    b.closeCarry(d, step)
    const end = b.compute({
      dtype: 'i32',
      dims: [[outer]],
      body: read(d, 'i32', [index(outer), i32(0)]),
      region: r.id,
      origin,
    })
    b.closeCarry(c, end)
    b.output('c', c)
    b.output('d', d)
    const inward = (x: number): number => ((x * 2 + 2) * 2 + 1) * 2
    const first = inward(101)
    expect(run(b).c).toEqual([1, first, inward(first + 100)])
    expect(run(b).d!.slice(0, 4)).toEqual([first, 409, 204, 101])
  })

  it('rounds stored values to float32 when asked', () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [])
    b.output(
      'y',
      b.compute({ dtype: 'f32', dims: [], body: prim('mul', read(x, 'f32', []), f32(3)), origin }),
    )
    expect(run(b, { x: [0.1] }).y).toEqual([0.1 * 3])
    expect(run(b, { x: [0.1] }, { round: 'f32' }).y).toEqual([Math.fround(Math.fround(0.1) * 3)])
  })

  it('refuses missing and misshapen inputs', () => {
    const b = new Builder()
    b.output('x', b.input('x', 'f32', [2]))
    expect(() => run(b)).toThrow('input x is missing')
    expect(() => run(b, { x: [1] })).toThrow('has 1 values, but shape [2] wants 2')
  })
})
