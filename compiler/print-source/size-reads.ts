import type { Size } from '../core/size.js'
import { cast, f32, prim, read, rewriter } from '../ir/expr.js'
import type { Expr, Graph, Node } from '../ir/ir.js'
import { sizeInput } from '../open/name-sizes.js'
import type { SizedGraph } from './for-all-sizes.js'

/**
 * Every f32 constant that was computed from sizes as a read of an input that stands for the size, so that
 * no arithmetic mixes it with other constants.
 */
export const withSizeReads = ({ graph, sizes }: SizedGraph): SizedGraph => {
  const whole = new Map<number, Size>(sizes.whole)
  const inputs = new Map<string, Node>(graph.nodes.flatMap(n => (n.kind === 'input' ? [[n.name, n]] : [])))
  let nextId = 1 + Math.max(-1, ...graph.nodes.map(n => n.id))
  const inputFor = (n: number): Node => {
    const name = `${sizeInput}${n}`
    const known = inputs.get(name)
    if (known !== undefined) return known
    const made: Node = { kind: 'input', id: nextId++, name, dtype: 'i32', shape: [], origin: { label: name } }
    inputs.set(name, made)
    return made
  }
  const readSizes = rewriter((e: Expr) => {
    const scaled = e.op === 'const' && e.dtype === 'f32' ? sizes.real.get(e.value) : undefined
    if (e.op !== 'const' || scaled === undefined) return e
    const n = Math.round(e.value / scaled.coefficient)
    whole.set(n, scaled.size)
    const size = cast('f32', read(inputFor(n).id, 'i32', []))
    return scaled.coefficient === 1 ? size : prim('mul', f32(scaled.coefficient), size)
  })
  const nodes = graph.nodes.map(n => (n.kind === 'compute' ? { ...n, body: readSizes(n.body) } : n))
  const old = new Set(graph.nodes.map(n => n.id))
  const added = [...inputs.values()].filter(n => !old.has(n.id))
  const out: Graph = { ...graph, nodes: [...added, ...nodes] }
  return { graph: out, sizes: { ...sizes, whole } }
}
