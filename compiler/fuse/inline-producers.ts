import { affineRange } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineOf } from '../affine/affine-of.js'
import {
  constant,
  i32,
  postorder,
  prim,
  type ReadExpr,
  readsOf,
  rewriter,
  substituteAxes,
} from '../ir/expr.js'
import { elementsOf, outerAxes, regionPath } from '../ir/graph.js'
import type { AxisId, ComputeNode, Expr, Graph, NodeId } from '../ir/ir.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import { contractionOf, loadsOf } from '../kernel/contraction.js'
import { operationsOf } from '../kernel/cost.js'
import { type BindingBudget, countBindings } from './binding-budget.js'

/** Beyond so many distinct parts a body grows no more: texts stay readable and quick to compile. */
export const largestBody = 160

const tidy = (e: Expr): Expr => {
  const a = affineOf(e)
  return a.rest.size === 0 ? affineExpr(a) : e
}

/** The producer's expression at the positions of a read of it. */
export const bodyAt = (producer: ComputeNode, r: ReadExpr): Expr => {
  const map = new Map<AxisId, Expr>()
  producer.dims.forEach((axes, i) => {
    let rest = r.at[i]!
    for (let j = axes.length - 1; j >= 0; j--) {
      const a = axes[j]!
      map.set(a.id, j === 0 ? rest : tidy(prim('mod', rest, i32(a.extent))))
      if (j > 0) rest = tidy(prim('idiv', rest, i32(a.extent)))
    }
  })
  const body = substituteAxes(producer.body, map)
  if (!r.guarded) return body
  const tests = producer.dims.flatMap((axes, i) => {
    const extent = productOf(axes)
    const range = affineRange(affineOf(r.at[i]!))
    const below = range && range[0] >= 0 ? [] : [prim('ge', r.at[i]!, i32(0))]
    return [...below, ...(range && range[1] < extent ? [] : [prim('lt', r.at[i]!, i32(extent))])]
  })
  return tests.length === 0
    ? body
    : prim(
        'select',
        tests.reduce((a, b) => prim('and', a, b)),
        body,
        constant(r.dtype, 0),
      )
}

interface Cost {
  readonly work: number
  readonly reads: number
}

const costOf = (e: Expr): Cost => ({ work: operationsOf(e), reads: loadsOf(e) })

/** Every other node's reads of a node, and whether the node must be stored for other reasons. */
interface Readers {
  readonly count: number
  readonly stored: boolean
  /**
   * Stored by the kernel of a product that it comes from, whether or not it is computed anywhere else: then
   * it is one load.
   */
  readonly behind: boolean
}

/**
 * Substitutes elementwise producers into the nodes that read them, where evaluating again costs less than
 * storing and loading. Nodes that nobody reads any more are left out. `pinned` nodes are stored whatever
 * happens; `fixed` ones are read where they are stored.
 */
