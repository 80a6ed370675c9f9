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
import { dimensionOf, elementsOf, outerAxes, regionPath } from '../ir/graph.js'
import type { AxisId, ComputeNode, Expr, Graph, NodeId, RegionId } from '../ir/ir.js'
import { extentExpr, sizeInputOf } from '../ir/open-extent.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import { contractionOf, loadsOf } from '../kernel/contraction.js'
import { operationsOf } from '../kernel/cost.js'
import { type BindingBudget, countBindings } from './binding-budget.js'

/**
 * The most distinct subexpressions of a body after inlining. It keeps kernels readable and quick to compile.
 */
export const largestBody = 160

const simplifyIndex = (e: Expr): Expr => {
  const a = affineOf(e)
  return a.rest.size === 0 ? affineExpr(a) : e
}

/**
 * The producer's expression at the positions of a read of it. A guarded read becomes a `select` against 0.
 */
export const bodyAt = (producer: ComputeNode, r: ReadExpr, sizeValue: (size: number) => Expr): Expr => {
  const map = new Map<AxisId, Expr>()
  producer.dims.forEach((axes, i) => {
    let rest = r.at[i]!
    for (let j = axes.length - 1; j >= 0; j--) {
      const a = axes[j]!
      map.set(a.id, j === 0 ? rest : simplifyIndex(prim('mod', rest, i32(a.extent))))
      if (j > 0) rest = simplifyIndex(prim('idiv', rest, i32(a.extent)))
    }
  })
  const body = substituteAxes(producer.body, map)
  if (!r.guarded) return body
  const tests = producer.dims.flatMap((axes, i) => {
    const dim = dimensionOf(axes)
    const range = affineRange(affineOf(r.at[i]!))
    const below = range && range[0] >= 0 ? [] : [prim('ge', r.at[i]!, i32(0))]
    const always = range !== undefined && range[1] < dim.extent && dim.open === undefined
    return [...below, ...(always ? [] : [prim('lt', r.at[i]!, extentExpr(dim, sizeValue))])]
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

/** The cost of one evaluation of a body: arithmetic operations, and reads. */
interface Cost {
  readonly work: number
  readonly reads: number
}

/** Whether a body costs no more operations and reads than a limit. */
const isWithin = (cost: Cost, limit: Cost): boolean => cost.work <= limit.work && cost.reads <= limit.reads

/**
 * Up to these costs a producer is inlined. They are estimates: a load costs about as much as several
 * operations. `prologue` is for an operand of a tiled product, which evaluates it in its inner loop.
 * `acrossLoops` counts operations of a producer in another loop, `trivialWork` those of a producer that may
 * be repeated for any number of consumers.
 */
const limits = {
  cheap: { work: 4, reads: 2 },
  prologue: { work: 6, reads: 3 },
  shared: { work: 16, reads: 4 },
  acrossLoops: 8,
  trivialWork: 2,
} as const

/**
 * How often each element of a producer may be evaluated: of a cheap one, of one with a single consumer, and
 * of one with several. The last allows no repetition, but for a few elements at the ends of shifted reads.
 */
const repeats = { cheap: 4, onlyReader: 2, shared: 1.01 } as const

/** The most consumers of a producer that costs more than a cheap one. */
const mostReaders = 4

/** The most reads of an operand of a tiled product, with all prologues inlined. */
const mostOperandReads = 4

/** The least extent of rows, columns and sums for which a product is computed by tiles. */
const leastTiledExtent = 4

const costOf = (e: Expr): Cost => ({ work: operationsOf(e), reads: loadsOf(e) })

/** The consumers of a node. */
interface Readers {
  readonly count: number
  readonly stored: boolean
  /**
   * It is the epilogue of a product and will be stored by the product's kernel, whether or not it is also
   * inlined. A consumer can then read it with one load.
   */
  readonly isEpilogue: boolean
}

/** The nodes that others read where they are stored, and do not compute again. */
export interface StoredNodes {
  readonly fixed: ReadonlyMap<NodeId, unknown>
  /** Loops that run inside kernels: others read their pinned nodes. */
  readonly inKernels: ReadonlySet<RegionId>
}

/**
 * Substitutes elementwise producers into their consumers, where evaluating them again costs less than a store
 * and a load. Nodes without a reader are left out. `pinned` nodes are always stored.
 */
export const inlineProducers = (
  graph: Graph,
  pinned: ReadonlySet<NodeId>,
  room: BindingBudget,
  { fixed, inKernels }: StoredNodes,
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
    return { count: all.length, stored, isEpilogue: kept && canBeEpilogue(p) }
  }
  const pathOf = (n: ComputeNode): readonly number[] => regionPath(graph, n.region).map(r => r.id)

  /**
   * Whether a node can be the epilogue of a large product: all reductions that it reads are such products.
   */
  const canBeEpilogue = (p: ComputeNode): boolean => {
    const reduced = readsOf(p.body).flatMap(r => {
      const n = current.get(r.node)
      return n?.reduce !== undefined && n.region === p.region ? [n] : []
    })
    const products = reduced.map(n => contractionOf(n, outerAxes(n).slice(pathOf(n).length)))
    return products.length > 0 && products.every(x => x !== undefined && isTiled(x))
  }

  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const sizeValue = sizeInputOf(graph)

  /**
   * Whether a producer's value can be computed where the consumer is, from tensors that are stored anyway.
   */
  const reachable = (p: ComputeNode, c: ComputeNode, cost: Cost): boolean => {
    if (p.region === c.region) return true
    const outer = pathOf(p)
    const inner = pathOf(c)
    if (outer.every((r, i) => inner[i] === r)) return isWithin(cost, limits.cheap)
    if (p.region !== undefined && inKernels.has(p.region) && pinned.has(p.id)) return false
    return (
      cost.work <= limits.acrossLoops &&
      readsOf(p.body).every(r => {
        const n = nodes.get(r.node)!
        return n.kind === 'input' || n.kind === 'literal' || n.kind === 'carry' || n.region === undefined
      })
    )
  }

  /** Compares evaluating the producer again for each read with one store and one load. */
  const isWorthInlining = (p: ComputeNode, c: ComputeNode, cost: Cost, use: Readers): boolean => {
    if (cost.work === 0 && cost.reads <= 1) return true
    if (use.isEpilogue && cost.reads > 1) return false
    const outer = c.dims.flat().slice(pathOf(c).length)
    const product = contractionOf(c, outer)
    if (product !== undefined && isTiled(product)) return isWithin(cost, limits.prologue)
    const evaluations = productOf(c.dims.flat()) * productOf(reduceAxes(c))
    const repeatsAtMost = (times: number): boolean => evaluations <= times * elementsOf(p)
    if (isWithin(cost, limits.cheap))
      return cost.reads <= 1 || repeatsAtMost(repeats.cheap) || cost.work <= limits.trivialWork
    if (use.count <= 1 && !use.stored) return repeatsAtMost(repeats.onlyReader)
    return isWithin(cost, limits.shared) && use.count <= mostReaders && repeatsAtMost(repeats.shared)
  }

  for (const n of graph.nodes) {
    if (n.kind !== 'compute') continue
    let node = n
    const was = contractionOf(n, n.dims.flat().slice(pathOf(n).length)) !== undefined
    for (const id of new Set(readsOf(n.body).map(r => r.node))) {
      const p = current.get(id)
      if (p === undefined || p.reduce !== undefined || fixed.has(id)) continue
      const cost = costOf(p.body)
      if (!reachable(p, node, cost) || !isWorthInlining(p, node, cost, readers(p, cost))) continue
      const substituted = rewriter(e => (e.op === 'read' && e.node === id ? bodyAt(p, e, sizeValue) : e))(
        node.body,
      )
      const candidate: ComputeNode = { ...node, body: substituted }
      const bound = countBindings(room, [n.id, ...readsOf(substituted).map(r => r.node)])
      if (bound + 1 > room.buffers || postorder(substituted).length > largestBody) continue
      if (was) {
        const product = contractionOf(candidate, candidate.dims.flat().slice(pathOf(n).length))
        if (product === undefined) continue
        const reads = Math.max(loadsOf(product.left), loadsOf(product.right))
        if (isTiled(product) && reads > mostOperandReads) continue
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

/** Whether a contraction is large enough for a kernel with tiles. Smaller ones are computed by rows. */
export const isTiled = (c: {
  readonly m: readonly { extent: number }[]
  readonly n: readonly { extent: number }[]
  readonly k: readonly { extent: number }[]
}): boolean => {
  const size = (axes: readonly { extent: number }[]): number => axes.reduce((a, x) => a * x.extent, 1)
  return [c.m, c.n, c.k].every(axes => size(axes) >= leastTiledExtent)
}
