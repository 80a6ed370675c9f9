import { axesOf, index, type ReadExpr, readsOf, rewrite, substituteAxes } from '../ir/expr.js'
import { elementsOf } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'
import { printExpr } from '../ir/print.js'
import type { Facts } from './rewrite-rule.js'

/**
 * The position of a read at one dimension, which may name what stands at the others, and the axes of its
 * own.
 */
interface Position {
  readonly at: Expr
  /** The reader's axes that stand at other dimensions, with those. */
  readonly shared: ReadonlyMap<number, number>
  readonly own: readonly Axis[]
}

const positionOf = (node: ComputeNode, read: ReadExpr, dim: number): Position => {
  const shared = new Map<number, number>()
  read.at.forEach((e, i) => {
    const [axis, ...more] = node.dims[i]!
    if (i === dim || e.op !== 'index' || more.length > 0 || shared.has(e.axis.id)) return
    if (e.axis.extent === axis!.extent) shared.set(e.axis.id, i)
  })
  const at = read.at[dim]!
  return { at, shared, own: [...axesOf(at).values()].filter(a => !shared.has(a.id)) }
}

/** Two positions have one text if they are equal up to the names of the readers' axes. */
const textOf = ({ at, shared, own }: Position): string => {
  const number = new Map(own.map((a, i) => [a.id, i]))
  const name = (a: Axis): string => {
    const dim = shared.get(a.id)
    return dim === undefined ? `own${number.get(a.id)}` : `dim${dim}`
  }
  return `${own.map(a => a.extent).join()} ${printExpr(at, name)}`
}

/**
 * The dimension of a node at which all reads have one position, of which there are at most half as many as
 * the dimension has.
 */
export const narrowDimension = (
  node: ComputeNode,
  reads: readonly ReadExpr[],
  facts: Facts,
): { readonly dim: number; readonly position: Position } | undefined => {
  for (const [dim, axes] of node.dims.entries()) {
    if (axes.length !== 1 || facts.sequential.has(axes[0]!.id)) continue
    const position = positionOf(node, reads[0]!, dim)
    const { extent } = axes[0]!
    if (2 * position.own.reduce((n, a) => n * a.extent, 1) > extent) continue
    // A read on a condition may be outside where the condition fails; an index that is data is never outside.
    const { lo, hi } = facts.interval(position.at)
    if (position.at.op !== 'read' && (lo < 0 || hi >= extent)) continue
    const text = textOf(position)
    if (reads.every(r => textOf(positionOf(node, r, dim)) === text)) return { dim, position }
  }
  return undefined
}

/**
 * A node that is read only at some positions is computed at those alone: of `y[i] = x[p(i)]` the node
 * `x'[i] = x[p(i)]`, where i has fewer values than the dimension of x. All readers must read it so.
 * A loss or a next token needs the logits at few positions: with this rule only those are computed, and so
 * are the nodes that only the logits read. Nodes that `mayChange` excludes stay as they are.
 */
export const computeWhereRead = (
  graph: Graph,
  facts: Facts,
  mayChange: (id: NodeId) => boolean = () => true,
): Graph => {
  const nodes = new Map<NodeId, Node>(graph.nodes.map(n => [n.id, n]))
  const kept = new Set<NodeId>(graph.outputs.map(o => o.node))
  const users = new Map<NodeId, Set<NodeId>>()
  for (const n of graph.nodes)
    if (n.kind === 'carry') for (const id of [n.init, n.next]) kept.add(id)
    else if (n.kind === 'compute')
      for (const { node } of readsOf(n.body)) users.set(node, (users.get(node) ?? new Set()).add(n.id))

  for (const { id } of [...graph.nodes].reverse()) {
    const node = nodes.get(id)!
    if (node.kind !== 'compute' || kept.has(id) || !mayChange(id) || elementsOf(node) === 0) continue
    const readers = [...(users.get(id) ?? [])].map(u => nodes.get(u) as ComputeNode)
    const reads = readers.flatMap(n => readsOf(n.body).filter(r => r.node === id))
    if (reads.length === 0 || reads.some(r => r.guarded) || readers.some(n => n.region !== node.region))
      continue
    const found = narrowDimension(node, reads, facts)
    if (found === undefined) continue
    const { dim, position } = found
    const own = position.own.map(a => facts.axis(a.name, a.extent))
    const at = substituteAxes(
      position.at,
      new Map([
        ...[...position.shared].map(([a, i]) => [a, index(node.dims[i]![0]!)] as const),
        ...position.own.map((a, i) => [a.id, index(own[i]!)] as const),
      ]),
    )
    nodes.set(id, {
      ...node,
      dims: node.dims.toSpliced(dim, 1, ...own.map(a => [a])),
      body: substituteAxes(node.body, new Map([[node.dims[dim]![0]!.id, at]])),
    })
    for (const { node: source } of readsOf(at)) users.set(source, (users.get(source) ?? new Set()).add(id))
    for (const reader of readers) {
      const narrowed = (e: Expr): Expr =>
        e.op === 'read' && e.node === id
          ? { ...e, at: e.at.toSpliced(dim, 1, ...positionOf(node, e, dim).own.map(index)) }
          : e
      nodes.set(reader.id, { ...reader, body: rewrite(reader.body, narrowed) })
    }
  }
  const after = graph.nodes.map(n => nodes.get(n.id)!)
  return after.every((n, i) => n === graph.nodes[i]) ? graph : { ...graph, nodes: after }
}
