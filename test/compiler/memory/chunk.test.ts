import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalise } from '../../../compiler/fuse/normalise.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import type { Axis, Graph } from '../../../compiler/ir/ir.js'
import { verified } from '../../../compiler/ir/verify.js'
import { chunkLargeTensors, sliceBytes } from '../../../compiler/memory/chunk-tensors.js'
import { fitMemory } from '../../../compiler/memory/fit-memory.js'
import { rematerialise } from '../../../compiler/memory/rematerialise.js'
import { simplify } from '../../../compiler/simplify/simplify.js'
import { llvmpipe } from '../../support/traits.js'
import { Program } from '../backend/programs.js'
import { gradientGraph as gradientsOf, weighted } from '../differentiate/support.js'
import { randomGraph } from '../ir/random-graph.js'
import { computed, difference, functionGraph, gradientGraph, valuesFor } from './programs.js'

/** Both passes with limits that small graphs exceed, every node taken for one that is stored. */
const lean = (graph: Graph, largest: number, target: number): Graph => {
  const fewer = verified(
    rematerialise(graph, k => k.bytes > largest),
    'remat',
  )
  const stored = new Set(fewer.nodes.map(n => n.id))
  return verified(
    normalise(verified(chunkLargeTensors(fewer, stored, { largest, target }), 'chunk')),
    'normalise',
  )
}

const seeds = fc.integer({ min: 1, max: 1_000_000 })
const limits = fc
  .tuple(fc.integer({ min: 4, max: 64 }), fc.integer({ min: 4, max: 64 }))
  .map(([a, b]) => ({ largest: Math.max(a, b), target: Math.min(a, b) }))

describe('a graph in chunks, with things made again, means the same', () => {
  it('for random graphs', () => {
    fc.assert(
      fc.property(seeds, limits, (seed, { largest, target }) => {
        const { graph, inputs } = randomGraph(seed)
        const whole = normalise(simplify(graph))
        const { error, where } = difference(whole, lean(whole, largest, target), inputs)
        expect(error, where).toBeLessThan(1e-9)
      }),
      { numRuns: 150 },
    )
  })

  it('for gradients of random graphs', () => {
    fc.assert(
      fc.property(seeds, limits, (seed, { largest, target }) => {
        const { graph, inputs } = randomGraph(seed, { smooth: true })
        const b = new Builder({ ...graph, outputs: [] })
        const parts = graph.outputs.map(o => read(weighted(b, o.node), 'f32', []))
        const body = parts.reduce((x, y) => prim('add', x, y))
        const loss = b.compute({ dtype: 'f32', dims: [], body, origin: { label: 'loss' } })
        b.output('loss', loss)
        const names = graph.nodes.flatMap(n => (n.kind === 'input' && n.dtype === 'f32' ? [n.name] : []))
        const whole = normalise(simplify(gradientsOf(b.finish(), loss, names)))
        const { error, where } = difference(whole, lean(whole, largest, target), inputs)
        expect(error, where).toBeLessThan(1e-7)
      }),
      { numRuns: 60 },
    )
  })

  const sizes = { B: 2, K: 2, D: 3, E: 4, L: 3 }
  for (const G of [1, 2])
    for (const T of [1, 2, 7, 9])
      it(`for attention and its gradient, ${T} positions, ${G} queries a key`, () => {
        fc.assert(
          fc.property(fc.integer({ min: 1, max: T }), length => {
            const target = 4 * 2 * 2 * G * T * length
            for (const graph of [
              functionGraph('mix', { ...sizes, G, T }),
              gradientGraph('mixed', { ...sizes, G, T }),
              gradientGraph('layers', { ...sizes, G, T }),
            ]) {
              const whole = normalise(graph)
              const { error, where } = difference(whole, lean(whole, target, target), valuesFor(whole, 1))
              expect(error, where).toBeLessThan(1e-9)
            }
          }),
          { numRuns: 4 },
        )
      })

  it.each(['sum', 'prod', 'max', 'min'] as const)('for what chunks give together: %s', op => {
    const p = new Program()
    const [t, e, s] = [p.axis('t', 7), p.axis('e', 5), p.axis('s', 7)]
    const x = p.map('x', [t, e], prim('exp', p.at(p.input('given', 7, 5), t, e)))
    p.output('total', p.reduce('total', op, [e], [s], prim('add', p.at(x, s, e), f32(0.5))))
    const whole = normalise(p.finish())
    for (const rows of [2, 3]) {
      const parts = lean(whole, 64, 4 * 5 * rows)
      expect(parts.regions).toHaveLength(1)
      const { error, where } = difference(whole, parts, valuesFor(whole, 1))
      expect(error, where).toBeLessThan(1e-9)
    }
  })

  it('where a reader looks beyond the last chunk', () => {
    const p = new Program()
    const [t, e, s] = [p.axis('t', 7), p.axis('e', 5), p.axis('s', 7)]
    const x = p.map('x', [t, e], prim('exp', p.at(p.input('given', 7, 5), t, e)))
    const total = p.reduce('total', 'sum', [s], [e], prim('add', p.at(x, s, e), f32(0.5)))
    for (const by of [-1, 1]) {
      const next = read(total, 'f32', [prim('add', index(t), i32(by))], true)
      p.output(`moved by ${by}`, p.map('moved', [t], prim('sin', next)))
    }
    const whole = normalise(p.finish())
    const parts = lean(whole, 64, 4 * 5 * 3)
    expect(parts.regions).toHaveLength(1)
    const { error, where } = difference(whole, parts, valuesFor(whole, 1))
    expect(error, where).toBeLessThan(1e-9)
  })

  it('for loops in loops', () => {
    const whole = gradientGraph('nested', { L: 2, M: 3, E: 4 })
    const again = verified(
      rematerialise(whole, () => true),
      'remat',
    )
    expect(again).not.toBe(whole)
    const { error, where } = difference(whole, again, valuesFor(whole, 1))
    expect(error, where).toBeLessThan(1e-9)
  })

  it('where a loop reads in another order what another made', () => {
    const p = new Program()
    const [e, end] = [p.axis('e', 5), p.axis('end', 5)]
    const given = p.input('given', 5)
    const init = p.map('init', [e], p.at(given, e))
    const loop = (made: (x: number, l: Axis, region: number) => void): number => {
      const l = p.axis('l', 3)
      const region = p.b.region(l, 'up').id
      const x = p.b.openCarry({ dtype: 'f32', shape: [4, 5], region, init, origin: { label: 'x' } })
      made(x, l, region)
      return x
    }
    let seen = 0
    loop((x, l, region) => {
      seen = p.map('seen', [l, e], prim('exp', p.at(x, l, e)), region)
      p.b.closeCarry(x, p.map('next', [l, e], prim('sin', p.at(seen, l, e)), region))
    })
    const back = loop((x, l, region) => {
      const there = p.at(seen, prim('sub', i32(2), index(l)), e)
      p.b.closeCarry(x, p.map('next', [l, e], prim('mul', p.at(x, l, e), there), region))
    })
    p.output('y', p.map('y', [end], p.at(back, i32(3), end)))
    const whole = p.finish()
    const again = verified(
      rematerialise(whole, () => true),
      'remat',
    )
    const { error, where } = difference(whole, again, valuesFor(whole, 1))
    expect(error, where).toBeLessThan(1e-9)
  })

  it('for the loss over a vocabulary and its gradient', () => {
    const whole = normalise(gradientGraph('loss', { B: 3, T: 7, E: 5, V: 11 }))
    for (const target of [4 * 11, 4 * 33, 4 * 50, 4 * 80]) {
      const { error, where } = difference(whole, lean(whole, 4 * 100, target), valuesFor(whole, 11))
      expect(error, where).toBeLessThan(1e-9)
    }
  })
})

