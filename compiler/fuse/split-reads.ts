import type { DeviceTraits } from '../artifact.js'
import { Builder } from '../ir/builder.js'
import { axesOf, childrenOf, identityAt, index, postorder, read, readsOf, rewriter } from '../ir/expr.js'
import { outerAxes } from '../ir/graph.js'
import type { ComputeNode, Expr, Graph, NodeId } from '../ir/ir.js'
import { productOf, reduceAxes } from '../schedule/context.js'
import { structureOf } from '../simplify/share-nodes.js'

const readIds = (e: Expr): ReadonlySet<NodeId> => new Set(readsOf(e).map(r => r.node))

/** The nodes that an expression reads if a part of it has a value already. */
const readWithout = (root: Expr, part: Expr): ReadonlySet<NodeId> => {
  const ids = new Set<NodeId>()
  const seen = new Set<Expr>([part])
  const go = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === 'read') ids.add(e.node)
    childrenOf(e).forEach(go)
  }
  go(root)
  return ids
}

/**
 * The graph with no body that reads more tensors than a kernel binds beside its result. A part of such a body becomes a node of its own: of all parts that
 * are worth it the one with the fewest elements, so numbers come first, then vectors, and what has all of the body's axes last.
 */
export const splitReads = (graph: Graph, { storageBuffersPerStage }: DeviceTraits): Graph => {
  const most = storageBuffersPerStage - 1
  const isTooWide = (n: Graph['nodes'][number]): n is ComputeNode =>
    n.kind === 'compute' && readIds(n.body).size > most
  if (!graph.nodes.some(isTooWide)) return graph
  const b = new Builder(graph)
  const known = new Map<string, NodeId>()

  /** A read of a new node that has the value of a part of `n`; equal parts of several nodes are one. */
  const partOf = (n: ComputeNode, part: Expr): Expr => {
    const depth = b.enclosing(n.region).length
    const loops = n.dims.slice(0, depth)
    const needed = axesOf(part)
    const axes = [...outerAxes(n).slice(loops.flat().length), ...reduceAxes(n)].filter(a => needed.has(a.id))
    const dims = [...loops, ...axes.map(a => [a])]
    const id = b.compute({
      dtype: part.dtype,
      dims,
      body: part,
      ...(n.region === undefined ? {} : { region: n.region }),
      origin: { ...n.origin, label: `part of ${n.origin.label}` },
    })
    const key = structureOf(b.node(id) as ComputeNode)
    const same = known.get(key)
    if (same === undefined) known.set(key, id)
    else b.nodes.delete(id)
    return read(same ?? id, part.dtype, [...identityAt(loops), ...axes.map(index)])
  }

  /** The part to take out of `e`, which reads too much. Where none makes it read less, an argument: with all of them taken out it reads no more than those. */
  const cheapest = (n: ComputeNode, e: Expr): Expr | undefined => {
    const extents = new Map([...outerAxes(n), ...reduceAxes(n)].map(a => [a.id, a]))
    const reads = readIds(e).size
    const parts = postorder(e).flatMap(part => {
      const own = readIds(part).size
      if (part === e || own < 2 || own > most) return []
      const elements = productOf([...axesOf(part).keys()].map(id => extents.get(id)!))
      return [{ part, elements, gain: reads - readWithout(e, part).size - 1 }]
    })
    const better = parts.filter(({ elements, gain }) => gain > 0 || (elements === 1 && gain === 0))
    const some = better.length > 0 ? better : parts.filter(({ part }) => childrenOf(e).includes(part))
    return some.sort((x, y) => x.elements - y.elements || y.gain - x.gain)[0]?.part
  }

  for (const n of graph.nodes) {
    if (!isTooWide(n)) continue
    const narrow = rewriter(whole => {
      let e = whole
      while (readIds(e).size > most) {
        const part = cheapest(n, e)
        if (part === undefined) return e
        const value = partOf(n, part)
        e = rewriter(x => (x === part ? value : x))(e)
      }
      return e
    })
    b.nodes.set(n.id, { ...n, body: narrow(n.body) })
  }
  return b.finish()
}
