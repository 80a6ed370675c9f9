import { affineRange, affineScale } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineAdd, affineOf, sameIndex } from '../affine/affine-of.js'
import { i32, identityAt, index, prim, type ReadExpr, readsOf, rewrite } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'
import type { UpdateTarget } from '../kernel/group.js'

/**
 * An output that is written into the input that it replaces, at the changed positions only. `node` ranges
 * over those positions. Data decides whether they are inside the tensor, so each write has a condition.
 */
export interface InPlaceUpdate extends UpdateTarget {
  readonly node: ComputeNode
}

/**
 * The nodes that a member reads: for its value, for its position, and for the condition under which it is
 * written.
 */
export const readsOfMember = (n: ComputeNode, target: UpdateTarget | undefined): readonly NodeId[] => [
  ...new Set(
    [
      n.body,
      ...(n.band ?? []),
      ...(n.readBand ?? []),
      ...(target ? [...target.at, target.within] : []),
    ].flatMap(e => readsOf(e).map(r => r.node)),
  ),
]

const conditionsOf = (e: Expr): readonly Expr[] => (e.op === 'and' ? e.args.flatMap(conditionsOf) : [e])

/** A comparison as bounds of `axis - from`, where `from` is data that does not depend on the axis. */
const boundOf = (e: Expr, axis: Axis): { from: Expr; low: number; high: number } | undefined => {
  if (!('args' in e) || e.args.length !== 2) return undefined
  const [x, y] = e.args as readonly [Expr, Expr]
  const d = affineAdd(affineOf(x), affineScale(affineOf(y), -1))
  const sign = d.terms.get(axis.id)?.coefficient
  const [[from, coefficient] = [undefined, 0]] = d.rest
  if (d.terms.size !== 1 || d.rest.size !== 1 || from === undefined) return undefined
  if (Math.abs(sign ?? 0) !== 1 || coefficient !== -sign! || readsOf(from).length === 0) return undefined
  // x - y = sign · (axis - from) + constant
  const atMost = (limit: number) =>
    sign === 1
      ? { from, low: Number.NEGATIVE_INFINITY, high: limit - d.constant }
      : { from, low: d.constant - limit, high: Number.POSITIVE_INFINITY }
  const atLeast = (limit: number) =>
    sign === 1
      ? { from, low: limit - d.constant, high: Number.POSITIVE_INFINITY }
      : { from, low: Number.NEGATIVE_INFINITY, high: d.constant - limit }
  if (e.op === 'le') return atMost(0)
  if (e.op === 'lt') return atMost(-1)
  if (e.op === 'ge') return atLeast(0)
  if (e.op === 'gt') return atLeast(1)
  return undefined
}

/**
 * The positions at which a condition holds, if they are a run of fixed length along one axis from `first` on.
 */
const runOf = (
  condition: Expr,
  axes: readonly Axis[],
): { axis: Axis; first: Expr; length: number } | undefined => {
  for (const axis of axes) {
    const bounds = conditionsOf(condition).map(c => boundOf(c, axis))
    const [one] = bounds
    if (!one || bounds.some(b => b?.from !== one.from)) continue
    const low = Math.max(...bounds.map(b => b!.low))
    const length = Math.min(...bounds.map(b => b!.high)) - low + 1
    if (!Number.isFinite(length) || length < 1 || length >= axis.extent || axis.open) continue
    return { axis, first: low === 0 ? one.from : prim('add', one.from, i32(low)), length }
  }
  return undefined
}

/**
 * Removes data that cancels out of positions, as in `from + i - from`, and guards that are then known to
 * hold.
 */
const simplifyPositions = (e: Expr, nodes: ReadonlyMap<NodeId, Node>): Expr =>
  rewrite(e, x => {
    if (x.op !== 'read') return x
    const forms = x.at.map(affineOf)
    const at = x.at.map((p, i) => (forms[i]!.rest.size === 0 ? affineExpr(forms[i]!) : p))
    const shape = shapeOf(nodes.get(x.node)!)
    const within = forms.every((a, i) => {
      const range = affineRange(a)
      return range !== undefined && range[0] >= 0 && range[1] < shape[i]!
    })
    return { ...x, at, guarded: x.guarded && !within }
  })

/**
 * Finds the outputs that equal the input they replace except at a run of positions that an input gives, such
 * as a cache with new entries:
 *
 *     if from <= s and s < from + n then x else old[…, s, …]
 *
 * Nothing else may read the input, so every order of kernels is right. Positions outside the tensor are not
 * written. Other outputs that replace an input are computed whole and copied.
 */
export const findInPlaceUpdates = (
  graph: Graph,
  axis: (name: string, extent: number) => Axis,
): ReadonlyMap<NodeId, InPlaceUpdate> => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const readers = (id: NodeId): readonly ReadExpr[] =>
    graph.nodes.flatMap(n => (n.kind === 'compute' ? readsOf(n.body).filter(r => r.node === id) : []))
  // Only inputs and literals: fusion does not keep other kernels' results for the position of a write.
  const brought = (id: NodeId): boolean => ['input', 'literal'].includes(nodes.get(id)!.kind)
  const updates = new Map<NodeId, InPlaceUpdate>()
  for (const o of graph.outputs) {
    const node = nodes.get(o.node)!
    const input = graph.nodes.find(n => n.kind === 'input' && n.name === o.replaces)
    if (input === undefined || node.kind !== 'compute' || node.reduce || node.body.op !== 'select') continue
    const [condition, value, old] = node.body.args as readonly [Expr, Expr, Expr]
    const whole = identityAt(node.dims)
    const untouched =
      old.op === 'read' &&
      old.node === input.id &&
      !old.guarded &&
      old.at.every((e, i) => sameIndex(e, whole[i]!))
    if (!untouched || readers(input.id).length !== 1) continue
    const run = runOf(
      condition,
      node.dims.filter(d => d.length === 1).map(d => d[0]!),
    )
    if (run === undefined || !readsOf(run.first).every(r => brought(r.node))) continue
    // A single position needs no axis, so that the index space equals those of other nodes without it.
    const own = run.length === 1 ? [] : [axis(run.axis.name, run.length)]
    const place = own.reduce((e, a) => prim('add', e, index(a)), run.first)
    const put = (e: Expr): Expr =>
      rewrite(e, x => (x.op === 'index' && x.axis.id === run.axis.id ? place : x))
    updates.set(node.id, {
      node: {
        ...node,
        dims: node.dims.map(d => (d[0] === run.axis ? own : d)),
        body: simplifyPositions(put(value), nodes),
      },
      into: input.id,
      at: whole.map(put),
      within: prim('and', prim('ge', place, i32(0)), prim('lt', place, i32(run.axis.extent))),
    })
  }
  return updates
}