describe('what is too large', () => {
  const limit = 4 * 600
  const largest = (graph: Graph): readonly string[] =>
    computed(graph)
      .filter(n => sliceBytes(graph, n) > limit)
      .map(n => n.origin.label)

  it('is gone from attention, from its gradient, and from layers', () => {
    const sizes = { B: 1, K: 1, G: 1, D: 2, E: 2, L: 2, T: 32 }
    for (const graph of [
      functionGraph('mix', sizes),
      gradientGraph('mixed', sizes),
      gradientGraph('layers', sizes),
    ]) {
      const whole = normalise(graph)
      expect(largest(whole)).not.toEqual([])
      expect(largest(lean(whole, limit, limit))).toEqual([])
    }
  })

  it('is gone from the loss over a vocabulary', () => {
    const whole = normalise(gradientGraph('loss', { B: 2, T: 8, E: 3, V: 100 }))
    expect(largest(whole)).not.toEqual([])
    expect(largest(lean(whole, limit, limit))).toEqual([])
  })

  it('leaves a graph of small tensors as it is', () => {
    const whole = normalise(gradientGraph('mixed', { B: 1, K: 1, G: 1, D: 2, T: 8 }))
    expect(
      chunkLargeTensors(whole, new Set(whole.nodes.map(n => n.id)), { largest: limit, target: limit }),
    ).toBe(whole)
  })
})

describe('what a loop keeps for another', () => {
  const graph = normalise(gradientGraph('layers', { B: 2, K: 2, G: 1, D: 8, E: 16, L: 3, T: 32 }))
  const any = Number.POSITIVE_INFINITY
  const within = (kept: number, operations: number, bindingBytes = 2 ** 27): Graph =>
    fitMemory(graph, { ...llvmpipe, bindingBytes }, { largest: any, target: any, kept, operations })

  it('is made again where it is much and costs little', () => {
    expect(within(any, any)).toBe(graph)
    expect(within(8192, 0)).toBe(graph)
    expect(within(8192, 512)).not.toBe(graph)
  })

  it('is made again at any cost where no binding holds it', () => {
    expect(within(any, 0, 8192)).not.toBe(graph)
  })
})
