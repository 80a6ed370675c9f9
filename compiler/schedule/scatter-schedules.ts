import type { DeviceTraits, ScatterSchedule } from '../artifact.js'
import type { Axis } from '../ir/ir.js'
import { extentText } from '../ir/open-extent.js'
import { productOf } from '../kernel/context.js'
import type { ScatterProgram } from '../kernel/scatter-program.js'

/** From so many slots on, workgroups of 64 threads keep every core busy. Fewer slots get small workgroups. */
const manySlots = 4096

/** The schedules of a scatter, the best estimate first. */
export const scatterCandidates = (p: ScatterProgram, traits: DeviceTraits): readonly ScatterSchedule[] => {
  const sizes = productOf(p.slots) >= manySlots ? [64, 8] : [8, 64]
  return sizes
    .filter(threads => threads <= traits.workgroupInvocations)
    .map(threads => ({ family: 'scatter', threads }))
}

const extents = (axes: readonly Axis[]): string => `[${axes.map(extentText).join('·')}]`

/** The facts that decide how fast a scatter is: `scatter to [512] of [64] from [1024]`. */
export const scatterSignature = (p: ScatterProgram): string =>
  `scatter to ${extents(p.slots)} of ${extents(p.width)} from ${extents(p.positions)}`
