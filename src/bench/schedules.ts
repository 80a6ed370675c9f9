import { simplified } from '../../compiler/pipeline.js'
import type { Device } from '../../runtime/index.js'
import { type Spread, spreadOf } from '../measure/statistics.js'
import { type Measured, studiesOf, study } from '../tune/tune.js'
import type { Case } from './cases.js'
import { graphOfText } from './compile.js'
import type { KernelOptions } from './kernels.js'

/** The times of a kernel with the schedule of the cost model and with its fastest schedule. */
export interface ChoiceResult {
  readonly name: string
  readonly signature: string
  readonly candidates: number
  readonly chosen: Measured
  readonly best: Measured
  /** The chosen schedule's time by the best's; 1 where it is the best. */
  readonly ratio: number
}

/** How well the cost model chooses. */
export interface SchedulesResult {
  /** Kernels that have a choice, the worst chosen first. */
  readonly kernels: readonly ChoiceResult[]
  readonly ratio: Spread
  /** Kernels whose chosen schedule computes another result than the interpreter. */
  readonly wrong: readonly string[]
}

/**
 * Times all schedules of the cases' kernels, in turn. The best time is the least of many noisy ones, so the
 * ratio of equally fast schedules is a little above 1.
 */
export const measureSchedules = async (
  device: Device,
  cases: readonly Case[],
  { runs, progress }: Omit<KernelOptions, 'length'>,
): Promise<SchedulesResult> => {
  const kernels: ChoiceResult[] = []
  const wrong: string[] = []
  for (const [i, { name, program, sizes }] of cases.entries()) {
    progress?.(`${i + 1}/${cases.length}  ${name}`)
    for (const s of studiesOf(simplified(graphOfText({ text: program, sizes, name })), device.traits)) {
      const { signature, candidates } = s.chosen
      const measured = await study(device, s, runs)
      const chosen = measured.find(m => m.schedule === s.chosen.schedule)
      const [best] = [...measured].sort((a, b) => a.milliseconds - b.milliseconds)
      if (chosen === undefined || best === undefined) wrong.push(name)
      else {
        const ratio = chosen.milliseconds / best.milliseconds
        kernels.push({ name, signature, candidates: candidates.length, chosen, best, ratio })
      }
    }
  }
  kernels.sort((a, b) => b.ratio - a.ratio)
  return { kernels, ratio: spreadOf(kernels.map(k => k.ratio)), wrong }
}
