/*
 * Incremental decoding: a function of whole sequences becomes a function of their next tokens.
 * 1. Timing analysis: which dimension of each node counts rows, and which count positions (`timing.ts`).
 * 2. Demand analysis: which nodes are computed for the new positions alone, and which of them are also
 *    read at earlier positions, so that their values are kept, as keys and values of attention are
 *    (`demand.ts`).
 * 3. Causality analysis by abstract interpretation: nothing that is computed may depend on later tokens
 *    (`causality.ts`).
 * 4. The graph is rewritten for a window of positions; what is kept is an input, and an output of the same
 *    name.
 * For example `y[t] = sum s<=t -> x[s]` becomes `y[start + i]` over x kept so far and x of the window.
 * A program that fails an analysis is refused with the reason; there is no fallback here.
 */
import * as E from 'fp-ts/lib/Either.js'
import { Builder } from '../ir/builder.js'
import { i32, identityAt, index, prim, read } from '../ir/expr.js'
import { regionPath, shapeOf } from '../ir/graph.js'
import type { Axis, CarryNode, ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'
import { findFutureDependence } from './causality.js'
import { demandOf, quotedLabel } from './demand.js'
import { analyseTiming, axisOf, dimInCarry } from './timing.js'

/**
 * A node as it is computed for a window: which of its dimensions counts rows. Its dimension of time is the
 * whole node's, behind the rows' where those were added.
 */
interface WindowedNode {
  readonly id: NodeId
  readonly row: number | undefined
  readonly dim: number
  /** The rows' dimension is new: the whole node is the same for all. */
  readonly added: boolean
}

/**
 * A function of whole sequences as a function of their next tokens: `tokens` i32[rows, T] → `output` of
 * shape [rows, T, …] becomes `tokens` i32[rows, window] → `output` [rows, window, …], the positions `start`
 * … `start + window - 1` of what the whole function gives; `start` i32[rows] is each row's own, at most T -
 * window. Every node that is read at earlier positions is an input `kept.0`, `kept.1`, … of its whole shape
 * and, with the window's positions replaced, an output of the same name: keys and values of attention,
 * whatever the program calls them. Positions from `start + window` on are never used. Left says why there
 * is no such function: something depends on later tokens.
 */
export const incremental = (graph: Graph, outputName: string, window: number): E.Either<string, Graph> => {
  const tokens = graph.nodes.find(n => n.kind === 'input' && n.name === 'tokens')
  const output = graph.outputs.find(o => o.name === outputName)
  if (tokens?.kind !== 'input' || output === undefined) return E.left('there are no tokens')
  const times = analyseTiming(graph, tokens)
  const timing = times?.get(output.node)
  if (times === undefined || timing === undefined) return E.left('rows depend on one another')
  const demand = demandOf(graph, times, output.node, 1)
  if (typeof demand === 'string') return E.left(demand)
  const problem = findFutureDependence(graph, times, demand, output.node)
  if (problem !== undefined) return E.left(problem)

  const b = new Builder(graph)
  b.outputs.splice(0)
  const rows = tokens.shape[0]!
  const start = b.input('start', 'i32', [rows], { below: tokens.shape[1] })
  const single = rows === 1
  const startOf = (row: Axis | undefined): Expr => read(start, 'i32', [row ? index(row) : i32(0)])
  const made = new Map<NodeId, WindowedNode>()
  const merged = new Map<NodeId, NodeId>()

  const windowed = (id: NodeId, row?: number): WindowedNode => {
    const known = made.get(id)
    if (known !== undefined) return known
    const n = b.node(id)
    const dim = demand.windowed.get(id)!
    if (n.kind === 'input') {
      const input = b.input(n.name, n.dtype, [rows, window], { origin: n.origin, below: n.below })
      b.nodes.delete(id)
      return remember(id, { id: input, row: single ? undefined : 0, dim: 1, added: false })
    }
    if (n.kind === 'carry') return windowedCarry(n, dim)
    if (n.kind !== 'compute') throw new Error(`a ${n.kind} has no window`)
    return remember(id, windowedNode(n, dim, times.get(id)?.row ?? row))
  }
  const remember = (id: NodeId, w: WindowedNode): WindowedNode => {
    made.set(id, w)
    return w
  }

  const windowedCarry = (n: CarryNode, dim: number): WindowedNode => {
    const { row } = times.get(n.id)!
    const init = windowed(n.init, row === undefined ? row : dimInCarry(graph, n, 'init', row))
    const { id: _id, next: _next, ...rest } = n
    const id = b.openCarry({
      ...rest,
      shape: n.shape.map((extent, i) => (i === dim ? window : extent)),
      init: init.id,
    })
    const out = remember(n.id, { id, row, dim, added: false })
    b.closeCarry(id, windowed(n.next, row).id)
    return out
  }

  const windowedNode = (n: ComputeNode, dim: number, ownRow: number | undefined): WindowedNode => {
    const loops = regionPath(graph, n.region).length
    const t = axisOf(graph, n, dim)!
    const i = b.axis(t.name, window)
    const added = ownRow === undefined && !single
    const row = added ? b.axis('b', rows) : ownRow === undefined ? undefined : n.dims[ownRow]![0]!
    const seen = new Map<Expr, Expr>()
    const go = (e: Expr): Expr => {
      const known = seen.get(e) ?? of(e)
      seen.set(e, known)
      return known
    }
    const of = (e: Expr): Expr => {
      if (e.op === 'const') return e
      if (e.op === 'index') return e.axis.id === t.id ? prim('add', startOf(row), index(i)) : e
      if (e.op !== 'read') return { ...e, args: e.args.map(go) }
      const use = demand.use(n.id, e)
      if (use.kind === 'kept') return { ...e, node: mergedNode(e.node), at: e.at.map(go) }
      if (use.kind !== 'window') return { ...e, at: e.at.map(go) }
      const w = windowed(e.node)
      const at = e.at.map((x, k) => (k === use.dim ? index(i) : go(x)))
      return { ...e, node: w.id, at: w.added ? at.toSpliced(w.row!, 0, index(row!)) : at }
    }
    const dims = n.dims.map((axes, k) => (k === dim ? [i] : axes))
    const { id: _, ...rest } = n
    const id = b.compute({
      ...rest,
      dims: added ? dims.toSpliced(loops, 0, [row!]) : dims,
      body: go(n.body),
    })
    return added ? { id, row: loops, dim: dim + 1, added } : { id, row: ownRow, dim, added: false }
  }

  const dimsOf = (n: Node): readonly (readonly Axis[])[] =>
    n.kind === 'compute' ? n.dims : shapeOf(n).map((extent, k) => [b.axis('ijkmn'[k % 5]!, extent)])

  /** The whole of a node: what was kept of it, with the window's positions replaced. */
  const mergedNode = (id: NodeId): NodeId => {
    const known = merged.get(id)
    if (known !== undefined) return known
    const w = windowed(id)
    const n = graph.nodes.find(x => x.id === id)!
    const region = n.kind === 'compute' ? n.region : undefined
    const time = b.axis('s', shapeOf(n)[w.dim]!)
    const dims = dimsOf(n).map((axes, k) => (k === w.dim ? [time] : axes))
    const from = startOf(w.row === undefined ? undefined : dims[w.row]![0]!)
    const s = index(time)
    const inside = prim('and', prim('le', from, s), prim('lt', s, prim('add', from, i32(window))))
    const name = `kept.${merged.size}`
    const old = b.input(name, n.dtype, shapeOf(n), { origin: { label: quotedLabel(n).slice(1, -1) } })
    const at = identityAt(dims)
    const place = at.map((x, k) => (k === w.dim ? prim('sub', s, from) : x))
    const node = b.compute({
      dtype: n.dtype,
      dims,
      body: prim('select', inside, read(w.id, n.dtype, place, true), read(old, n.dtype, at)),
      ...(region === undefined ? {} : { region }),
      origin: n.origin,
    })
    merged.set(id, node)
    b.output(name, node, name)
    return node
  }

  const result = windowed(output.node)
  b.outputs.unshift({ name: output.name, node: result.id })
  return E.right(b.finish())
}
