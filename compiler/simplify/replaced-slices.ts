import { type Affine, affineDifference, affineRange, affineScale, affineShift } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineOf, sameIndex } from '../affine/affine-of.js'
import {
  i32,
  identityAt,
  index,
  prim,
  type ReadExpr,
  read,
  readsOf,
  rewrite,
  substituteAxes,
} from '../ir/expr.js'
import { elementsOf, regionOf, regionPath } from '../ir/graph.js'
import type { CarryNode, ComputeNode, Expr, Graph, Node, NodeId, Region } from '../ir/ir.js'
import type { Facts } from './rewrite-rule.js'

/**
 * A carry of which each iteration replaces one slice, `next[i] = if i == f(l) then value else carry[i]`,
 * where f(l) is `l + k` or `k - l`: different iterations replace different slices.
 */
interface SlicedCarry {
  readonly carry: CarryNode
  readonly next: ComputeNode
  readonly path: readonly Region[]
  /** The dimension of the slices. */
  readonly dim: number
  readonly value: Expr
  /** f(l). */
  readonly replaced: Affine
  /** The iteration that replaces the slice at a position. */
  readonly iterationOf: (position: Expr) => Affine
}

const conditionOf = (e: Expr, op: 'eq' | 'ne'): readonly [Expr, Expr] | undefined =>
  e.op === op ? (e.args as readonly [Expr, Expr]) : undefined

/** The carry as one of slices, if the body of its `next` has that form. */
const slicedCarry = (carry: CarryNode, graph: Graph, nodes: ReadonlyMap<NodeId, Node>) => {
  const next = nodes.get(carry.next)!
  if (next.kind !== 'compute' || next.reduce || next.body.op !== 'select' || elementsOf(next) === 0)
    return undefined
  const [condition, yes, no] = next.body.args as readonly [Expr, Expr, Expr]
  const same = conditionOf(condition, 'eq')
  const sides = same ?? conditionOf(condition, 'ne')
  if (sides === undefined) return undefined
  const [value, kept] = same ? [yes, no] : [no, yes]
  const path = regionPath(graph, carry.region)
  const whole = identityAt(next.dims)
  // The bounds below are those of the longest run.
  if ([...path.map(r => r.axis), ...next.dims.flat()].some(a => a.open !== undefined)) return undefined
  const untouched =
    kept.op === 'read' &&
    kept.node === carry.id &&
    !kept.guarded &&
    kept.at.every((e, i) => i < path.length || sameIndex(e, whole[i]!))
  if (!untouched) return undefined
  const loop = path.at(-1)!
  const sum = affineDifference(affineOf(sides[0]), affineOf(sides[1]))
  const dim = next.dims.findIndex(
    (axes, i) => i >= path.length && axes.length === 1 && sum.terms.has(axes[0]!.id),
  )
  if (dim < 0 || sum.terms.size !== 2 || sum.rest.size > 0) return undefined
  const axis = next.dims[dim]![0]!
  const [byAxis, byLoop] = [axis, loop.axis].map(a => sum.terms.get(a.id)?.coefficient ?? 0)
  if (Math.abs(byAxis!) !== 1 || Math.abs(byLoop!) !== 1) return undefined
  // byAxis · i + byLoop · l + constant = 0, solved for each.
  const sign = -byAxis! * byLoop!
  const solved = (of: Affine, by: number): Affine => affineShift(affineScale(of, sign), -by * sum.constant)
  const replaced = solved(affineOf(index(loop.axis)), byAxis!)
  const range = affineRange(replaced)
  if (range === undefined || range[0] < 0 || range[1] >= axis.extent) return undefined
  const iterationOf = (p: Expr): Affine => solved(affineOf(p), byLoop!)
  return { carry, next, path, dim, value, replaced, iterationOf } satisfies SlicedCarry
}

/**
 * What a read of the carry, or of its `next`, takes: the initial value, a slice of the same iteration, or
 * what a comparison decides. Undefined where a read in the loop may take a slice of an earlier iteration.
 */
const takenBy = (
  r: ReadExpr,
  s: SlicedCarry,
  isInside: boolean,
): 'start' | 'slice' | readonly Expr[] | undefined => {
  const level = s.path.length - 1
  const { axis, direction } = s.path[level]!
  const iteration = s.iterationOf(r.at[s.dim]!)
  const isNext = r.node === s.next.id
  if (isInside) {
    const range = affineRange(affineDifference(iteration, affineOf(index(axis))))
    if (range === undefined) return undefined
    const [first, last] = direction === 'up' ? range : [-range[1], -range[0]]
    // Positive: a later iteration replaces the slice. Zero: this one.
    if (first > 0 || (first === 0 && !isNext)) return 'start'
    return first === 0 && last === 0 ? 'slice' : undefined
  }
  const at = affineExpr(iteration)
  const slot = r.at[level]!
  const bounds =
    direction === 'up'
      ? [prim('ge', at, i32(0)), prim('lt', at, isNext ? prim('add', slot, i32(1)) : slot)]
      : [prim('ge', at, slot), prim('lt', at, i32(axis.extent))]
  return bounds
}

