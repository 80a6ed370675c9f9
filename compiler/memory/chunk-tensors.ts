import { Builder } from '../ir/builder.js'
import { readsOf, rewriter } from '../ir/expr.js'
import { regionPath, shapeOf } from '../ir/graph.js'
import type { ComputeNode, Graph, NodeId } from '../ir/ir.js'
import { type ChunkChain, type ChunkSearch, findChain, searchGraph } from './chunk-chain.js'
import { type Cut, cutAxis } from './chunk-cut.js'
import { moveIntoLoop } from './chunk-loop.js'

export interface ChunkOptions {
  /**
   * A tensor of more bytes (in one iteration of the loops around it) is made a chunk at a time, if it can
   * be.
   */
  readonly largest: number
  /** Bytes of the largest tensor that a chunk should have. */
  readonly target: number
}

/** Bytes of a node in one iteration of the loops around it. */
export const sliceBytes = (graph: Pick<Graph, 'regions'>, n: ComputeNode): number =>
  4 *
  shapeOf(n)
    .slice(regionPath(graph, n.region).length)
    .reduce((a, x) => a * x, 1)

/**
 * Where a large tensor would be written and read back, a loop makes what reads it of one chunk after the
 * other, so that only a chunk of it exists at a time: the scores of attention for some of the queries, the
 * logits of some of the tokens. What leaves the loop is kept by slices or added up. `stored` are the nodes
 * that kernels would write; without a large one among them the graph stays as it is.
 */
export const chunkLargeTensors = (
  graph: Graph,
  stored: ReadonlySet<NodeId>,
  options: ChunkOptions,
): Graph => {
  let current = graph
  const tried = new Set<NodeId>()
  for (;;) {
    const field = searchGraph(current, n => sliceBytes(current, n) > options.largest)
    const seed = current.nodes.find(
      (n): n is ComputeNode =>
        n.kind === 'compute' &&
        stored.has(n.id) &&
        !tried.has(n.id) &&
        !field.pinned.has(n.id) &&
        field.large(n),
    )
    if (seed === undefined) return current
    tried.add(seed.id)
    const plan = cheapestPlan(field, seed, options)
    if (plan !== undefined) current = chunkAlong(field, plan.chain, plan.length)
  }
}

interface Plan {
  readonly chain: ChunkChain
  readonly length: number
}

/**
 * In the fewest stages, along the outermost axis that has enough positions for the number of chunks wanted,
 * or else the longest.
 */
const cheapestPlan = (field: ChunkSearch, seed: ComputeNode, { target }: ChunkOptions): Plan | undefined => {
  const depth = regionPath(field.graph, seed.region).length
  const plans = seed.dims.flatMap((d, dim): readonly Plan[] => {
    if (dim < depth || d.length !== 1 || d[0]!.extent < 2 || d[0]!.open) return []
    const chain = findChain(field, seed, dim)
    if (chain === undefined) return []
    const members = [...chain.cuts].flatMap(([id, cut]) => (cut.kind === 'slice' ? [id] : []))
    const bytes = Math.max(...members.map(id => sliceBytes(field.graph, field.nodes.get(id) as ComputeNode)))
    return [{ chain, length: chunkLength(d[0]!.extent, (d[0]!.extent * target) / bytes) }]
  })
  const stages = (p: Plan): number => new Set(p.chain.stage.values()).size
  const fewest = plans.filter(p => stages(p) === Math.min(...plans.map(stages)))
  const longest = [...fewest].sort((x, y) => y.chain.axis.extent - x.chain.axis.extent)[0]
  const plan = fewest.find(p => p.length >= 1) ?? longest
  return plan && { chain: plan.chain, length: Math.max(1, plan.length) }
}

/**
 * A length of at most `bounded`: one that divides the axis where one is near, in whole vectors where there
 * is room.
 */
const chunkLength = (extent: number, bounded: number): number => {
  const limit = Math.min(extent - 1, Math.floor(bounded))
  for (const step of [8, 4, 1])
    for (let c = limit - (limit % step); c >= Math.max(1, limit / 2); c -= step)
      if (extent % c === 0) return c
  return limit >= 16 ? limit - (limit % 8) : limit
}

/** The stages of a chain as loops. What a stage needs of an earlier one's large members it makes again. */
const chunkAlong = (field: ChunkSearch, chain: ChunkChain, length: number): Graph => {
  const b = new Builder(field.graph)
  const order = field.graph.nodes.filter((n): n is ComputeNode => chain.cuts.has(n.id))
  const stages = [...new Set(order.map(n => chain.stage.get(n.id)!))].sort((x, y) => x - y)
  const members = stages.map(stage => membersOfStage({ b, field, chain, order }, stage))
  for (const ids of members) {
    const nodes = ids.map(({ id, cut }) => ({ node: b.node(id) as ComputeNode, cut }))
    const axis = cutAxis(nodes[0]!.node, nodes[0]!.cut)
    moveIntoLoop(b, nodes, { axis, length, parent: chain.region }, field.pinned)
  }
  return b.finish()
}

interface Member {
  readonly id: NodeId
  readonly cut: Cut
}

/** A chain that is being cut. */
interface ChunkingChain {
  readonly b: Builder
  readonly field: ChunkSearch
  readonly chain: ChunkChain
  /** The members of all stages in order of evaluation. */
  readonly order: readonly ComputeNode[]
}

/**
 * The members of a stage, with copies of the large ones of earlier stages that they read, directly or
 * through one another.
 */
const membersOfStage = ({ b, field, chain, order }: ChunkingChain, stage: number): readonly Member[] => {
  const own = order.filter(n => chain.stage.get(n.id) === stage)
  const needed = new Set<NodeId>()
  const visit = (n: ComputeNode): void => {
    for (const { node } of readsOf(n.body)) {
      const source = field.nodes.get(node)!
      const earlier = chain.cuts.get(node)?.kind === 'slice' && chain.stage.get(node)! < stage
      if (source.kind !== 'compute' || needed.has(node) || !earlier || !field.large(source)) continue
      needed.add(node)
      visit(source)
    }
  }
  own.forEach(visit)
  const recomputed = new Map<NodeId, NodeId>()
  const redirect = rewriter(e =>
    e.op === 'read' && recomputed.has(e.node) ? { ...e, node: recomputed.get(e.node)! } : e,
  )
  const copies = order.flatMap((n): readonly Member[] => {
    if (!needed.has(n.id)) return []
    recomputed.set(n.id, b.compute({ ...n, body: redirect(n.body) }))
    return [{ id: recomputed.get(n.id)!, cut: chain.cuts.get(n.id)! }]
  })
  for (const n of own) b.nodes.set(n.id, { ...n, body: redirect(n.body) })
  return [...copies, ...own.map(n => ({ id: n.id, cut: chain.cuts.get(n.id)! }))]
}
