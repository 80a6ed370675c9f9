import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { ComputeNode, Graph } from '../../../compiler/ir/ir.js'
import { printGraph } from '../../../compiler/ir/print.js'
import { verified, verify } from '../../../compiler/ir/verify.js'
import { randomGraph } from './random-graph.js'

const origin = { label: 'here' }

const small = (): Graph => {
  const b = new Builder()
  const x = b.input('x', 'f32', [3])
  const init = b.literal('f32', [3], [0, 0, 0], origin)
  const l = b.axis('l', 2)
  const region = b.region(l, 'down')
  const c = b.openCarry({ dtype: 'f32', shape: [3, 3], region: region.id, init, origin })
  const i = b.axis('i', 3)
  const before = read(c, 'f32', [prim('add', index(l), i32(1)), index(i)])
  const body = prim('add', before, read(x, 'f32', [index(i)]))
  b.closeCarry(c, b.compute({ dtype: 'f32', dims: [[l], [i]], body, region: region.id, origin }))
  b.output('c', c)
  return b.finish()
}

/** The graph with its compute node changed. */
const changed = (graph: Graph, change: (n: ComputeNode) => ComputeNode): Graph => ({
  ...graph,
  nodes: graph.nodes.map(n => (n.kind === 'compute' ? change(n) : n)),
})

describe('verify', () => {
  it('accepts random graphs, which run', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const { graph, inputs } = randomGraph(seed)
        expect(verify(graph), printGraph(graph)).toEqual([])
        interpret(graph, inputs)
      }),
      { numRuns: 300 },
    )
  })

  it('accepts a fold', () => expect(verify(small())).toEqual([]))

  const faults: readonly [string, (g: Graph) => Graph, RegExp][] = [
    ['a wrong type', g => changed(g, n => ({ ...n, dtype: 'i32' })), /marked i32, its body is f32/],
    ['mixed argument types', g => changed(g, n => ({ ...n, body: prim('add', n.body, i32(1)) })), /one type/],
    ['too few positions', g => changed(g, n => ({ ...n, body: read(0, 'f32', []) })), /at 0 positions/],
    ['a position that is no i32', g => changed(g, n => ({ ...n, body: read(0, 'f32', [f32(0)]) })), /is f32/],
    ['a read outside', g => changed(g, n => ({ ...n, body: read(0, 'f32', [i32(3)]) })), /runs from 3 to 3/],
    [
      'a read that goes outside for some index',
      g => changed(g, n => ({ ...n, body: read(0, 'f32', [prim('add', index(n.dims[1]![0]!), i32(1))]) })),
      /runs from 1 to 3/,
    ],
    [
      'an unbound axis',
      g => changed(g, n => ({ ...n, body: read(0, 'f32', [index({ id: 99, name: 'z', extent: 3 })]) })),
      /axis z .* not bound/,
    ],
    [
      'an axis bound twice',
      g => changed(g, n => ({ ...n, reduce: { op: 'sum', axes: [n.dims[1]![0]!] } })),
      /bound by node \d+ and by node/,
    ],
    [
      'a node without its region axis',
      g => changed(g, n => ({ ...n, dims: n.dims.slice(1) })),
      /is not the axis l/,
    ],
    [
      'a read of the carry at the wrong slot',
      g =>
        changed(g, n => ({
          ...n,
          body: read(
            2,
            'f32',
            n.dims.map(d => index(d[0]!)),
          ),
        })),
      /not at l \+ 1/,
    ],
    ['a wrong order', g => ({ ...g, nodes: [...g.nodes].reverse() }), /before it is evaluated/],
    ['a missing output', g => ({ ...g, outputs: [{ name: 'y', node: 77 }] }), /output y: node 77/],
    [
      'a carry of another shape',
      g => ({ ...g, nodes: g.nodes.map(n => (n.kind === 'carry' ? { ...n, shape: [2, 3] } : n)) }),
      /does not begin with \[3\]/,
    ],
    [
      'a carry whose next is outside',
      g => ({ ...g, nodes: g.nodes.map(n => (n.kind === 'carry' ? { ...n, next: 1 } : n)) }),
      /no compute node of region/,
    ],
  ]
  for (const [what, fault, message] of faults)
    it(`refuses ${what}`, () => expect(verify(fault(small())).join('\n')).toMatch(message))

  it('finds nothing wrong with a read under a condition', () => {
    const body = (n: ComputeNode) => {
      const i = index(n.dims[1]![0]!)
      return prim('select', prim('gt', i, i32(0)), read(0, 'f32', [prim('sub', i, i32(1))]), f32(0))
    }
    expect(verify(changed(small(), n => ({ ...n, body: body(n) })))).toEqual([])
  })

  it('names the pass and shows the node', () => {
    const broken = changed(small(), n => ({ ...n, dtype: 'i32' }))
    expect(() => verified(broken, 'fusion')).toThrow(/after "fusion"[\s\S]*%3 i32\[l=2, i=3\] "here"/)
  })
})

describe('print', () => {
  it('shows regions as blocks and expressions with operators', () => {
    expect(printGraph(small())).toBe(`%0 f32[3] "x" = input x
%1 f32[3] "here" = literal 0, 0, 0
loop down l=2:
  %2 f32[3, 3] "here" = carry from %1, next %3
  %3 f32[l=2, i=3] "here" = %2[l + 1, i] + %0[i]
output c = %2
`)
  })

  it('names what is shared and brackets only where needed', () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [4])
    const i = b.axis('i', 4)
    const a = read(x, 'f32', [index(i)])
    const s = prim('sigmoid', prim('mul', prim('add', a, f32(1)), f32(-2)))
    const body = prim('sub', prim('mul', s, s), prim('sub', a, prim('neg', a)))
    b.output('y', b.compute({ dtype: 'f32', dims: [], reduce: { op: 'max', axes: [i] }, body, origin }))
    expect(printGraph(b.finish())).toContain(
      '%1 f32[] "here" = max i=4: let $0 = sigmoid((%0[i] + 1.0) * -2.0); $0 * $0 - (%0[i] - -%0[i])',
    )
  })
})
