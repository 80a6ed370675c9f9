import { Builder } from '../ir/builder.js'
import { i32, index, read, substituteAxes } from '../ir/expr.js'
import { dimensionsOfNode, regionOf } from '../ir/graph.js'
import type { Axis, CarryNode, ComputeNode, Graph, NodeId, RegionId } from '../ir/ir.js'
import { isUnit } from '../ir/open-extent.js'

/**
 * The node without its axes of extent 1, whose index is 0; the loops' axes stay. Index spaces that differ
 * only by such axes become the same.
 */
const withoutUnits = (n: ComputeNode, depth: number): ComputeNode => {
  const units = n.dims.slice(depth).flatMap(axes => axes.filter(isUnit))
  return units.length === 0
    ? n
    : {
        ...n,
        dims: n.dims.map((axes, i) => (i < depth ? axes : axes.filter(a => !isUnit(a)))),
        body: substituteAxes(n.body, new Map(units.map(a => [a.id, i32(0)]))),
      }
}

/**
 * Makes a graph storable. Every output becomes a compute node of its own. Every carry's `init` and `next`
 * become compute nodes of its own, `init` in the parent region and `next` in its region, so that their
 * kernels can write straight into the carry's slots.
 */
export const normalise = (graph: Graph): Graph => {
  const b = new Builder(graph)
  const claimed = new Set<NodeId>()

  /** A copy of a node, made in another region. */
  const copy = (id: NodeId, region: RegionId | undefined, label: string): NodeId => {
    const source = b.node(id)
    const axes = b.enclosing(region).map(r => r.axis)
    const shape = dimensionsOfNode(source)
    const own = regionOf(source)
    const depth = b.enclosing(own).filter((r, i) => b.enclosing(region)[i]?.id === r.id).length
    const rest = shape.slice(depth).map(({ extent, open }, i): Axis => b.axis(`c${i}`, extent, open))
    const dims = [...axes, ...rest].map(a => [a])
    const at = [...axes.slice(0, depth), ...rest].map(index)
    return b.compute({
      dtype: source.dtype,
      dims,
      body: read(id, source.dtype, at),
      ...(region === undefined ? {} : { region }),
      origin: { ...source.origin, label },
    })
  }

  /** The node itself where it is a compute node of the region that nothing has claimed, else a copy. */
  const claim = (id: NodeId, region: RegionId | undefined, label: string): NodeId => {
    const n = b.node(id)
    const fits = n.kind === 'compute' && n.region === region && !claimed.has(id)
    const out = fits ? id : copy(id, region, label)
    claimed.add(out)
    return out
  }

  for (const n of graph.nodes) {
    if (n.kind !== 'carry') continue
    const parent = graph.regions.find(r => r.id === n.region)!.parent
    const init = claim(n.init, parent, `${n.origin.label} start`)
    const next = claim(n.next, n.region, n.origin.label)
    b.nodes.set(n.id, { ...n, init, next } satisfies CarryNode)
  }
  for (const n of [...b.nodes.values()])
    if (n.kind === 'compute') b.nodes.set(n.id, withoutUnits(n, b.enclosing(n.region).length))
  const outputs = graph.outputs.map(o => {
    const n = b.node(o.node)
    const direct = n.kind === 'compute' && !claimed.has(o.node)
    const node = direct ? o.node : copy(o.node, undefined, o.name)
    claimed.add(node)
    return { ...o, node }
  })
  b.outputs.splice(0, b.outputs.length, ...outputs)
  return b.finish()
}
