import type { DeviceTraits, ScanSchedule } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import { productOf } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import { arrayElements, type ScanProgram } from '../kernel/scan-program.js'

/** Workgroups that keep all cores of a software device busy to the end. */
const busyWorkgroups = 4

/**
 * Threads of a workgroup: of a thread a lane, few, so that lanes are spread over all cores; of a workgroup a
 * lane, as many as its arrays have elements, within these bounds.
 */
const threads = { software: [64, 8], gpu: 32, team: { least: 8, most: 128 } } as const

const powerOfTwoAbove = (x: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, x)))

/** The elements of the largest array of a lane. */
const largestArray = (p: ScanProgram): number =>
  Math.max(...[...p.carries, ...p.phases].map(x => arrayElements(x.inner)))

/** The schedule of a loop inside a kernel. */
export const scanCandidates = (p: ScanProgram, traits: DeviceTraits): readonly ScanSchedule[] => {
  const most = traits.workgroupInvocations
  if (p.by === 'workgroup') {
    const { least, most: bound } = threads.team
    const team = Math.min(most, Math.max(least, Math.min(bound, powerOfTwoAbove(largestArray(p)))))
    return [{ family: 'scan', team, threads: team }]
  }
  const lanes = productOf(p.lanes)
  const [long, short] = threads.software
  const size = !traits.software ? threads.gpu : lanes >= busyWorkgroups * long ? long : short
  return [{ family: 'scan', team: 1, threads: Math.min(most, size) }]
}

/** The facts that decide how fast a loop inside a kernel is: `scan 1024 times of [64·16]; …`. */
export const scanSignature = (p: ScanProgram): string =>
  [
    `scan ${p.loop.axis.extent} times of [${p.lanes.map(a => a.extent).join('·')}], one ${p.by} a lane`,
    ...p.phases.map(x => {
      const extents = (axes: ScanProgram['lanes']): string => axes.map(a => a.extent).join('·')
      const sum = x.reduce.length === 0 ? '' : `${x.node.reduce!.op} [${extents(x.reduce)}] `
      const operations = `${readsOf(x.value).length} reads ${operationsOf(x.value)} operations`
      return `[${extents(x.inner)}] ${sum}${operations}${x.target ? ', stored' : ''}`
    }),
  ].join('; ')
