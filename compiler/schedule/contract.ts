import { type Contraction, contractionOf } from '../fuse/contraction.js'
import type { Group } from '../fuse/group.js'
import { identityAt, readsOf } from '../ir/expr.js'
import type { Axis, Expr, NodeId, Region } from '../ir/ir.js'
import { addressOf } from '../plan/placement.js'
import { writeContraction } from '../wgsl/contract.js'
import type { EmittedKernel, KernelSpec } from '../wgsl/kernel.js'
import { type Affine, affineOf, coefficientOf } from './affine.js'
import { coalesce } from './coalesce.js'
import { type Context, lowerBody, productOf, renameAxes, substituteLocals } from './context.js'
import { operationsOf } from './cost.js'
import { kernelAxes } from './map.js'

/** A member of a contraction's kernel after the sum: its value, and where it is stored. */
export interface Epilogue {
  readonly value: Expr
  readonly storage: number
  readonly address: Affine
}

/** A contraction ready to be written: one `m` axis, any others moved to the batch; `k` with the inner axis last. */
export interface Product extends Contraction {
  readonly node: NodeId
  /** The stored members, the sum itself first if it is stored. */
  readonly outputs: readonly Epilogue[]
}

/** How a contraction is laid on threads. */
export interface ContractSchedule {
  /** Lanes that share rows of the left operand by broadcast; 1: each thread loads its own. */
  readonly lanes: number
  readonly threads: number
  readonly rows: number
  /** Neighbouring columns a thread. */
  readonly columns: 1 | 4
  /** Along which axis four neighbours of the operand are loaded. */
  readonly left: 'k' | 'm'
  readonly right: 'k' | 'n'
  /** Steps of four along `k`; otherwise of one. */
  readonly quads: boolean
  /** The epilogue runs over rows in a loop, reading back the sums, instead of once for each row in the text. */
  readonly epilogueLoop: boolean
  /** Which tiles follow one another: those that share the larger operand's tile, which then stays in the cache. */
  readonly fastest: 'm' | 'n'
}

/** The largest read that depends on an axis: what decides how an operand is loaded. */
const along = (e: Expr, axis: Axis | undefined): boolean =>
  axis !== undefined && readsOf(e).some(r => r.node >= 0 && coefficientOf(affineOf(r.at[0]!), axis.id) === 1)

/** Everything over one set of axes, axes joined, roles settled. */
const productOfGroup = (group: Group, loops: readonly Region[], ctx: Context): Product | undefined => {
  const node = group.members[0]!
  const outer = kernelAxes(node, loops)
  const c = contractionOf(node, outer)
  if (c === undefined) return undefined
  const ids = new Set(group.members.map(m => m.id))
  const values = new Map<NodeId, Expr>()
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
    return [{ value, storage: p.storage, address: addressOf(p, at) }]
  })
  let left = lowered.left
  let right = lowered.right
  let out = outputs
  const join = (axes: readonly Axis[], stored: boolean): readonly Axis[] => {
    const roots = [left, right, ...out.map(o => o.value)]
    const joined = coalesce(axes, roots, stored ? out.map(o => o.address) : [], ctx.axis)
    left = joined.expr(left)
    right = joined.expr(right)
    out = out.map(o => ({ ...o, value: joined.expr(o.value), address: joined.affine(o.address) }))
    return joined.axes
  }
  const batch = join(c.batch, true)
  const m = join(c.m, true)
  const n = join(c.n, true)
  const k = join(c.k, false)
  const main = [...m].sort((a, b) => b.extent - a.extent)[0]
  const inner = [...k].sort(
    (a, b) =>
      Number(along(left, b)) + Number(along(right, b)) - Number(along(left, a)) - Number(along(right, a)) ||
      b.extent - a.extent,
  )[0]
  if (main === undefined || inner === undefined || n.length === 0) return undefined
  return {
    node: node.id,
    left,
    right,
    outputs: out,
    batch: [...batch, ...m.filter(a => a !== main)],
    m: [main],
    n,
    k: [...k.filter(a => a !== inner), inner],
  }
}

/**
 * Rows of a tile for so many multiplications: more are faster, and slower to compile (on a software device 0.3, 0.5 and 1 s for 8, 16 and 32),
 * which is not worth it where there is little to do.
 */
const rowsFor = (work: number): number => (work < 2 ** 20 ? 8 : work < 2 ** 24 ? 16 : 32)

const choose = (p: Product, ctx: Context): ContractSchedule => {
  const s = ctx.traits.subgroupSize
  const lanes = s > 1 ? s : 1
  const m = p.m[0]!
  const n = p.n.at(-1)!
  const k = p.k.at(-1)!
  const columns = (p.n.length === 1 || n.extent % 4 === 0) && productOf(p.n) > 8 ? 4 : 1
  const quads = k.extent % 4 === 0
  const work = productOf(p.batch) * m.extent * productOf(p.n) * productOf(p.k)
  const most = lanes === 8 ? rowsFor(work) : lanes === 1 ? 8 : 32
  const byM = along(p.left, m) && !along(p.left, k) && m.extent % 4 === 0
  const left = byM && most === 32 && lanes === 8 && m.extent >= 32 ? 'm' : 'k'
  const right = quads && along(p.right, k) && !along(p.right, n) ? 'k' : 'n'
  const rows = left === 'm' || lanes === 1 ? most : Math.min(most, lanes * Math.ceil(m.extent / lanes))
  const after = p.outputs.reduce((a, o) => a + operationsOf(o.value) + 4 * readsOf(o.value).length - 4, 0)
  return {
    lanes,
    threads: lanes === 1 ? 32 : lanes,
    rows: Math.max(rows, lanes),
    columns,
    left,
    right,
    quads,
    epilogueLoop: after > 0,
    fastest: productOf(p.n) > 2 * m.extent ? 'm' : 'n',
  }
}

/** A sum of products as a tiled kernel; undefined where it has not the shape of one. */
export const contractKernel = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
): EmittedKernel | undefined => {
  const product = productOfGroup(group, loops, ctx)
  return product && writeContraction(product, choose(product, ctx), ctx, spec)
}
