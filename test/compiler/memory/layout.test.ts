import { expect, it } from 'vitest'
import { oneGroupEach } from '../../../compiler/fuse/fuse.js'
import { f32, i32, index, prim } from '../../../compiler/ir/expr.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { layoutOf } from '../../../compiler/plan/layout.js'
import { Program } from '../backend/programs.js'

/** y[l, d, t] in a loop, which t + 4 · l of a longer axis reads from outside. */
const sliced = (chunks: boolean, output: boolean): Graph => {
  const p = new Program()
  const [l, d, t] = [p.axis('l', 3), p.axis('d', 2), p.axis('t', 4)]
  const region = p.b.region(l, 'up', undefined, chunks ? { chunks: true } : {}).id
  const x = p.input('x', 3, 2, 4)
  const y = p.map('y', [l, d, t], prim('mul', p.at(x, l, d, t), f32(2)), region)
  const [whole, e] = [p.axis('whole', 12), p.axis('e', 2)]
  const at = index(whole)
  const read = p.at(y, prim('idiv', at, i32(4)), e, prim('mod', at, i32(4)))
  p.output('z', p.map('z', [e, whole], prim('add', read, f32(1))))
  if (output) p.output('y', y)
  return p.finish()
}

const orderOf = (graph: Graph): readonly number[] => {
  const y = graph.nodes.find(n => n.origin.label === 'y')!
  return layoutOf(graph, oneGroupEach(graph))(y)
}

it('slots of a loop over chunks lie beside the place that they are chunks of', () => {
  expect(orderOf(sliced(true, false))).toEqual([1, 0, 2])
})

it('slots of any other loop, and of what is an output, come first', () => {
  expect(orderOf(sliced(false, false))).toEqual([0, 1, 2])
  expect(orderOf(sliced(true, true))).toEqual([0, 1, 2])
})
