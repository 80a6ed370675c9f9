import { expect } from 'vitest'
import { differentiate } from '../../../compiler/differentiate/differentiate.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { cast, f32, i32, identityAt, index, prim, read } from '../../../compiler/ir/expr.js'
import { shapeOf } from '../../../compiler/ir/graph.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Axis, Expr, Graph, NodeId } from '../../../compiler/ir/ir.js'
import { printGraph } from '../../../compiler/ir/print.js'
import { verify } from '../../../compiler/ir/verify.js'

export type Inputs = ReadonlyMap<string, Float64Array>

/** Σ over all elements. */
export const total = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0)

/** A weight for each element, so that errors in different elements do not cancel. */
export const weight = (i: number): number => 1 + ((i * 7) % 5) / 4

/** The scalar Σ weight(i)·x[i] of a node, over all its elements. */
export const weighted = (b: Builder, id: NodeId): NodeId => {
  const shape = shapeOf(b.node(id))
  const axes = shape.map((n, i) => b.axis(`w${i}`, n))
  const flat = identityAt([axes])[0]!
  const factor = prim(
    'add',
    f32(1),
    prim('div', cast('f32', prim('mod', prim('mul', flat, i32(7)), i32(5))), f32(4)),
  )
  return b.compute({
    dtype: 'f32',
    dims: [],
    reduce: { op: 'sum', axes },
    body: prim('mul', factor, read(id, 'f32', axes.map(index))),
    origin: { label: 'weighted' },
  })
}

export const node = (
  b: Builder,
  dims: readonly Axis[],
  body: Expr,
  over: readonly Axis[] = [],
  op: 'sum' | 'prod' | 'max' | 'min' = 'sum',
): NodeId =>
  b.compute({
    dtype: 'f32',
    dims: dims.map(a => [a]),
    ...(over.length === 0 ? {} : { reduce: { op, axes: over } }),
    body,
    origin: { label: 'n' },
  })

/** The graph with one output `d.NAME` for each f32 input of those named, and `loss`. */
export const gradientGraph = (graph: Graph, loss: NodeId, names: readonly string[]): Graph => {
  const b = new Builder({ ...graph, outputs: [] })
  const inputs = names.map(name => graph.nodes.find(n => n.kind === 'input' && n.name === name)!)
  const by = differentiate(
    b,
    loss,
    inputs.map(n => n.id),
  )
  b.output('loss', loss)
  by.forEach((id, i) => {
    expect(shapeOf(b.node(id)), `shape of d.${names[i]}`).toEqual(shapeOf(inputs[i]!))
    b.output(`d.${names[i]}`, id)
  })
  return b.finish()
}

/** Derivatives of the sum of a node by inputs, as numbers, after a check against central differences. */
export const gradientsOf = (
  b: Builder,
  loss: NodeId,
  values: Readonly<Record<string, readonly number[]>>,
  by: readonly string[],
): readonly (readonly number[])[] => {
  const inputs = new Map(Object.entries(values).map(([name, x]) => [name, Float64Array.from(x)]))
  b.output('loss', loss)
  const graph = expectGradient(b.finish(), loss, inputs, by)
  const out = interpret(graph, inputs)
  return by.map(name => [...out.get(`d.${name}`)!])
}

/** The worst difference between derivatives and central differences, relative to 1 + their size. */
export const worstError = (graph: Graph, inputs: Inputs, names: readonly string[], h = 1e-5): number => {
  const got = interpret(graph, inputs)
  const at = (name: string, i: number, by: number): number => {
    const moved = Float64Array.from(inputs.get(name)!)
    moved[i] = moved[i]! + by
    return total(interpret(graph, new Map([...inputs, [name, moved]])).get('loss')!)
  }
  let worst = 0
  for (const name of names)
    got.get(`d.${name}`)!.forEach((value, i) => {
      const difference = (at(name, i, h) - at(name, i, -h)) / (2 * h)
      const error = Math.abs(value - difference) / (1 + Math.abs(difference))
      worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error)
    })
  return worst
}

/** Fails where the gradient's graph is malformed or differs from central differences. */
export const expectGradient = (
  graph: Graph,
  loss: NodeId,
  inputs: Inputs,
  names: readonly string[],
  tolerance = 1e-6,
): Graph => {
  const full = gradientGraph(graph, loss, names)
  expect(verify(full)).toEqual([])
  const worst = worstError(full, inputs, names)
  expect(worst, worst > tolerance ? printGraph(full) : '').toBeLessThan(tolerance)
  return full
}
