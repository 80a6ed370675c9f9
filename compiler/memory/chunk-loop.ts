import type { Builder } from '../ir/builder.js'
import {
  childrenOf,
  constant,
  i32,
  identityAt,
  index,
  prim,
  type ReadExpr,
  read,
  rewriter,
} from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import { type Interval, intervals } from '../ir/interval.js'
import type { Axis, ComputeNode, Expr, NodeId, Region, RegionId } from '../ir/ir.js'
import { identityOf } from '../ir/reduction-identity.js'
import { type Cut, cutAxis } from './chunk-cut.js'

/** Rewrites a read of a node that is now made in a loop. */
type ReadView = (r: ReadExpr) => Expr

const within = (e: Expr, extent: number): Expr =>
  prim('and', prim('ge', e, i32(0)), prim('lt', e, i32(extent)))

/**
 * Puts nodes into a loop over chunks of `length` positions of an axis of `extent`. Slices have a slot an
 * iteration; totals become carries that add up. The last chunk may reach beyond the axis: reads there are
 * guarded, and totals leave it out. `members` come in order of evaluation, and no member needs another's
 * total. Nodes that were claimed (`keep`) stay as views of what the loop makes.
 */
export const moveIntoLoop = (
  b: Builder,
  members: readonly { readonly node: ComputeNode; readonly cut: Cut }[],
  loop: { readonly axis: Axis; readonly length: number; readonly parent: RegionId | undefined },
  keep: ReadonlySet<NodeId>,
): void => {
  const { extent } = loop.axis
  const count = Math.ceil(extent / loop.length)
  const region = b.region(b.axis(`${loop.axis.name}_chunk`, count), 'up', loop.parent, { chunks: true })
  const path = b.enclosing(loop.parent)
  const chunk = index(region.axis)
  const start = prim('mul', chunk, i32(loop.length))
  const whole = count * loop.length === extent
  const made = new Map<NodeId, { readonly id: NodeId; readonly dim: number }>()
  const views = new Map<NodeId, ReadView>()
  const interval = intervals()

  for (const { node, cut } of members) {
    const axis = cutAxis(node, cut)
    const inner = b.axis(axis.name, loop.length)
    const position = prim('add', start, index(inner))
    const body = rewriter(e => {
      if (e.op === 'index') return e.axis.id === axis.id ? position : e
      if (e.op !== 'read') return e
      const member = made.get(e.node)
      if (member === undefined) return whole ? e : guarded(b, e, position, interval)
      const at = e.at.map((p, i) => (i === member.dim ? index(inner) : p))
      return { ...e, node: member.id, at: [...at.slice(0, path.length), chunk, ...at.slice(path.length)] }
    })(node.body)
    const dimsOf = (dims: ComputeNode['dims']): ComputeNode['dims'] => [
      ...dims.slice(0, path.length),
      [region.axis],
      ...dims.slice(path.length).map(d => d.map(a => (a.id === axis.id ? inner : a))),
    ]
    const dims = dimsOf(node.dims)
    if (cut.kind === 'slice') {
      const { dtype, reduce, origin } = node
      const id = b.compute({ dtype, dims, ...(reduce ? { reduce } : {}), body, region: region.id, origin })
      made.set(node.id, { id, dim: cut.dim })
      views.set(
        node.id,
        viewOfSlices({ id, node, dim: cut.dim, depth: path.length, length: loop.length }, interval),
      )
    } else {
      const { op, axes } = node.reduce!
      const inside = whole
        ? body
        : prim(
            'select',
            prim('lt', position, i32(extent)),
            body,
            constant(body.dtype, identityOf(op, body.dtype)),
          )
      const reduce = { op, axes: axes.map(a => (a.id === axis.id ? inner : a)) }
      views.set(node.id, accumulateTotal(b, { node, part: { dims, reduce, body: inside }, region, path }))
    }
  }

  const redirect = rewriter(e => (e.op === 'read' ? (views.get(e.node)?.(e) ?? e) : e))
  const inLoop = new Set([...made.values()].map(m => m.id))
  for (const n of [...b.nodes.values()]) {
    if (n.kind !== 'compute' || views.has(n.id) || inLoop.has(n.id)) continue
    const body = redirect(n.body)
    if (body !== n.body) b.nodes.set(n.id, { ...n, body })
  }
  for (const { node } of members)
    if (keep.has(node.id)) {
      const { reduce: _, ...rest } = node
      const own = read(node.id, node.dtype, identityAt(node.dims)) as ReadExpr
      b.nodes.set(node.id, { ...rest, body: views.get(node.id)!(own) })
    } else b.nodes.delete(node.id)
}

