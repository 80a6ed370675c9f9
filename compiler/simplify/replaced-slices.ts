import { type Affine, affineDifference, affineRange, affineScale, affineShift } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineOf, sameIndex } from '../affine/affine-of.js'
import {
  constant,
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
import type { Axis, CarryNode, ComputeNode, Expr, Graph, Node, NodeId, Region } from '../ir/ir.js'
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
 * What a read of the carry, or of its `next`, takes: the initial value, the slice that an iteration made
 * `ago` iterations before (0: this one), or what a comparison decides. Undefined where a read in the loop may
 * take slices of several iterations.
 */
const takenBy = (
  r: ReadExpr,
  s: SlicedCarry,
  isInside: boolean,
): 'start' | { readonly ago: number } | readonly Expr[] | undefined => {
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
    return first === last && -first <= mostAgo ? { ago: -first } : undefined
  }
  const at = affineExpr(iteration)
  const slot = r.at[level]!
  const bounds =
    direction === 'up'
      ? [prim('ge', at, i32(0)), prim('lt', at, isNext ? prim('add', slot, i32(1)) : slot)]
      : [prim('ge', at, slot), prim('lt', at, i32(axis.extent))]
  return bounds
}

/** So many iterations back, a slice is carried from iteration to iteration. */
const mostAgo = 8

/** What takes the place of a carry: the node of its slices, and its initial value below so many loops. */
interface Replacement {
  readonly slices: NodeId
  /** A new carry with the slices of so many iterations ago. */
  readonly earlier: (ago: number) => NodeId
  readonly init: NodeId
  readonly depth: number
}

/** The reads of a carry and its `next` in terms of the slices and of `init`. */
const rewriteReads = (
  body: Expr,
  isInside: boolean,
  s: SlicedCarry,
  { slices, earlier, init, depth }: Replacement,
): Expr | undefined => {
  const level = s.path.length - 1
  let possible = true
  const out = rewrite(body, e => {
    if (e.op !== 'read' || (e.node !== s.carry.id && e.node !== s.next.id)) return e
    const taken = takenBy(e, s, isInside)
    if (taken === undefined) {
      possible = false
      return e
    }
    const rest = e.at.slice(level + 1)
    const start = read(init, e.dtype, [...e.at.slice(0, depth), ...rest], e.guarded)
    if (taken === 'start') return start
    const { axis, direction } = s.path[level]!
    const from = (node: NodeId, slot: Expr, guarded: boolean): Expr =>
      read(
        node,
        e.dtype,
        [...e.at.slice(0, level), slot, ...rest].filter((_, i) => i !== s.dim),
        guarded,
      )
    if (!('ago' in taken)) {
      const slice = from(slices, affineExpr(s.iterationOf(e.at[s.dim]!)), true)
      return prim('select', prim('and', taken[0]!, taken[1]!), slice, start)
    }
    const l = index(axis)
    if (taken.ago === 0) return from(slices, l, e.guarded)
    const happened =
      direction === 'up' ? prim('ge', l, i32(taken.ago)) : prim('lt', l, i32(axis.extent - taken.ago))
    const slot = direction === 'up' ? l : prim('add', l, i32(1))
    return prim('select', happened, from(earlier(taken.ago), slot, e.guarded), start)
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
 * A loop that fills a tensor step by step carries nothing then, and neither does its reverse. Where an
 * iteration reads the slice that the one before replaced, only that slice is carried. A carry stays where a
 * node in the loop may read the slices of several iterations.
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
  let most = 0
  const earlier = (ago: number): NodeId => {
    most = Math.max(most, ago)
    return id + 3 * ago
  }
  const replacement = { slices: id, earlier, init: carry.init, depth }
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
  for (let ago = 1; ago <= most; ago++)
    for (const n of earlierSlices(s, slices, earlier(ago), facts)) nodes.set(n.id, n)
  nodes.delete(carry.id)
  nodes.delete(next.id)
  return { ...graph, nodes: [...nodes.values()] }
}

/**
 * The carry `id` with the slices of some iterations ago, its initial value, which nothing reads, and its next
 * value: the slices themselves, or the carry of one iteration less, which has the id before by 3.
 */
const earlierSlices = (
  { carry, path }: SlicedCarry,
  slices: ComputeNode,
  id: NodeId,
  facts: Facts,
): readonly Node[] => {
  const { dtype, origin } = slices
  const { axis, direction } = path.at(-1)!
  const fresh = (): readonly (readonly Axis[])[] =>
    slices.dims.slice(path.length).map(axes => axes.map(a => facts.axis(a.name, a.extent)))
  const outer = path.slice(0, -1).map(r => [r.axis])
  const inner = fresh()
  const extents = inner.map(axes => axes.reduce((n, a) => n * a.extent, 1))
  const parent = path.at(-2)?.id
  const start: ComputeNode = {
    kind: 'compute',
    id: id + 1,
    dtype,
    dims: [...outer, ...inner],
    body: constant(dtype, 0),
    ...(parent === undefined ? {} : { region: parent }),
    origin,
  }
  const isFirst = id === slices.id + 3
  const dims = [...outer, [axis], ...fresh()]
  const slot = direction === 'up' ? index(axis) : prim('add', index(axis), i32(1))
  const at = [...outer.flat().map(index), slot, ...identityAt(dims.slice(path.length))]
  const next: ComputeNode = { ...slices, id: id + 2, dims, body: read(id - 3, dtype, at) }
  const before: CarryNode = {
    kind: 'carry',
    id,
    dtype,
    shape: [...path.slice(0, -1).map(r => r.axis.extent), axis.extent + 1, ...extents],
    region: carry.region,
    init: start.id,
    next: isFirst ? slices.id : next.id,
    origin,
  }
  return isFirst ? [start, before] : [start, before, next]
}

/** Whether a node stands in a loop inside of the carry's. */
const isDeeper = (graph: Graph, n: ComputeNode, carry: CarryNode): boolean =>
  n.region !== carry.region && regionPath(graph, n.region).some(r => r.id === carry.region)
