import { readsOf } from './expr.js'
import type { Axis, ComputeNode, Graph, Node, NodeId, Region, RegionId } from './ir.js'

export const shapeOf = (node: Node): readonly number[] =>
  node.kind === 'compute' ? node.dims.map(axes => axes.reduce((n, a) => n * a.extent, 1)) : node.shape

/** A product of axes as one dimension; one that a run decides stands alone. */
export const dimensionOf = (axes: readonly Axis[]): Pick<Axis, 'extent' | 'open'> =>
  axes.length === 1 ? axes[0]! : { extent: axes.reduce((n, a) => n * a.extent, 1) }

/** The extents of a node's dimensions, with those that a run decides. */
export const dimensionsOfNode = (node: Node): readonly Pick<Axis, 'extent' | 'open'>[] =>
  node.kind === 'compute'
    ? node.dims.map(dimensionOf)
    : node.shape.map((extent, i) => {
        const open = node.kind === 'literal' ? undefined : node.open?.[i]
        return open === undefined ? { extent } : { extent, open }
      })

export const elementsOf = (node: Node): number => shapeOf(node).reduce((a, b) => a * b, 1)

/** A compute node's own axes, in row-major order. */
export const outerAxes = (node: ComputeNode): readonly Axis[] => node.dims.flat()

/** The region a node belongs to. */
export const regionOf = (node: Node): RegionId | undefined =>
  node.kind === 'compute' || node.kind === 'carry' ? node.region : undefined

/** The regions around a region, outermost first, itself included. */
export const regionPath = (
  graph: Pick<Graph, 'regions'>,
  region: RegionId | undefined,
): readonly Region[] => {
  const r = region === undefined ? undefined : graph.regions.find(x => x.id === region)
  return r === undefined ? [] : [...regionPath(graph, r.parent), r]
}

/**
 * The nodes that must be evaluated before a node; a carry needs its `init` (its `next` comes an
 * iteration later).
 */
export const dependenciesOf = (node: Node): readonly NodeId[] =>
  node.kind === 'compute' ? readsOf(node.body).map(r => r.node) : node.kind === 'carry' ? [node.init] : []

/** All a node refers to, a carry's `next` included. */
const referencesOf = (node: Node): readonly NodeId[] =>
  node.kind === 'carry' ? [node.init, node.next] : dependenciesOf(node)

/**
 * The nodes that the outputs need, and the numbers of open sizes, each after what it reads, every region in
 * one piece with its carries first.
 */
export const sortGraph = (graph: Graph): Graph => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const needed = new Set<NodeId>()
  // Passes ask for the number of an open size wherever a guard becomes an expression.
  const sizes = graph.nodes.flatMap(n => (n.kind === 'input' && n.size !== undefined ? [n.id] : []))
  const stack = [...graph.outputs.map(o => o.node), ...sizes]
  while (stack.length > 0) {
    const id = stack.pop()!
    if (needed.has(id)) continue
    needed.add(id)
    stack.push(...referencesOf(nodes.get(id)!))
  }

  const pathOf = (r: RegionId | undefined): readonly RegionId[] => regionPath(graph, r).map(x => x.id)
  const paths = new Map([...needed].map(id => [id, pathOf(regionOf(nodes.get(id)!))]))

  /** Orders the nodes at and below one level; at each level a child region is one unit. */
  const order = (ids: readonly NodeId[], depth: number): readonly Node[] => {
    const unitOf = (id: NodeId): string => {
      const inner = paths.get(id)![depth]
      return inner === undefined ? `n${id}` : `r${inner}`
    }
    const members = new Map<string, NodeId[]>()
    for (const id of ids) members.set(unitOf(id), [...(members.get(unitOf(id)) ?? []), id])
    const done = new Set<string>()
    const out: Node[] = []
    const visit = (unit: string): void => {
      if (done.has(unit)) return
      done.add(unit)
      const inside = members.get(unit)!
      for (const id of inside)
        for (const d of dependenciesOf(nodes.get(id)!)) {
          const other = members.has(unitOf2(d)) ? unitOf2(d) : undefined
          if (other !== undefined && other !== unit) visit(other)
        }
      if (unit.startsWith('n')) out.push(nodes.get(inside[0]!)!)
      else {
        const region = Number(unit.slice(1))
        const carries = inside.filter(
          id => nodes.get(id)!.kind === 'carry' && regionOf(nodes.get(id)!) === region,
        )
        out.push(...carries.map(id => nodes.get(id)!))
        out.push(
          ...order(
            inside.filter(id => !carries.includes(id)),
            depth + 1,
          ),
        )
      }
    }
    const unitOf2 = (id: NodeId): string => (paths.has(id) ? unitOf(id) : '')
    for (const unit of members.keys()) visit(unit)
    return out
  }

  const sorted = order(
    [...needed].sort((a, b) => a - b),
    0,
  )
  const used = new Set(sorted.flatMap(n => pathOf(regionOf(n))))
  return {
    nodes: sorted,
    regions: graph.regions.filter(r => used.has(r.id)),
    outputs: graph.outputs,
    ...(graph.sizes === undefined ? {} : { sizes: graph.sizes }),
  }
}
