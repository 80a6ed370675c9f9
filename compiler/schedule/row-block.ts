import type { Group } from '../fuse/group.js'
import { i32, identityAt, index, prim, readsOf, substituteAxes } from '../ir/expr.js'
import type { Axis, Expr, Region } from '../ir/ir.js'
import { addressOf } from '../plan/placement.js'
import { accumulator, finish } from '../wgsl/accumulate.js'
import { type EmittedKernel, flatGroup, type KernelSpec, settle, spread } from '../wgsl/kernel.js'
import { affineExpr, affineOf, coefficientOf } from './affine.js'
import { coalesce } from './coalesce.js'
import { type Context, lowerBody, productOf, reduceAxes } from './context.js'
import { kernelAxes } from './map.js'

const rowsAtOnce = 4
const offsets = [...Array(rowsAtOnce).keys()]

/** Below so many terms there is nothing to gain for the time that subgroup operations take to compile. */
const leastTerms = 2 ** 20

/** Whether neighbouring rows share what they read along the sum, as those of a matrix share the vector, and read something of their own. */
const sharesReads = (body: Expr, row: Axis, inner: Axis): boolean => {
  const along = readsOf(body)
    .filter(r => r.node >= 0)
    .map(r => affineOf(r.at[0]!))
    .filter(a => coefficientOf(a, inner.id) === 1)
  const own = along.filter(a => coefficientOf(a, row.id) !== 0)
  return own.length > 0 && own.length < along.length
}

/**
 * Long sums over rows that share an operand (a matrix times a vector), on a software device: a subgroup makes four rows at once, its lanes side by side along
 * the row, so that the shared operand is loaded once for four rows. Undefined for any other kernel.
 */
export const rowBlockKernel = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
): EmittedKernel | undefined => {
  const node = group.members[0]!
  const lanes = ctx.traits.subgroupSize
  if (!ctx.traits.software || lanes <= 1 || group.members.length > 1 || node.dtype !== 'f32') return undefined
  if (node.reduce?.op !== 'sum') return undefined
  const outer = kernelAxes(node, loops)
  const placement = ctx.placements.get(node.id)!
  const body = lowerBody(node.body, ctx, new Set([node.id]))
  const joined = coalesce(outer, [body], [addressOf(placement, identityAt(node.dims))], ctx.axis)
  const summed = coalesce(reduceAxes(node), [joined.expr(body)], [], ctx.axis)
  const value = summed.expr(joined.expr(body))
  const address = joined.affine(addressOf(placement, identityAt(node.dims)))
  const rows = joined.axes
  const [row, inner] = [rows.at(-1), summed.axes[0]]
  if (row === undefined || inner === undefined || summed.axes.length > 1) return undefined
  if (row.extent % rowsAtOnce !== 0 || inner.extent % (4 * lanes) !== 0) return undefined
  if (productOf(rows) * inner.extent < leastTerms || !sharesReads(value, row, inner)) return undefined

  const blocks = productOf(rows) / rowsAtOnce
  const workgroups = spread(blocks, ctx.traits.workgroupsPerDimension)
  return settle(ctx, spec, w => {
    const { root } = w
    for (const a of [...outer, ...reduceAxes(node)])
      if (a.extent === 1) root.places.set(a.id, { kind: 'scalar', text: '0' })
    root.add(`let tile = ${flatGroup(workgroups)};`)
    if (workgroups[0] * workgroups[1] * workgroups[2] > blocks) root.add(`if (tile >= ${blocks}) { return; }`)
    const quarter = ctx.axis('quarter', row.extent / rowsAtOnce)
    w.unflatten('tile', [...rows.slice(0, -1), quarter], root)
    const rowAt = (r: number): ReadonlyMap<number, Expr> =>
      new Map([[row.id, prim('add', prim('mul', index(quarter), i32(rowsAtOnce)), i32(r))]])
    const values = offsets.map(r => w.intern(substituteAxes(value, rowAt(r))))
    w.announce(...values)
    const sums = values.map(v => accumulator(node, true, v, w, root))
    const step = ctx.axis('j', inner.extent / 4)
    const block = root.inner(`for (var j = i32(local); j < ${w.turns(step.extent)}; j += ${lanes}) {`)
    block.places.set(step.id, { kind: 'scalar', text: 'j' })
    block.places.set(inner.id, { kind: 'vector', quarter: step.id })
    for (const r of offsets) sums[r]!.take(w.emit(values[r]!, block), '0', block)
    root.close(block)
    const totals = sums.map(s => finish(node, s, 'across', lanes, w, root))
    const first = root.inner('if (local == 0u) {')
    for (const r of offsets)
      w.store(placement.storage, affineOf(substituteAxes(affineExpr(address), rowAt(r))), totals[r]!, first)
    root.close(first)
    return {
      workgroupSize: [lanes, 1, 1],
      workgroups,
      features: ['subgroups'],
      schedule: `rows, four a subgroup of ${lanes}`,
    }
  })
}
