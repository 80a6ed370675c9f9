import type { DeviceTraits, MapSchedule } from '../artifact.js'
import { axesOf, readsOf } from '../ir/expr.js'
import { extentText, isMultiple } from '../ir/open-extent.js'
import { type KernelContext, packingsOf, productOf } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import type { MapProgram } from '../kernel/map-program.js'

const powerOfTwoBelow = (x: number): number => 2 ** Math.floor(Math.log2(Math.max(1, x)))
const powerOfTwoAbove = (x: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, x)))

/**
 * Threads of a workgroup: as many as there are positions, within these bounds; `short` where a thread handles
 * several.
 */
const workgroup = { least: 8, short: 64, most: 256 } as const

/** Workgroups that keep all cores of a software device busy to the end. */
const busyWorkgroups = 32

/**
 * Positions that a thread of a software device handles one after another. Fewer than `least` are not worth a
 * loop.
 */
const repetitions = { least: 4, candidates: [64, 16] } as const

/**
 * Schedules for so many positions (of one element, or of four neighbours), the best estimate first. Starting
 * a thread costs a software device more than a short body does, so there a thread handles several positions,
 * as long as enough workgroups remain. A GPU needs many threads to hide the latency of memory.
 */
export const mapSchedules = (places: number, width: 1 | 4, traits: DeviceTraits): readonly MapSchedule[] => {
  const most = Math.min(workgroup.most, traits.workgroupInvocations)
  const size = Math.min(most, Math.max(workgroup.least, powerOfTwoAbove(places)))
  const short = Math.min(workgroup.short, size)
  const steps = powerOfTwoBelow(places / (busyWorkgroups * short))
  const schedule = (threads: number, n: number): MapSchedule => ({ family: 'map', threads, steps: n, width })
  const long =
    steps >= repetitions.least ? repetitions.candidates.map(n => schedule(short, Math.min(n, steps))) : []
  const all = traits.software
    ? [...long, schedule(size, 1)]
    : [schedule(size, 1), schedule(short, 1), schedule(size, 4)]
  return all.filter((s, i) => all.findIndex(o => o.threads === s.threads && o.steps === s.steps) === i)
}

/** Below so many elements, four neighbours a thread would leave threads idle. */
const leastForVectors = 256

/**
 * The schedules of an elementwise kernel. Four neighbours are handled at once where the last axis is a
 * multiple of four.
 */
export const mapCandidates = (p: MapProgram, traits: DeviceTraits): readonly MapSchedule[] => {
  const total = productOf(p.axes)
  const last = p.axes.at(-1)
  const guarded = p.outputs.some(o => o.within && last && axesOf(o.within).has(last.id))
  const width = last !== undefined && isMultiple(last, 4) && total >= leastForVectors && !guarded ? 4 : 1
  return mapSchedules(total / width, width, traits)
}

/** `map [8·64]; 2 reads 5 operations; …`: the facts that decide how fast an elementwise kernel is. */
export const mapSignature = (p: MapProgram, ctx: KernelContext): string =>
  [
    `map [${p.axes.map(extentText).join('·')}]`,
    ...p.outputs.map(o =>
      [
        `${readsOf(o.value).length} reads`,
        ...packingsOf(o.value, ctx),
        `${operationsOf(o.value)} operations`,
      ].join(' '),
    ),
  ].join('; ')
