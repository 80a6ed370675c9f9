import { Builder } from '../ir/builder.js'
import { axesOf, childrenOf, identityAt, index, postorder, read, readsOf, rewriter } from '../ir/expr.js'
import { outerAxes } from '../ir/graph.js'
import type { ComputeNode, Expr, Graph, NodeId } from '../ir/ir.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import { structureOf } from '../simplify/share-nodes.js'
import { type BindingBudget, countBindings } from './binding-budget.js'

const readIds = (e: Expr): ReadonlySet<NodeId> => new Set(readsOf(e).map(r => r.node))

/** The nodes that an expression reads if the value of a part of it is given. */
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
 * Splits bodies that read more tensors than a kernel may bind besides its result. A part of such a body
 * becomes a node of its own: among the parts that make it read less, the one with the fewest elements. So
 * numbers come first, then vectors, and parts with all axes of the body last.
 */
export const splitReads = (graph: Graph, given: BindingBudget): Graph => {
  const windows = new Map(given.windows)
  const room = { ...given, windows }
  const windowsOf = (elements: number): number => Math.max(1, Math.ceil((4 * elements) / room.bindingBytes))
  const mostReads = (n: ComputeNode): number => room.buffers - countBindings(room, [n.id])
  const bound = (e: Expr): number => countBindings(room, readIds(e))
  const isTooWide = (n: Graph['nodes'][number]): n is ComputeNode =>
    n.kind === 'compute' && bound(n.body) > mostReads(n)
  if (!graph.nodes.some(isTooWide)) return graph
  const b = new Builder(graph)
  const known = new Map<string, NodeId>()

  /**
   * A read of a new node that has the value of a part of `n`. Equal parts of several nodes share one node.
   */
  const storePart = (n: ComputeNode, part: Expr): Expr => {
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
    const node = b.node(id) as ComputeNode
    windows.set(id, windowsOf(productOf(node.dims.flat())))
    const key = structureOf(node)
    const same = known.get(key)
    if (same === undefined) known.set(key, id)
    else b.nodes.delete(id)
    return read(same ?? id, part.dtype, [...identityAt(loops), ...axes.map(index)])
  }

  /**
   * The part to take out of `e`, which reads too much. Where no part makes it read less, an argument of `e`
   * is taken out; with all arguments taken out, `e` reads only those.
   */
  const cheapestPart = (n: ComputeNode, e: Expr): Expr | undefined => {
    const extents = new Map([...outerAxes(n), ...reduceAxes(n)].map(a => [a.id, a]))
    const reads = bound(e)
    const parts = postorder(e).flatMap(part => {
      const own = bound(part)
      if (part === e || own < 2) return []
      const elements = productOf([...axesOf(part).keys()].map(id => extents.get(id)!))
      const more = windowsOf(elements)
      const gain = reads - countBindings(room, readWithout(e, part)) - more
      // A part that reads one tensor is worth it only where fewer bindings remain.
      return own + more > room.buffers || (gain <= 0 && readIds(part).size < 2)
        ? []
        : [{ part, elements, gain }]
    })
    const better = parts.filter(({ elements, gain }) => gain > 0 || (elements === 1 && gain === 0))
    const some = better.length > 0 ? better : parts.filter(({ part }) => childrenOf(e).includes(part))
    return some.sort((x, y) => x.elements - y.elements || y.gain - x.gain)[0]?.part
  }

  for (const n of graph.nodes) {
    if (!isTooWide(n)) continue
    const narrow = rewriter(whole => {
      let e = whole
      while (bound(e) > mostReads(n)) {
        const part = cheapestPart(n, e)
        if (part === undefined) return e
        const value = storePart(n, part)
        e = rewriter(x => (x === part ? value : x))(e)
      }
      return e
    })
    b.nodes.set(n.id, { ...n, body: narrow(n.body) })
  }
  return b.finish()
}
