import type { DeviceTraits } from '../artifact.js'
import { i32, readsOf, rewrite, substituteAxes } from '../ir/expr.js'
import { dimensionsOfNode, regionPath, shapeOf } from '../ir/graph.js'
import type { ComputeNode, Expr, InputNode, NodeId } from '../ir/ir.js'
import { inputsFromMemory } from '../kernel/context.js'
import type { Group } from '../kernel/group.js'
import { freshAxes, type GroupedGraph } from './compile.js'

/**
 * One group as a graph of its own, for measuring schedules. The nodes that it reads become inputs, the nodes
 * that it stores become outputs, and the loops around it stand at their first iteration. Sizes and layouts
 * are like the original's, so that its kernel takes the same schedules; values are arbitrary.
 *
 * The kernel differs from the original, and has another signature, in two cases: where the original writes in
 * place (here that is an ordinary output), and where the original reads from main memory inputs that stay in
 * the cache here.
 */
export const fragmentOf = (whole: GroupedGraph, group: Group, traits: DeviceTraits): GroupedGraph => {
  const { graph } = whole
  const loops = regionPath(graph, group.region)
  const still = new Map<number, Expr>(loops.map(r => [r.axis.id, i32(0)]))
  const own = new Set(group.members.map(m => m.id))
  const members = group.members.map((m): ComputeNode => {
    // What lies outside of a band is 0 by other nodes' values, and these are arbitrary here.
    const { region: _, band: _band, readBand: _readBand, ...rest } = m
    const body = rewrite(substituteAxes(m.body, still), e =>
      e.op === 'read' && own.has(e.node) ? { ...e, at: e.at.slice(loops.length) } : e,
    )
    return { ...rest, dims: m.dims.slice(loops.length), body }
  })
  const reads = members.flatMap(m => readsOf(m.body)).filter(r => !own.has(r.node))
  const first = (e: Expr): boolean => e.op === 'const' && e.value === 0
  const inputs = [...new Set(reads.map(r => r.node))].map((id): InputNode => {
    const n = graph.nodes.find(x => x.id === id)!
    if (n.kind === 'input' && n.size !== undefined) return n
    const of = reads.filter(r => r.node === id)
    const shape = shapeOf(n)
    const open = dimensionsOfNode(n).map(d => d.open)
    return {
      kind: 'input',
      id,
      name: `x${id}`,
      dtype: n.dtype,
      // One layer is enough of a weight that is stacked for all layers.
      shape: shape.map((extent, d) => (d < shape.length - 1 && of.every(r => first(r.at[d]!)) ? 1 : extent)),
      origin: n.origin,
      ...(open.every(o => o === undefined) ? {} : { open }),
      ...(n.kind === 'input' && n.packing !== undefined ? { packing: n.packing } : {}),
    }
  })
  const stored = members.filter(m => group.stored.has(m.id))
  const fragment = {
    nodes: [...inputs, ...members],
    regions: [],
    outputs: stored.map(m => ({ name: outputName(m.id), node: m.id })),
    ...(graph.sizes === undefined ? {} : { sizes: graph.sizes }),
  }
  const { region: _, ...alone } = group
  return {
    graph: fragment,
    groups: [{ ...alone, members, updates: new Map() }],
    axis: freshAxes(fragment),
    fromMemory: inputsFromMemory(
      inputs.filter(n => whole.fromMemory.has(n.id)),
      traits,
    ),
  }
}

const outputName = (id: NodeId): string => `y${id}`
