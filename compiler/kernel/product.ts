import { type Affine, coefficientOf } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import { identityAt, readsOf } from '../ir/expr.js'
import { deepInterner } from '../ir/intern.js'
import type { Axis, ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import { coalesceAxes } from './coalesce-axes.js'
import { type KernelContext, lowerBody, renameAxes, substituteLocals } from './context.js'
import { type Contraction, contractionOf } from './contraction.js'
import type { Group } from './group.js'
import { kernelAxes } from './outputs.js'
import { addressOf } from './placement.js'

/** A stored member of a contraction's kernel: its value, computed from the sum, and its address. */
export interface Epilogue {
  readonly value: Expr
  readonly storage: number
  readonly address: Affine
  /** The constant that it is where the sum is idle; absent where nobody reads it there. */
  readonly outside?: Expr
}

/**
 * A contraction over addresses: one `m` axis, all others of its kind in the batch, and `k` with the inner
 * axis last.
 */
export interface Product extends Omit<Contraction, 'm'> {
  readonly m: Axis
  readonly node: NodeId
  /** The stored members, the sum itself first if it is stored. */
  readonly outputs: readonly Epilogue[]
  /** Conditions outside of which the sum's terms are 0. */
  readonly band: readonly Expr[]
  /** Conditions outside of which the sum is idle: each output is a constant there, or is not read. */
  readonly busy: readonly Expr[]
}

/** The constant of a value that is no reduction, outside of its band. */
export const constantOutside = ({ reduce, band, body }: ComputeNode): Expr | undefined => {
  const outside = reduce === undefined && band && body.op === 'select' ? body.args[2]! : undefined
  return outside?.op === 'const' ? outside : undefined
}

/** The conditions outside of which a group's sum is idle, and the stored members that are constants there. */
const busyOf = (
  group: Group,
  loops: readonly Region[],
  axes: readonly Axis[],
): { readonly busy: readonly Expr[]; readonly constants: ReadonlyMap<NodeId, Expr> } => {
  const intern = deepInterner()
  const stored = group.members
    .filter(m => group.stored.has(m.id))
    .map(node => {
      const over = (c: Expr): Expr => intern(renameAxes(c, kernelAxes(node, loops), axes))
      const constant = constantOutside(node)
      return {
        node,
        constant,
        unread: (node.readBand ?? []).map(over),
        band: constant ? node.band!.map(over) : [],
      }
    })
  const [first, ...others] = stored.map(m => new Set([...m.unread, ...m.band]))
  const busy = [...(first ?? [])].filter(c => others.every(o => o.has(c)))
  const constants = stored.flatMap(({ node, constant, unread }) =>
    constant === undefined || busy.every(c => unread.includes(c)) ? [] : [[node.id, constant] as const],
  )
  return { busy, constants: new Map(constants) }
}

/** Whether an operand reads neighbours in memory along an axis. This decides how the operand is loaded. */
export const runsAlong = (e: Expr, axis: Axis | undefined): boolean =>
  axis !== undefined && readsOf(e).some(r => r.node >= 0 && coefficientOf(affineOf(r.at[0]!), axis.id) === 1)

/**
 * A group's contraction over one set of axes, which are merged where memory allows; undefined where it is
 * none. The longest `m` axis remains the row axis. The innermost `k` axis is the one along which most
 * operands are contiguous.
 */
export const productOfGroup = (
  group: Group,
  loops: readonly Region[],
  ctx: KernelContext,
): Product | undefined => {
  const node = group.members[0]!
  const outer = kernelAxes(node, loops)
  const c = contractionOf(node, outer)
  if (c === undefined) return undefined
  const ids = new Set(group.members.map(m => m.id))
  const values = new Map<NodeId, Expr>()
  const idle = busyOf(group, loops, outer)
  const lowered = { left: lowerBody(c.left, ctx, ids), right: lowerBody(c.right, ctx, ids) }
  const outputs = group.members.flatMap((m, i): readonly Epilogue[] => {
    const own = kernelAxes(m, loops)
    const sum: Expr = { op: 'read', dtype: 'f32', node: -1 - node.id, at: [], guarded: false }
    const value =
      i === 0 ? sum : substituteLocals(lowerBody(renameAxes(m.body, own, outer), ctx, ids), values)
    if (i > 0) values.set(m.id, value)
    if (!group.stored.has(m.id)) return []
    const p = ctx.placements.get(m.id)!
    const at = identityAt(m.dims).map(e => renameAxes(e, own, outer))
    const outside = idle.constants.get(m.id)
    return [{ value, storage: p.storage, address: addressOf(p, at), ...(outside ? { outside } : {}) }]
  })
  let band = (node.band ?? []).map(c => lowerBody(c, ctx, ids))
  let busy = idle.busy.map(c => lowerBody(c, ctx, ids))
  let left = lowered.left
  let right = lowered.right
  let out = outputs
  const join = (axes: readonly Axis[], stored: boolean): readonly Axis[] => {
    const roots = [left, right, ...out.map(o => o.value), ...band, ...busy]
    const joined = coalesceAxes(axes, roots, stored ? out.map(o => o.address) : [], ctx.axis)
    left = joined.expr(left)
    right = joined.expr(right)
    out = out.map(o => ({ ...o, value: joined.expr(o.value), address: joined.affine(o.address) }))
    band = band.map(joined.expr)
    busy = busy.map(joined.expr)
    return joined.axes
  }
  const batch = join(c.batch, true)
  const m = join(c.m, true)
  const n = join(c.n, true)
  const k = join(c.k, false)
  const main = [...m].sort((a, b) => b.extent - a.extent)[0]
  const inner = [...k].sort(
    (a, b) =>
      Number(runsAlong(left, b)) +
        Number(runsAlong(right, b)) -
        Number(runsAlong(left, a)) -
        Number(runsAlong(right, a)) || b.extent - a.extent,
  )[0]
  if (main === undefined || inner === undefined || n.length === 0) return undefined
  return {
    node: node.id,
    left,
    right,
    outputs: out,
    band,
    busy,
    batch: [...batch, ...m.filter(a => a !== main)],
    m: main,
    n,
    k: [...k.filter(a => a !== inner), inner],
  }
}

/** The same sums with the operands exchanged: the columns become the rows. */
export const swapOperands = (p: Product): Product => {
  const m = [...p.n].sort((a, b) => b.extent - a.extent)[0]!
  return { ...p, left: p.right, right: p.left, m, n: [p.m], batch: [...p.batch, ...p.n.filter(a => a !== m)] }
}
