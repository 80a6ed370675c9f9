import type { Artifact } from '../../compiler/artifact.js'
import { postorder, readsOf } from '../../compiler/ir/expr.js'
import { shapeOf } from '../../compiler/ir/graph.js'
import type { Expr, Graph, NodeId } from '../../compiler/ir/ir.js'
import { type Device, type DeviceTensor, upload } from '../../runtime/index.js'
import { random32 } from '../data/random.js'

/** The upper bound of whole numbers that are not indices. */
const unbounded = 100

const uncast = (e: Expr): Expr => (e.op === 'cast' ? uncast(e.args[0]!) : e)

/**
 * Upper bounds (exclusive) of the whole numbers of inputs, by name: the extent that they index or are
 * compared with; 1 if an index is computed from them.
 */
const boundsOf = (graph: Graph): ReadonlyMap<string, number> => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const bounds = new Map<string, number>()
  const isInput = (e: Expr): e is Extract<Expr, { op: 'read' }> =>
    e.op === 'read' && nodes.get(e.node)!.kind === 'input'
  const limit = (id: NodeId, extent: number): void => {
    const n = nodes.get(id)!
    if (n.kind === 'input') bounds.set(n.name, Math.min(extent, bounds.get(n.name) ?? extent))
    else if (n.kind === 'compute') for (const r of readsOf(n.body)) limit(r.node, 1)
  }
  const index = (given: Expr, extent: number): void => {
    const e = uncast(given)
    if (isInput(e)) limit(e.node, extent)
    else for (const r of readsOf(e)) limit(r.node, 1)
  }
  for (const e of postorder(...graph.nodes.flatMap(n => (n.kind === 'compute' ? [n.body] : [])))) {
    if (e.op === 'read') {
      const shape = shapeOf(nodes.get(e.node)!)
      for (const [d, at] of e.at.entries()) index(at, shape[d]!)
    } else if ('args' in e) {
      const args = e.args.map(uncast)
      for (const axis of args.flatMap(a => (a.op === 'index' ? [a.axis] : [])))
        for (const a of args) if (isInput(a)) limit(a.node, axis.extent)
    }
  }
  return bounds
}

/**
 * Random numbers for a fragment's inputs: real ones from `least` to 1, and whole ones that are valid as
 * indices. The lowest and the highest indices are frequent, since the ends of a result come from them.
 */
export const drawnInputs = (
  device: Device,
  graph: Graph,
  { inputs }: Artifact,
  least: number,
): Readonly<Record<string, DeviceTensor>> => {
  const bounds = boundsOf(graph)
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape, packing }, stream) => {
      const length = shape.reduce((a, b) => a * b, 1)
      const drawn = (i: number): number => random32(23, stream, i) / 2 ** 32
      const bound = dtype === 'bool' ? 2 : (bounds.get(name) ?? unbounded)
      const whole = (i: number): number =>
        i % 4 === 0 ? 0 : i % 4 === 1 ? bound - 1 : Math.floor(bound * drawn(i))
      const data =
        dtype === 'f32'
          ? Float32Array.from({ length }, (_, i) => least + (1 - least) * drawn(i))
          : dtype === 'i32'
            ? Int32Array.from({ length }, (_, i) => whole(i))
            : Uint32Array.from({ length }, (_, i) => whole(i))
      return [name, upload(device, { dtype, label: name, packing }, shape, data)]
    }),
  )
}
