import { affineRange, affineScale } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineAdd, affineOf, sameIndex } from '../affine/affine-of.js'
import { i32, identityAt, index, prim, type ReadExpr, readsOf, rewrite } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'
import type { UpdateTarget } from '../kernel/group.js'

/**
 * An output that is written into the input whose place it takes, only where it differs: `node` ranges over
 * those places, which are only within the tensor if data doesn't say otherwise.
 */
export interface InPlaceUpdate extends UpdateTarget {
  readonly node: ComputeNode
}

/** What a node reads, for its value and to know where that goes. */
export const readsOfMember = (n: ComputeNode, target: UpdateTarget | undefined): readonly NodeId[] => [
  ...new Set(
    [n.body, ...(target ? [...target.at, target.within] : [])].flatMap(e => readsOf(e).map(r => r.node)),
  ),
]

const conditionsOf = (e: Expr): readonly Expr[] => (e.op === 'and' ? e.args.flatMap(conditionsOf) : [e])

/** A condition as bounds of `axis - from`, where `from` is data that does not depend on the axis. */
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
 * The places at which a condition holds, if they are a run of fixed length along one axis: `from + low` and
 * on.
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
    if (!Number.isFinite(length) || length < 1 || length >= axis.extent) continue
    return { axis, first: low === 0 ? one.from : prim('add', one.from, i32(low)), length }
  }
  return undefined
}

/** Positions in which data cancels out, as `from + i - from`, and guards that they settle. */
const tidy = (e: Expr, nodes: ReadonlyMap<NodeId, Node>): Expr =>
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
 * The outputs that take an input's place and are that input except at a run of positions that an input gives,
 * `if from <= s and s < from + n then x else old[…, s, …]`: a cache with new entries. Nothing else may read
 * the input, so no order of kernels can go wrong. Of the n places those outside are left out. Other outputs
 * are computed whole and copied.
 */
export const findInPlaceUpdates = (
  graph: Graph,
  axis: (name: string, extent: number) => Axis,
): ReadonlyMap<NodeId, InPlaceUpdate> => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const readers = (id: NodeId): readonly ReadExpr[] =>
    graph.nodes.flatMap(n => (n.kind === 'compute' ? readsOf(n.body).filter(r => r.node === id) : []))
  // Nothing that other kernels compute, whose results fusion would not know to be wanted here.
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
    // One place needs no axis: index spaces that differ by that alone are the same.
    const own = run.length === 1 ? [] : [axis(run.axis.name, run.length)]
    const place = own.reduce((e, a) => prim('add', e, index(a)), run.first)
    const put = (e: Expr): Expr =>
      rewrite(e, x => (x.op === 'index' && x.axis.id === run.axis.id ? place : x))
    updates.set(node.id, {
      node: {
        ...node,
        dims: node.dims.map(d => (d[0] === run.axis ? own : d)),
        body: tidy(put(value), nodes),
      },
      into: input.id,
      at: whole.map(put),
      within: prim('and', prim('ge', place, i32(0)), prim('lt', place, i32(run.axis.extent))),
    })
  }
  return updates
}
