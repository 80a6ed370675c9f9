import { childrenOf, postorder, rewriter, substituteAxes } from '../ir/expr.js'
import { sortGraph } from '../ir/graph.js'
import type { ComputeNode, Expr, Graph, NodeId } from '../ir/ir.js'

/** A definition longer than this stands on a line of its own. */
const longest = 8
/** One as short as this is repeated where it is used. */
const shortest = 1

/** How many operations an expression has; conversions are none. */
export const operationCount = (e: Expr): number =>
  postorder(e).filter(x => x.op !== 'const' && x.op !== 'index' && x.op !== 'read' && x.op !== 'cast').length

/** How often each node is read, every occurrence counted. */
const readCounts = (
  graph: Graph,
): ReadonlyMap<NodeId, { readonly uses: number; readonly guarded: boolean }> => {
  const out = new Map<NodeId, { uses: number; guarded: boolean }>()
  for (const node of graph.nodes) {
    if (node.kind !== 'compute') continue
    const visit = (e: Expr): void => {
      if (e.op === 'read') {
        const known = out.get(e.node) ?? { uses: 0, guarded: false }
        out.set(e.node, { uses: known.uses + 1, guarded: known.guarded || e.guarded })
      }
      childrenOf(e).forEach(visit)
    }
    visit(node.body)
  }
  return out
}

const readable = (node: ComputeNode): boolean =>
  node.reduce === undefined && node.dims.every(d => d.length === 1)

/**
 * Puts definitions where they are used: those without a reduction that are used once and not long, and
 * those that are hardly longer than their name.
 */
export const inlineSmall = (graph: Graph): Graph => {
  const counts = readCounts(graph)
  const outputs = new Set(graph.outputs.map(o => o.node))
  const bodies = new Map<NodeId, ComputeNode>()
  const nodes = graph.nodes.map(node => {
    if (node.kind !== 'compute') return node
    const put = rewriter(e => {
      if (e.op !== 'read') return e
      const source = bodies.get(e.node)
      if (source === undefined) return e
      return substituteAxes(source.body, new Map(source.dims.map((d, i) => [d[0]!.id, e.at[i]!])))
    })
    const body = put(node.body)
    const out: ComputeNode = body === node.body ? node : { ...node, body }
    const used = counts.get(node.id)
    const size = operationCount(body)
    if (
      !outputs.has(node.id) &&
      readable(node) &&
      used !== undefined &&
      !used.guarded &&
      (size <= shortest || (used.uses === 1 && size <= longest))
    )
      bodies.set(node.id, out)
    return out
  })
  return bodies.size === 0 ? graph : sortGraph({ ...graph, nodes })
}
