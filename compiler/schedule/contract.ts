import type { DeviceTraits } from '../artifact.js'
import type { Group } from '../fuse/group.js'
import { readsOf } from '../ir/expr.js'
import type { Axis, Region } from '../ir/ir.js'
import { writeColumns } from '../wgsl/contract-columns.js'
import type { KernelSpec } from '../wgsl/kernel.js'
import type { Context } from './context.js'
import { columnSchedules } from './contract-columns.js'
import { columnsCost } from './contract-cost.js'
import { along, type Product, productOfGroup } from './contract-product.js'
import { operationsOf } from './cost.js'
import type { Choice, Schedule } from './schedule.js'

const candidates = (p: Product, traits: DeviceTraits): readonly Schedule[] =>
  columnSchedules(p, traits)
    .map(s => ({ s, cost: columnsCost(p, s) }))
    .sort((a, b) => a.cost - b.cost)
    .map(x => x.s)

/** `contract b[8·6] m[64] n[64] k[48]; left along k: 1 read, 0 operations; …`: what decides the speed of a contraction. */
const signatureOf = (p: Product, ctx: Context): string => {
  const extents = (axes: readonly Axis[]): string => `[${axes.map(a => a.extent).join('·')}]`
  const effort = (e: Product['left']): string => {
    const packed = readsOf(e).flatMap(r => (r.node < 0 ? [] : (ctx.storages[r.node]!.packing ?? [])))
    return [`${readsOf(e).length} reads`, ...packed, `${operationsOf(e)} operations`].join(', ')
  }
  const operand = (e: Product['left'], outer: Axis): string => {
    const way = along(e, p.k.at(-1)!) ? 'along k' : along(e, outer) ? 'along its own' : 'apart'
    return `${way}, ${effort(e)}`
  }
  return [
    `contract b${extents(p.batch)} m[${p.m.extent}] n${extents(p.n)} k${extents(p.k)}`,
    `left ${operand(p.left, p.m)}`,
    `right ${operand(p.right, p.n.at(-1)!)}`,
    ...p.outputs.map(o => `out ${effort(o.value)}`),
  ].join('; ')
}

/** The schedules of a sum of products; undefined where it has not the shape of one. */
export const contractChoice = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
): Choice | undefined => {
  const product = productOfGroup(group, loops, ctx)
  if (product === undefined) return undefined
  return {
    signature: signatureOf(product, ctx),
    candidates: candidates(product, ctx.traits),
    emit: schedule => writeColumns(product, schedule, ctx, spec),
  }
}
