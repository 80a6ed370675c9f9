import { describe, expect, test } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import { randomGraph } from '../ir/random-graph.js'
import { expectGradient, gradientGraph, weighted } from './support.js'

const check = (seed: number, order: 1 | 2, flat = false): void => {
  const { graph, inputs } = randomGraph(seed, { smooth: true, flat })
  const b = new Builder({ ...graph, outputs: [] })
  const parts = graph.outputs.map(o => weighted(b, o.node))
  const loss = b.compute({
    dtype: 'f32',
    dims: [],
    body: parts.map(p => read(p, 'f32', [])).reduce((x, y) => prim('add', x, y)),
    origin: { label: 'loss' },
  })
  b.output('loss', loss)
  const plain = b.finish()
  const value = interpret(plain, inputs).get('loss')![0]!
  if (!Number.isFinite(value) || Math.abs(value) > 1e3) return
  const names = ['x0', 'x1', 'x2'].filter(n => plain.nodes.some(m => m.kind === 'input' && m.name === n))
  if (order === 1) {
    expectGradient(plain, loss, inputs, names, 1e-5)
    return
  }
  const first = gradientGraph(plain, loss, names)
  for (const n of names) {
    const again = new Builder({ ...first, outputs: [] })
    const slope = weighted(again, first.outputs.find(o => o.name === `d.${n}`)!.node)
    again.output('loss', slope)
    const second = again.finish()
    expectGradient(
      second,
      slope,
      inputs,
      names.filter(n => second.nodes.some(m => m.kind === 'input' && m.name === n)),
      1e-4,
    )
  }
}

const count = Number(process.env.N ?? 60)
const from = Number(process.env.FROM ?? 1)
describe('random graphs against central differences', () => {
  for (let seed = from; seed < from + count; seed++) {
    test(`first ${seed}`, () => check(seed, 1))
    if (process.env.SECOND) test(`second ${seed}`, () => check(seed, 2))
  }
  test('x', () => expect(1).toBe(1))
})
