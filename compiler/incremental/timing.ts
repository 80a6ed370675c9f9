import { axesOf, postorder, type ReadExpr, readsOf } from '../ir/expr.js'
import { regionPath } from '../ir/graph.js'
import type { Axis, CarryNode, ComputeNode, Expr, Graph, InputNode, Node, NodeId } from '../ir/ir.js'

/**
 * How a node depends on the tokens: the dimension that counts rows (with one row there need not be any),
 * and those that may count positions, by which it reads what has time or which it compares with such.
 */
export interface Timing {
  readonly row: number | undefined
  readonly time: ReadonlySet<number>
}

/** Is the expression this axis and nothing else? */
export const isIndex = (e: Expr, axis: Axis): boolean => e.op === 'index' && e.axis.id === axis.id

/** The dimension of a carry that one of its `init` or `next` becomes: `init` lacks that of the loop. */
const dimOfCarry = (graph: Graph, carry: CarryNode, part: 'init' | 'next', dim: number): number =>
  part === 'init' && dim >= regionPath(graph, carry.region).length - 1 ? dim + 1 : dim

/** The dimension of a carry's `init` or `next` that this one of the carry is. */
export const dimInCarry = (graph: Graph, carry: CarryNode, part: 'init' | 'next', dim: number): number =>
  part === 'init' && dim >= regionPath(graph, carry.region).length ? dim - 1 : dim

const comparisons: ReadonlySet<string> = new Set(['lt', 'le', 'gt', 'ge', 'eq', 'ne'])

/**
 * The timing of every node that depends on `tokens`, whose shape is [rows, time]. Undefined if rows are
 * mixed: a node reads another row than its own.
 */
export const analyseTiming = (graph: Graph, tokens: InputNode): ReadonlyMap<NodeId, Timing> | undefined => {
  const single = tokens.shape[0] === 1
  const found = new Map<NodeId, Timing>([[tokens.id, { row: single ? undefined : 0, time: new Set([1]) }]])
  let mixed = false

  const rowOf = (n: ComputeNode, reads: readonly ReadExpr[]): number | undefined => {
    if (single) return undefined
    const rows = new Set(
      reads.map(r => {
        const e = r.at[found.get(r.node)!.row!]!
        return n.dims.findIndex(axes => axes.length === 1 && isIndex(e, axes[0]!))
      }),
    )
    if (rows.size !== 1 || rows.has(-1)) mixed = true
    return [...rows][0]!
  }
  const ofCompute = (n: ComputeNode): Timing | undefined => {
    const reads = readsOf(n.body).filter(r => found.has(r.node))
    if (reads.length === 0) return undefined
    const axes = new Set(
      reads.flatMap(r => [...found.get(r.node)!.time].flatMap(k => [...axesOf(r.at[k]!).keys()])),
    )
    for (const e of postorder(n.body)) {
      const compared = comparisons.has(e.op) ? [...axesOf(e).keys()] : []
      if (compared.some(a => axes.has(a))) for (const a of compared) axes.add(a)
    }
    const row = rowOf(n, reads)
    const loops = regionPath(graph, n.region).length
    const time = n.dims.flatMap((d, i) => (i >= loops && i !== row && d.some(a => axes.has(a.id)) ? [i] : []))
    return { row, time: new Set(time) }
  }
  const ofCarry = (n: CarryNode): Timing | undefined => {
    const parts = (['init', 'next'] as const).flatMap(part => {
      const t = found.get(n[part])
      const moved = (d: number): number => dimOfCarry(graph, n, part, d)
      if (t === undefined) return []
      return [{ row: t.row === undefined ? undefined : moved(t.row), time: [...t.time].map(moved) }]
    })
    if (parts.length === 0) return undefined
    if (parts.some(p => p.row !== parts[0]!.row)) mixed = true
    return { row: parts[0]!.row, time: new Set(parts.flatMap(p => p.time)) }
  }
  const of = (n: Node): Timing | undefined =>
    n.kind === 'compute' ? ofCompute(n) : n.kind === 'carry' ? ofCarry(n) : found.get(n.id)

  // The timing of a carry depends on the loop's body, and the body's on the carry: iterate to a fixed point.
  for (let changed = true; changed && !mixed; ) {
    changed = false
    for (const n of graph.nodes) {
      const t = of(n)
      if (t === undefined || t.time.size === found.get(n.id)?.time.size) continue
      found.set(n.id, t)
      changed = true
    }
  }
  return mixed ? undefined : found
}

/** The axis of one dimension, if it has just one and no loop's. */
export const axisOf = (graph: Graph, n: Node, dim: number): Axis | undefined =>
  n.kind === 'compute' && dim >= regionPath(graph, n.region).length && n.dims[dim]?.length === 1
    ? n.dims[dim]![0]
    : undefined
