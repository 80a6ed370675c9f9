import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import { sortGraph } from '../../../compiler/ir/graph.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Expr, Graph } from '../../../compiler/ir/ir.js'
import { printGraph } from '../../../compiler/ir/print.js'
import { verify } from '../../../compiler/ir/verify.js'
import { hoistInvariants } from '../../../compiler/simplify/hoist-invariants.js'
import { inlineViews } from '../../../compiler/simplify/inline-views.js'
import { shareNodes } from '../../../compiler/simplify/share-nodes.js'
import { simplify } from '../../../compiler/simplify/simplify.js'
import { randomGraph } from '../ir/random-graph.js'

/** Equal numbers; both NaN; zeros of either sign. */
const same = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b))

const keepsValues = (transform: (g: Graph) => Graph, numRuns: number): void => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const { graph, inputs } = randomGraph(seed)
      const after = transform(graph)
      expect(verify(after), `${printGraph(graph)}\n${printGraph(after)}`).toEqual([])
      const expected = interpret(graph, inputs)
      const actual = interpret(after, inputs)
      for (const [name, values] of expected) {
        const got = actual.get(name)!
        const wrong = [...values].findIndex((v, i) => !same(v, got[i]!))
        if (wrong >= 0 || got.length !== values.length)
          throw new Error(
            [
              `${name}[${wrong}] is ${got[wrong]}, was ${values[wrong]}`,
              printGraph(graph),
              printGraph(after),
            ].join('\n'),
          )
      }
    }),
    { numRuns },
  )
}

describe('simplify', () => {
  it('keeps every value of random graphs', () => keepsValues(simplify, 400), 60_000)
  it('is idempotent', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const once = simplify(randomGraph(seed).graph)
        expect(printGraph(simplify(once))).toBe(printGraph(once))
      }),
      { numRuns: 100 },
    )
  }, 60_000)
  it('keeps values in each pass over the graph', () => {
    for (const pass of [inlineViews, shareNodes, hoistInvariants]) keepsValues(g => sortGraph(pass(g)), 100)
  }, 60_000)
})

describe('for sizes not known', () => {
  const body = (extent: number, condition: (i: Expr) => Expr): string => {
    const b = new Builder(undefined, true)
    const x = b.input('x', 'f32', [extent])
    const i = b.axis('i', extent)
    const chosen = prim('select', condition(index(i)), read(x, 'f32', [index(i)]), f32(0))
    b.output('y', b.compute({ dtype: 'f32', dims: [[i]], body: chosen, origin: { label: 'y' } }))
    return printGraph(simplify(b.finish(), { anySize: true }))
  }

  it('nothing is decided by where an index ends, and what holds at its beginning is', () => {
    expect(body(2, i => prim('ne', i, i32(0)))).toContain('if i != 0')
    expect(body(4, i => prim('ge', i, i32(3)))).toContain('if i >= 3')
    expect(body(4, i => prim('lt', i, i32(1)))).toContain('if i == 0')
  })
})
