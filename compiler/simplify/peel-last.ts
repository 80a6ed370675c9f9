/*
 * The last iteration of a loop, apart from the others, where only some positions of what it leaves are read.
 * A model's loss reads the residual stream after the last layer at the answers alone: there the last layer
 * needs queries, outputs and feed-forward layers at these positions only. Inside the loop all layers are one
 * program, so the last one can do less than the others only where it stands outside.
 *
 *     x = fold x for l: 5 -> f(l, x)          x = fold x for l: 4 -> f(l, x)
 *     y[a] = x[p[a]]                     →    y[a] = f(4, x)[p[a]], which `computeWhereRead` narrows
 *
 * It is done before differentiation, so the derivative of the last iteration is as small.
 */
import type { Builder } from '../ir/builder.js'
import { i32, type ReadExpr, read, readsOf, rewrite, substituteAxes } from '../ir/expr.js'
import { regionOf, sortGraph } from '../ir/graph.js'
import { intervals } from '../ir/interval.js'
import type { CarryNode, ComputeNode, Expr, Graph, NodeId, Region } from '../ir/ir.js'
import { literalRange } from '../ir/verify.js'
import { computeWhereRead, narrowDimension } from './compute-where-read.js'
import type { Facts } from './rewrite-rule.js'

/**
 * A loop of more iterations is left alone. Its last iteration becomes kernels of its own, which take as long
 * to compile as those of the loop, and of so many iterations one saves little.
 */
const mostIterations = 16

/** A loop of which only some positions of the last values are read, and the nodes that depend on those. */
interface Candidate {
  readonly region: Region
  readonly carries: readonly CarryNode[]
  readonly members: readonly ComputeNode[]
  /** All nodes after the loop that read it, directly or not, in order. */
  readonly after: readonly ComputeNode[]
}

/**
 * Adds nodes to the builder that compute the same as `roots`, where that is less work. Returns the new node
 * of each root; undefined where there is no such loop.
 */
export const peelLast = (
  builder: Builder,
  roots: readonly NodeId[],
): ReadonlyMap<NodeId, NodeId> | undefined => {
  let moved: ReadonlyMap<NodeId, NodeId> | undefined
  const now = (): readonly NodeId[] => roots.map(r => moved?.get(r) ?? r)
  for (const region of graphOf(builder, roots).regions) {
    const graph = graphOf(builder, now())
    const facts = factsOf(builder, graph)
    const found = candidate(graph, region, facts)
    if (found === undefined) continue
    const copies = peel(builder, found)
    moved = new Map(roots.map((r, i) => [r, copies.get(now()[i]!) ?? now()[i]!]))
    const peeled = graphOf(builder, now())
    const mine = new Set([...copies.values()])
    for (const n of computeWhereRead(peeled, factsOf(builder, peeled), id => mine.has(id)).nodes)
      builder.nodes.set(n.id, n)
  }
  return moved
}

const graphOf = (builder: Builder, roots: readonly NodeId[]): Graph =>
  sortGraph({
    nodes: [...builder.nodes.values()],
    regions: [...builder.regions.values()],
    outputs: roots.map(node => ({ name: '', node })),
  })

const factsOf = (builder: Builder, graph: Graph): Facts => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  return {
    nodes,
    interval: intervals(literalRange(nodes)),
    sequential: new Set(graph.regions.map(r => r.axis.id)),
    axis: (name, extent) => builder.axis(name, extent),
  }
}