/** What takes the place of a carry: the node of its slices, and its initial value below so many loops. */
interface Replacement {
  readonly slices: NodeId
  readonly init: NodeId
  readonly depth: number
}

/** The reads of a carry and its `next` in terms of the slices and of `init`. */
const rewriteReads = (
  body: Expr,
  isInside: boolean,
  s: SlicedCarry,
  { slices, init, depth }: Replacement,
): Expr | undefined => {
  const level = s.path.length - 1
  let possible = true
  const out = rewrite(body, e => {
    if (e.op !== 'read' || (e.node !== s.carry.id && e.node !== s.next.id)) return e
    const taken = e.guarded ? undefined : takenBy(e, s, isInside)
    if (taken === undefined) {
      possible = false
      return e
    }
    const rest = e.at.slice(level + 1)
    const start = read(init, e.dtype, [...e.at.slice(0, depth), ...rest])
    if (taken === 'start') return start
    const iteration = taken === 'slice' ? index(s.path[level]!.axis) : affineExpr(s.iterationOf(e.at[s.dim]!))
    const at = [...e.at.slice(0, level), iteration, ...rest].filter((_, i) => i !== s.dim)
    if (taken === 'slice') return read(slices, e.dtype, at)
    return prim('select', prim('and', taken[0]!, taken[1]!), read(slices, e.dtype, at, true), start)
  })
  return possible ? out : undefined
}

/**
 * A carry of which each iteration replaces another slice needs no copies of itself: a read of the slice that
 * iteration l replaced reads what l computed, any other read is of the initial value.
 *
 *     next[i] = if i == l then v else carry[i]   →   slices[l] = v
 *     carry[s, i]                                →   if i < s then slices[i] else init[i]
 *
 * A loop that fills a tensor step by step carries nothing then, and neither does its reverse. A carry stays
 * where a node in the loop reads what an earlier iteration replaced.
 */
export const replacedSlices = (graph: Graph, facts: Facts): Graph => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const fixed = new Set(graph.outputs.map(o => o.node))
  for (const n of graph.nodes) if (n.kind === 'carry') fixed.add(n.init)
  let current = graph
  for (const carry of graph.nodes) {
    if (carry.kind !== 'carry' || fixed.has(carry.id) || fixed.has(carry.next)) continue
    const isShared = graph.nodes.some(n => n.kind === 'carry' && n !== carry && n.next === carry.next)
    const found = isShared ? undefined : slicedCarry(carry, current, nodes)
    if (found !== undefined) current = withSlices(current, nodes, found, facts) ?? current
  }
  return current
}

/** The graph with slices in place of a carry; undefined where one of its reads does not allow that. */
const withSlices = (
  graph: Graph,
  nodes: Map<NodeId, Node>,
  s: SlicedCarry,
  facts: Facts,
): Graph | undefined => {
  const { carry, next, path, dim } = s
  const id = 1 + Math.max(...nodes.keys())
  const depth = regionPath(graph, regionOf(nodes.get(carry.init)!)).length
  const replacement = { slices: id, init: carry.init, depth }
  const dims = next.dims
    .map((axes, i) => (i < path.length ? axes : axes.map(a => facts.axis(a.name, a.extent))))
    .filter((_, i) => i !== dim)
  const from = next.dims.filter((_, i) => i !== dim).slice(path.length)
  const renamed = new Map(
    from.flatMap((axes, i) => axes.map((a, j) => [a.id, index(dims[path.length + i]![j]!)] as const)),
  )
  renamed.set(next.dims[dim]![0]!.id, affineExpr(s.replaced))
  const body = rewriteReads(substituteAxes(s.value, renamed), true, s, replacement)
  if (body === undefined) return undefined
  const changed = new Map<NodeId, ComputeNode>()
  for (const n of nodes.values()) {
    if (n.kind !== 'compute' || n === next) continue
    if (!readsOf(n.body).some(r => r.node === carry.id || r.node === next.id)) continue
    const other = rewriteReads(n.body, n.region === carry.region, s, replacement)
    if (other === undefined || isDeeper(graph, n, carry)) return undefined
    changed.set(n.id, { ...n, body: other })
  }
  const slices: ComputeNode = { ...next, id, dims, body }
  for (const [k, n] of changed) nodes.set(k, n)
  nodes.set(id, slices)
  nodes.delete(carry.id)
  nodes.delete(next.id)
  return { ...graph, nodes: [...nodes.values()] }
}

/** Whether a node stands in a loop inside of the carry's. */
const isDeeper = (graph: Graph, n: ComputeNode, carry: CarryNode): boolean =>
  n.region !== carry.region && regionPath(graph, n.region).some(r => r.id === carry.region)