export const inlineProducers = (
  graph: Graph,
  pinned: ReadonlySet<NodeId>,
  room: BindingBudget,
  fixed: ReadonlyMap<NodeId, unknown> = new Map(),
): ReadonlyMap<NodeId, ComputeNode> => {
  const current = new Map<NodeId, ComputeNode>()
  const readersOf = new Map<NodeId, ComputeNode[]>()
  for (const n of graph.nodes)
    if (n.kind === 'compute')
      for (const id of new Set(readsOf(n.body).map(r => r.node)))
        readersOf.set(id, [...(readersOf.get(id) ?? []), n])
  const readers = (p: ComputeNode, cost: Cost): Readers => {
    const all = readersOf.get(p.id) ?? []
    const stored = pinned.has(p.id)
    const kept = stored || all.some(c => !reachable(p, c, cost))
    return { count: all.length, stored, behind: kept && isBehindProduct(p) }
  }
  const pathOf = (n: ComputeNode): readonly number[] => regionPath(graph, n.region).map(r => r.id)

  /**
   * Is a node computed from a large product and what is not itself reduced, so that it can be that product's
   * epilogue?
   */
  const isBehindProduct = (p: ComputeNode): boolean => {
    const reduced = readsOf(p.body).flatMap(r => {
      const n = current.get(r.node)
      return n?.reduce !== undefined && n.region === p.region ? [n] : []
    })
    const products = reduced.map(n => contractionOf(n, outerAxes(n).slice(pathOf(n).length)))
    return products.length > 0 && products.every(x => x !== undefined && isTiled(x))
  }

  const nodes = new Map(graph.nodes.map(n => [n.id, n]))

  /** Can the value be computed where the consumer is, from what is stored anyway? */
  const reachable = (p: ComputeNode, c: ComputeNode, cost: Cost): boolean => {
    if (p.region === c.region) return true
    const outer = pathOf(p)
    const inner = pathOf(c)
    if (outer.every((r, i) => inner[i] === r)) return cost.work <= 4 && cost.reads <= 2
    return (
      cost.work <= 8 &&
      readsOf(p.body).every(r => {
        const n = nodes.get(r.node)!
        return n.kind === 'input' || n.kind === 'literal' || n.kind === 'carry' || n.region === undefined
      })
    )
  }

  const worth = (p: ComputeNode, c: ComputeNode, cost: Cost, use: Readers): boolean => {
    if (cost.work === 0 && cost.reads <= 1) return true
    if (use.behind && cost.reads > 1) return false
    const outer = c.dims.flat().slice(pathOf(c).length)
    const product = contractionOf(c, outer)
    const cheap = cost.work <= 4 && cost.reads <= 2
    if (product !== undefined && isTiled(product)) return cost.work <= 6 && cost.reads <= 3
    const evaluations = productOf(c.dims.flat()) * productOf(reduceAxes(c))
    const elements = elementsOf(p)
    if (cheap) return cost.reads <= 1 || evaluations <= 4 * elements || cost.work <= 2
    if (use.count <= 1 && !use.stored) return evaluations <= 2 * elements
    return cost.work <= 16 && cost.reads <= 4 && use.count <= 4 && evaluations <= 1.01 * elements
  }

  for (const n of graph.nodes) {
    if (n.kind !== 'compute') continue
    let node = n
    const was = contractionOf(n, n.dims.flat().slice(pathOf(n).length)) !== undefined
    for (const id of new Set(readsOf(n.body).map(r => r.node))) {
      const p = current.get(id)
      if (p === undefined || p.reduce !== undefined || fixed.has(id)) continue
      const cost = costOf(p.body)
      if (!reachable(p, node, cost) || !worth(p, node, cost, readers(p, cost))) continue
      const substituted = rewriter(e => (e.op === 'read' && e.node === id ? bodyAt(p, e) : e))(node.body)
      const candidate: ComputeNode = { ...node, body: substituted }
      const bound = countBindings(room, [n.id, ...readsOf(substituted).map(r => r.node)])
      if (bound + 1 > room.buffers || postorder(substituted).length > largestBody) continue
      if (was) {
        const product = contractionOf(candidate, candidate.dims.flat().slice(pathOf(n).length))
        if (product === undefined) continue
        if (isTiled(product) && (loadsOf(product.left) > 4 || loadsOf(product.right) > 4)) continue
      }
      node = candidate
    }
    current.set(n.id, node)
  }

  const needed = new Set<NodeId>()
  const visit = (id: NodeId): void => {
    if (needed.has(id)) return
    needed.add(id)
    const n = current.get(id)
    if (n) for (const r of readsOf(n.body)) visit(r.node)
  }
  for (const id of pinned) visit(id)
  return new Map([...current].filter(([id]) => needed.has(id)))
}

/** Is a contraction large enough to be tiled? Others are reductions by row. */
export const isTiled = (c: {
  readonly m: readonly { extent: number }[]
  readonly n: readonly { extent: number }[]
  readonly k: readonly { extent: number }[]
}): boolean => {
  const size = (axes: readonly { extent: number }[]): number => axes.reduce((a, x) => a * x.extent, 1)
  return size(c.m) >= 4 && size(c.n) >= 4 && size(c.k) >= 4
}