const candidate = (graph: Graph, region: Region, facts: Facts): Candidate | undefined => {
  const { extent } = region.axis
  if (region.direction !== 'up' || region.parent !== undefined || region.chunks) return undefined
  if (extent < 2 || extent > mostIterations) return undefined
  if (graph.regions.some(r => r.parent === region.id)) return undefined
  const inside = graph.nodes.filter(n => regionOf(n) === region.id)
  const carries = inside.filter(n => n.kind === 'carry')
  const members = inside.filter(n => n.kind === 'compute')
  const own = new Set(inside.map(n => n.id))
  // An output that is a tensor of the loop is what all iterations made.
  if (graph.outputs.some(o => own.has(o.node))) return undefined
  if (members.some(n => !readsAtOwnIteration(n, region, own))) return undefined

  const depends = new Set<NodeId>()
  const after: ComputeNode[] = []
  const last = new Map<NodeId, ReadExpr[]>()
  for (const n of graph.nodes) {
    if (own.has(n.id)) continue
    if (n.kind === 'carry' && [n.init, n.next].some(id => own.has(id) || depends.has(id))) return undefined
    if (n.kind !== 'compute') continue
    const reads = readsOf(n.body)
    if (!reads.some(r => own.has(r.node) || depends.has(r.node))) continue
    if (n.region !== undefined) return undefined
    depends.add(n.id)
    after.push(n)
    for (const r of reads.filter(r => own.has(r.node))) {
      if (!isConstant(r.at[0], extent) || r.guarded) return undefined
      last.set(r.node, [...(last.get(r.node) ?? []), { ...r, at: r.at.slice(1) }])
    }
  }
  const isNarrow = (id: NodeId): boolean => {
    const carry = carries.find(n => n.id === id)
    const next = members.find(n => n.id === carry?.next)
    if (carry === undefined || next === undefined) return false
    return narrowDimension({ ...next, dims: next.dims.slice(1) }, last.get(id)!, facts) !== undefined
  }
  return last.size > 0 && [...last.keys()].every(isNarrow) ? { region, carries, members, after } : undefined
}

const isConstant = (e: Expr | undefined, value: number): boolean => e?.op === 'const' && e.value === value

const readsAtOwnIteration = (n: ComputeNode, { axis }: Region, own: ReadonlySet<NodeId>): boolean =>
  readsOf(n.body).every(r => !own.has(r.node) || (r.at[0]?.op === 'index' && r.at[0].axis.id === axis.id))

/** The copies of all nodes that the last iteration, and what reads it, need: by the originals' ids. */
const peel = (builder: Builder, { region, carries, members, after }: Candidate): Map<NodeId, NodeId> => {
  const count = region.axis.extent - 1
  const shorter = builder.region(builder.axis(region.axis.name, count), 'up')
  const inLoop = new Map<NodeId, NodeId>()
  for (const { id, dtype, shape, init, origin } of carries)
    inLoop.set(
      id,
      builder.openCarry({
        dtype,
        shape: [count + 1, ...shape.slice(1)],
        region: shorter.id,
        init,
        origin,
      }),
    )
  const iteration = new Map<number, Expr>([
    [region.axis.id, { op: 'index', dtype: 'i32', axis: shorter.axis }],
  ])
  const renamed = (e: Expr): Expr =>
    e.op === 'read' && inLoop.has(e.node) ? { ...e, node: inLoop.get(e.node)! } : e
  for (const n of members)
    inLoop.set(
      n.id,
      copied(builder, n, {
        dims: [[shorter.axis], ...n.dims.slice(1)],
        region: shorter.id,
        body: rewrite(substituteAxes(n.body, iteration), renamed),
      }),
    )
  for (const n of carries) builder.closeCarry(inLoop.get(n.id)!, inLoop.get(n.next)!)

  const copies = new Map<NodeId, NodeId>()
  const lastIteration = new Map<number, Expr>([[region.axis.id, i32(count)]])
  const carried = new Set(carries.map(n => n.id))
  const atLast = (e: Expr): Expr => {
    if (e.op !== 'read') return e
    if (carried.has(e.node)) return { ...e, node: inLoop.get(e.node)! }
    return copies.has(e.node) ? read(copies.get(e.node)!, e.dtype, e.at.slice(1), e.guarded) : e
  }
  for (const { region: _, ...n } of members)
    copies.set(
      n.id,
      copied(builder, n, {
        dims: n.dims.slice(1),
        body: rewrite(substituteAxes(n.body, lastIteration), atLast),
      }),
    )
  const final = new Map(carries.map(n => [n.id, copies.get(n.next)!]))
  const behind = (e: Expr): Expr => {
    if (e.op !== 'read') return e
    if (final.has(e.node)) return read(final.get(e.node)!, e.dtype, e.at.slice(1))
    return copies.has(e.node) ? { ...e, node: copies.get(e.node)! } : e
  }
  for (const n of after) copies.set(n.id, copied(builder, n, { dims: n.dims, body: rewrite(n.body, behind) }))
  return copies
}

const copied = (
  builder: Builder,
  { dtype, reduce, origin }: Omit<ComputeNode, 'region'>,
  to: Pick<ComputeNode, 'dims' | 'body' | 'region'>,
): NodeId => builder.compute({ dtype, ...(reduce ? { reduce } : {}), origin, unique: true, ...to })
