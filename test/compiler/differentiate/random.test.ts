import fc from 'fast-check'
import { test } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Graph, Node, NodeId, ReduceOp } from '../../../compiler/ir/ir.js'
import { type RandomProgram, randomGraph } from '../ir/random-graph.js'
import { expectGradient, gradientGraph, type Inputs, weighted } from './support.js'

const runs = Number(process.env.JOLA_GRADIENT_RUNS ?? 60)
const seeds = fc.integer({ min: 1, max: 1_000_000 })

/** A random program with a scalar loss of all its outputs. */
const program = (seed: number, change: (node: Node) => Node = n => n) => {
  const { graph, inputs }: RandomProgram = randomGraph(seed, { smooth: true })
  const b = new Builder({ ...graph, nodes: graph.nodes.map(change), outputs: [] })
  const parts = graph.outputs.map(o => weighted(b, o.node))
  const loss = b.compute({
    dtype: 'f32',
    dims: [],
    body: parts.map(p => read(p, 'f32', [])).reduce((x, y) => prim('add', x, y)),
    origin: { label: 'loss' },
  })
  b.output('loss', loss)
  return { graph: b.finish(), loss, inputs }
}

const realInputs = (graph: Graph): readonly string[] =>
  graph.nodes.flatMap(n => (n.kind === 'input' && n.dtype === 'f32' ? [n.name] : []))

const moderate = (graph: Graph, inputs: Inputs): boolean =>
  Math.abs(interpret(graph, inputs).get('loss')![0]!) < 1e3

const checkFirst = (graph: Graph, loss: NodeId, inputs: Inputs): void => {
  expectGradient(graph, loss, inputs, realInputs(graph), 1e-5)
}

test('gradients of random graphs agree with central differences', () => {
  fc.assert(
    fc.property(seeds, seed => {
      const { graph, loss, inputs } = program(seed)
      fc.pre(moderate(graph, inputs))
      checkFirst(graph, loss, inputs)
    }),
    { numRuns: runs },
  )
})

test('also with products and extrema for sums', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom<ReduceOp>('prod', 'max', 'min'), (seed, op) => {
      const { graph, loss, inputs } = program(seed, n =>
        n.kind === 'compute' && n.reduce && n.id % 2 === 0 ? { ...n, reduce: { ...n.reduce, op } } : n,
      )
      fc.pre(moderate(graph, inputs))
      checkFirst(graph, loss, inputs)
    }),
    { numRuns: runs },
  )
})

test('gradients of gradients agree with central differences', () => {
  fc.assert(
    fc.property(seeds, fc.nat(), (seed, which) => {
      const { graph, loss, inputs } = program(seed)
      const names = realInputs(graph)
      fc.pre(names.length > 0 && moderate(graph, inputs))
      const first = gradientGraph(graph, loss, names)
      const by = names[which % names.length]!
      const b = new Builder({ ...first, outputs: [] })
      const slope = weighted(b, first.outputs.find(o => o.name === `d.${by}`)!.node)
      b.output('loss', slope)
      const second = b.finish()
      fc.pre(moderate(second, inputs))
      expectGradient(second, slope, inputs, realInputs(second), 1e-4)
    }),
    { numRuns: runs },
  )
})
