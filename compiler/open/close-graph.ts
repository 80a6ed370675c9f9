import { index, rewriter } from '../ir/expr.js'
import type { Axis, Graph, Node } from '../ir/ir.js'
import { extentAt, openExtentAt } from '../ir/open-extent.js'
import { verified } from '../ir/verify.js'
import { withConstants } from './open-graph.js'

/**
 * The graph without open sizes, for given numbers of them. It says what an open graph means: the interpreter
 * runs it.
 */
export const closeGraph = (graph: Graph, now: readonly number[]): Graph => {
  if (graph.sizes === undefined) return graph
  const close = ({ open: _, ...axis }: Axis, extent: number): Axis => ({ ...axis, extent })
  const closed = (a: Axis): Axis => (a.open === undefined ? a : close(a, extentAt(a, now)))
  const body = rewriter(e => (e.op === 'index' && e.axis.open !== undefined ? index(closed(e.axis)) : e))
  const nodes = graph.nodes.map((n): Node => {
    if (n.kind === 'literal') return n
    if (n.kind === 'compute') {
      const reduce = n.reduce && { ...n.reduce, axes: n.reduce.axes.map(closed) }
      return { ...n, dims: n.dims.map(d => d.map(closed)), ...(reduce ? { reduce } : {}), body: body(n.body) }
    }
    const { open, ...rest } = n
    const shape = n.shape.map((extent, i) => (open?.[i] === undefined ? extent : openExtentAt(open[i], now)))
    return { ...rest, shape } as Node
  })
  const numbers = new Map(
    graph.nodes.flatMap(n =>
      n.kind === 'input' && n.size !== undefined ? [[n.id, now[n.size.number]!] as const] : [],
    ),
  )
  const { sizes: _, ...rest } = graph
  return verified(withConstants({ ...rest, nodes }, numbers), 'closed sizes')
}