/** A read that the last chunk would take beyond the tensor gives 0 there. */
const guarded = (b: Builder, r: ReadExpr, position: Expr, interval: (e: Expr) => Interval): ReadExpr => {
  const shape = shapeOf(b.node(r.node))
  // Data read beyond its end is 0, which is a position.
  const known = new Map<Expr, boolean>()
  const mentions = (e: Expr): boolean => {
    const out = known.get(e) ?? (e === position || (e.op !== 'read' && childrenOf(e).some(mentions)))
    known.set(e, out)
    return out
  }
  const leaves = r.at.some((p, i) => mentions(p) && interval(p).hi >= shape[i]!)
  return leaves ? { ...r, guarded: true } : r
}

/** A node made slice by slice in a loop. */
interface SlicedNode {
  /** The node of the loop. */
  readonly id: NodeId
  /** The node that it replaces, and the dimension that was cut. */
  readonly node: ComputeNode
  readonly dim: number
  /** How many loops are around both. */
  readonly depth: number
  /** Positions in a chunk. */
  readonly length: number
}

/** A read at position x of the axis becomes one of slot `x idiv length` at `x mod length`. */
const viewOfSlices =
  ({ id, node, dim, depth, length }: SlicedNode, interval: (e: Expr) => Interval): ReadView =>
  r => {
    const x = r.at[dim]!
    const extent = shapeOf(node)[dim]!
    const at = r.at.map((p, i) => (i === dim ? prim('mod', x, i32(length)) : p))
    const slot = prim('idiv', x, i32(length))
    const moved: Expr = { ...r, node: id, at: [...at.slice(0, depth), slot, ...at.slice(depth)] }
    const { lo, hi } = interval(x)
    return r.guarded && (lo < 0 || hi >= extent)
      ? prim('select', within(x, extent), moved, constant(r.dtype, 0))
      : moved
  }

/** A reduction over an axis that is cut: what one chunk gives, and the loop that joins the chunks. */
interface ChunkedReduction {
  readonly node: ComputeNode
  readonly part: Pick<ComputeNode, 'dims' | 'body'> & { readonly reduce: NonNullable<ComputeNode['reduce']> }
  readonly region: Region
  /** The loops around the region. */
  readonly path: readonly Region[]
}

/** The sum (or maximum …) of the chunks' results: a carry, of which the last slot is read. */
const accumulateTotal = (b: Builder, { node, part, region, path }: ChunkedReduction): ReadView => {
  const { dtype, origin } = node
  const depth = path.length
  const parent = region.parent === undefined ? {} : { region: region.parent }
  const init = b.compute({
    dtype,
    dims: node.dims,
    body: constant(dtype, identityOf(part.reduce.op, dtype)),
    ...parent,
    origin: { ...origin, label: `${origin.label} start` },
  })
  const count = region.axis.extent
  const shape = shapeOf(node)
  const carry = b.openCarry({
    dtype,
    shape: [...shape.slice(0, depth), count + 1, ...shape.slice(depth)],
    region: region.id,
    init,
    origin,
  })
  const id = b.compute({
    dtype,
    ...part,
    region: region.id,
    origin: { ...origin, label: `${origin.label} of a chunk` },
  })
  const join =
    part.reduce.op === 'sum' ? 'add' : part.reduce.op === 'prod' ? 'mul' : (part.reduce.op as 'max' | 'min')
  const at = identityAt(part.dims)
  const next = b.compute({
    dtype,
    dims: part.dims,
    body: prim(join, read(carry, dtype, at), read(id, dtype, at)),
    region: region.id,
    origin,
  })
  b.closeCarry(carry, next)
  return r => ({ ...r, node: carry, at: [...r.at.slice(0, depth), i32(count), ...r.at.slice(depth)] })
}
