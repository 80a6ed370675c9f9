import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, sliceBytes } from '../../../compiler/chunk/chunk.js'
import { normalise } from '../../../compiler/fuse/normalise.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { prim, read } from '../../../compiler/ir/expr.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { verified } from '../../../compiler/ir/verify.js'
import { rematerialised } from '../../../compiler/remat/remat.js'
import { simplify } from '../../../compiler/simplify/simplify.js'
import { gradientGraph as gradientsOf, weighted } from '../differentiate/support.js'
import { randomGraph } from '../ir/random-graph.js'
import { computed, difference, functionGraph, gradientGraph, valuesFor } from './programs.js'

/** Both passes with limits that small graphs exceed, every node taken for one that is stored. */
const lean = (graph: Graph, largest: number, target: number): Graph => {
  const fewer = verified(
    rematerialised(graph, k => k.bytes > largest),
    'remat',
  )
  const stored = new Set(fewer.nodes.map(n => n.id))
  return verified(normalise(verified(chunked(fewer, stored, { largest, target }), 'chunk')), 'normalise')
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
    expect(chunked(whole, new Set(whole.nodes.map(n => n.id)), { largest: limit, target: limit })).toBe(whole)
  })
})
