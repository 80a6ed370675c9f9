import { Builder } from '../ir/builder.js'
import { type ReadExpr, readsOf } from '../ir/expr.js'
import type { ComputeNode, Graph, NodeId } from '../ir/ir.js'
import { sizeInputOf } from '../ir/open-extent.js'
import { bodyAt } from './inline-producers.js'

/** The read that is a node's whole body, at positions that are different axes of the node. */
const wholeRead = (n: ComputeNode): ReadExpr | undefined => {
  const e = n.body
  if (e.op !== 'read' || e.guarded) return undefined
  const axes = e.at.flatMap(p => (p.op === 'index' ? [p.axis.id] : []))
  return axes.length === e.at.length && new Set(axes).size === axes.length ? e : undefined
}

/**
 * A sum of sums as one sum: `w[i] = Σ l · part[l, i]` with `part[l, i] = Σ b · x[l, b, i]` becomes
 * `w[i] = Σ l, b · x[l, b, i]`, if nothing else reads the parts. The gradient of what all iterations of a
 * loop share is one product then, and its part of each iteration is never written. Only nodes of `parts` are
 * merged into their readers.
 */
export const mergeSums = (graph: Graph, parts: ReadonlySet<NodeId>): Graph => {
  const b = new Builder(graph)
  const fixed = new Set(graph.outputs.map(o => o.node))
  for (const n of graph.nodes) if (n.kind === 'carry') for (const id of [n.init, n.next]) fixed.add(id)
  const readers = new Map<NodeId, NodeId[]>()
  for (const n of graph.nodes)
    if (n.kind === 'compute')
      for (const r of readsOf(n.body)) readers.set(r.node, [...(readers.get(r.node) ?? []), n.id])
  for (const id of parts) {
    const part = b.node(id)
    const [only, ...others] = readers.get(id) ?? []
    if (part.kind !== 'compute' || fixed.has(id) || only === undefined || others.length > 0) continue
    const reader = b.node(only) as ComputeNode
    const read = wholeRead(reader)
    if (part.reduce?.op !== 'sum' || reader.reduce?.op !== 'sum' || read?.node !== id) continue
    if (part.region !== reader.region) continue
    const reduce = { op: 'sum', axes: [...reader.reduce.axes, ...part.reduce.axes] } as const
    b.nodes.set(only, { ...reader, reduce, body: bodyAt(part, read, sizeInputOf(graph)) })
    b.nodes.delete(id)
  }
  return b.finish()
}
