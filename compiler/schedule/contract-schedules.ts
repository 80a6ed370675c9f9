import type { ContractSchedule, DeviceTraits } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import type { Axis } from '../ir/ir.js'
import { extentText } from '../ir/open-extent.js'
import { type KernelContext, packingsOf } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import { type Product, runsAlong } from '../kernel/product.js'
import { columnSchedules } from './column-schedules.js'
import { cheapestFirst } from './compare-schedules.js'
import { gpuCost } from './gpu-cost.js'
import { columnsSoftwareCost } from './software-cost.js'
import { matrixSchedules, tileSchedules } from './tile-schedules.js'

/**
 * Every schedule of a product, the best estimate first. On a software device workgroup memory costs more than
 * loading again, and long texts cost time to compile; a GPU wants tiles in workgroup memory. Products below
 * f32 precision are candidates only where the device's traits allow them.
 */
export const contractCandidates = (p: Product, traits: DeviceTraits): readonly ContractSchedule[] => {
  const columns = columnSchedules(p, traits)
  if (traits.software) return cheapestFirst(columns, s => columnsSoftwareCost(p, s))
  const components = traits.precision === 'f16' ? (['f32', 'f16'] as const) : (['f32'] as const)
  return cheapestFirst(
    [...columns, ...tileSchedules(p, traits, components), ...matrixSchedules(p, traits, components)],
    s => gpuCost(p, s),
  )
}

/**
 * The facts that decide the speed of a contraction.
 *
 *     contract b[8·6] m[64] n[64] k[48]; left along k, 1 reads, 0 operations; …
 */
export const contractSignature = (p: Product, ctx: KernelContext): string => {
  const extents = (axes: readonly Axis[]): string => `[${axes.map(extentText).join('·')}]`
  const effort = (e: Product['left']): string =>
    [`${readsOf(e).length} reads`, ...packingsOf(e, ctx), `${operationsOf(e)} operations`].join(', ')
  const operand = (e: Product['left'], outer: Axis): string => {
    const way = runsAlong(e, p.k.at(-1)!) ? 'along k' : runsAlong(e, outer) ? 'along its own' : 'apart'
    return `${way}, ${effort(e)}`
  }
  return [
    `contract b${extents(p.batch)} m[${extentText(p.m)}] n${extents(p.n)} k${extents(p.k)}`,
    `left ${operand(p.left, p.m)}`,
    `right ${operand(p.right, p.n.at(-1)!)}`,
    ...p.outputs.map(o => `out ${effort(o.value)}`),
  ].join('; ')
}
