import { type ReadExpr, readsOf } from '../ir/expr.js'
import { regionOf, regionPath, shapeOf } from '../ir/graph.js'
import type { Graph, Node, NodeId } from '../ir/ir.js'
import type { Group } from '../kernel/group.js'

/** The order in which a node's dimensions lie in memory, the slowest first. */
export type Layout = (node: Node) => readonly number[]

/**
 * The dimension that a read at `x idiv n` in dimension `slot` reads at `x mod n`. For n = 1 it is a dimension
 * of extent 1 that is read at position 0.
 */
const remainderDimension = ({ at }: ReadExpr, slot: number, shape: readonly number[]): number | undefined => {
  const quotient = at[slot]!
  const found = at.findIndex((p, i) => {
    if (i <= slot) return false
    if (shape[i] === 1) return quotient.op !== 'const' && p.op === 'const' && p.value === 0
    return (
      quotient.op === 'idiv' &&
      p.op === 'mod' &&
      p.args[0] === quotient.args[0] &&
      p.args[1]!.op === 'const' &&
      p.args[1]!.value === shape[i]
    )
  })
  return found < 0 ? undefined : found
}

/**
 * The layout of a graph's nodes: row-major, except for the slots of a loop over chunks of an axis. Where
 * readers outside the loop take slot `x idiv n` and position `x mod n`, the slots lie beside that dimension,
 * as if the axis had never been split into chunks.
 */
export const layoutOf = (graph: Graph, groups: readonly Group[]): Layout => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const depth = (n: Node): number => regionPath(graph, regionOf(n)).length
  const chunked = new Set(graph.regions.flatMap(r => (r.chunks ? [r.id] : [])))
  const neighbourOf = new Map<NodeId, number>()
  // The caller expects outputs in row-major order.
  const outputs = new Set(graph.outputs.map(o => o.node))
  for (const g of groups)
    for (const m of g.members)
      for (const r of readsOf(m.body)) {
        const source = nodes.get(r.node)!
        if (source.kind !== 'compute' || source.region === undefined || neighbourOf.has(r.node)) continue
        if (!chunked.has(source.region) || outputs.has(r.node)) continue
        const dim = remainderDimension(r, depth(source) - 1, shapeOf(source))
        if (dim !== undefined) neighbourOf.set(r.node, dim)
      }
  return node => {
    const order = [...shapeOf(node).keys()]
    const dim = neighbourOf.get(node.id)
    if (dim === undefined) return order
    const slot = depth(node) - 1
    const rest = order.filter(i => i !== slot)
    return [...rest.slice(0, rest.indexOf(dim)), slot, ...rest.slice(rest.indexOf(dim))]
  }
}
