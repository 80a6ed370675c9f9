import { type ReadExpr, readsOf } from '../ir/expr.js'
import { regionOf, regionPath, shapeOf } from '../ir/graph.js'
import type { Graph, Node, NodeId } from '../ir/ir.js'
import type { Group } from '../kernel/group.js'

/** In which order a node's dimensions lie in memory, the slowest first. */
export type Layout = (node: Node) => readonly number[]

/**
 * The dimension that a read at `x idiv n` in dimension `slot` reads at `x mod n`; for n = 1 that is position
 * 0 of a dimension of extent 1.
 */
const partner = ({ at }: ReadExpr, slot: number, shape: readonly number[]): number | undefined => {
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
 * Dimensions lie in memory in their order, but for the slots of a loop over chunks of one: where readers
 * outside take slot `x idiv n` and place `x mod n`, the slots lie beside that place, as if the axis had never
 * been in chunks.
 */
export const layoutOf = (graph: Graph, groups: readonly Group[]): Layout => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const depth = (n: Node): number => regionPath(graph, regionOf(n)).length
  const chunked = new Set(graph.regions.flatMap(r => (r.chunks ? [r.id] : [])))
  const beside = new Map<NodeId, number>()
  // Whoever takes an output expects it row by row.
  const outputs = new Set(graph.outputs.map(o => o.node))
  for (const g of groups)
    for (const m of g.members)
      for (const r of readsOf(m.body)) {
        const source = nodes.get(r.node)!
        if (source.kind !== 'compute' || source.region === undefined || beside.has(r.node)) continue
        if (!chunked.has(source.region) || outputs.has(r.node)) continue
        const dim = partner(r, depth(source) - 1, shapeOf(source))
        if (dim !== undefined) beside.set(r.node, dim)
      }
  return node => {
    const order = [...shapeOf(node).keys()]
    const dim = beside.get(node.id)
    if (dim === undefined) return order
    const slot = depth(node) - 1
    const rest = order.filter(i => i !== slot)
    return [...rest.slice(0, rest.indexOf(dim)), slot, ...rest.slice(rest.indexOf(dim))]
  }
}
