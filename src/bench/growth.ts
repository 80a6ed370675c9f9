import { type Device, download } from '../../runtime/index.js'
import { kernelUses } from '../measure/kernel-uses.js'
import { alternately, type Timed } from '../measure/measure.js'
import { type Spread, spreadOf } from '../measure/statistics.js'
import { llamaConfig, stories15M } from './random-model.js'
import { fullShape, jola, openStep, type StepPlan } from './recipe-step.js'

/** A step's time at one value of the growing size. */
export interface GrowthPoint {
  readonly value: number
  readonly milliseconds: Spread
  readonly gflop: number
  /**
   * The growth of the time divided by the growth of the arithmetic, both from the first point, in the same
   * rounds. At most 1 means that the time grows no faster than the arithmetic.
   */
  readonly toArithmetic: Spread
}

/** A step's time as one size grows and the others stay. */
export interface GrowthResult {
  readonly name: string
  readonly axis: string
  readonly points: readonly GrowthPoint[]
}

/** The sizes of a step, one of which grows. */
interface At {
  readonly B: number
  readonly T: number
  readonly L: number
  readonly V: number
}

const middle: At = { B: 4, T: 64, L: 4, V: 8000 }

/** An axis: what it is called, and the step at each of its values. */
export interface GrowthPlan {
  readonly name: string
  readonly axis: string
  readonly points: readonly { readonly value: number; readonly plan: StepPlan }[]
}

const planAt = (at: At, name: string): StepPlan => ({
  name,
  recipe: jola,
  model: llamaConfig({ ...stories15M, num_hidden_layers: at.L, vocab_size: at.V }),
  shape: fullShape(at.B, at.T),
})

const axis = (size: keyof At, name: string, values: readonly number[]): GrowthPlan => ({
  name: `growth with ${name}`,
  axis: name,
  points: values.map(value => ({ value, plan: planAt({ ...middle, [size]: value }, `${size} = ${value}`) })),
})

/**
 * JoLA's step of a model as wide as stories15M with 4 layers and 8,000 words, for 4 sequences of 64 tokens,
 * from which one size at a time departs.
 */
export const growthPlans: readonly GrowthPlan[] = [
  axis('T', 'tokens of a sequence', [32, 64, 128, 256]),
  axis('B', 'sequences', [2, 4, 8, 16]),
  axis('L', 'layers', [2, 4, 8, 16]),
  axis('V', 'words of the vocabulary', [4000, 8000, 16000, 32000]),
]

/** All points of an axis, in turn. */
const measureAxis = async (device: Device, { name, axis, points }: GrowthPlan, runs: number) => {
  const opened: Awaited<ReturnType<typeof openStep>>[] = []
  try {
    const timed: Pick<Timed, 'time'>[] = []
    for (const { plan } of points) {
      const step = await openStep(device, plan)
      opened.push(step)
      const metrics = Object.values(step.session.metricTensors)
      const time = async (): Promise<number> => {
        const start = performance.now()
        step.step()
        await download(device, metrics)
        return performance.now() - start
      }
      await time() // compiles
      await time()
      timed.push({ time })
    }
    const times = await alternately(timed, runs)
    const gflops = opened.map(({ session }) =>
      kernelUses(session.compiledStep.executable.artifact).reduce((n, k) => n + k.flops * k.dispatches, 0),
    )
    return {
      name,
      axis,
      points: points.map(({ value }, i): GrowthPoint => {
        const more = gflops[i]! / gflops[0]!
        return {
          value,
          milliseconds: spreadOf(times[i]!),
          gflop: gflops[i]! / 1e9,
          toArithmetic: spreadOf(times[i]!.map((ms, round) => ms / times[0]![round]! / more)),
        }
      }),
    }
  } finally {
    for (const step of opened) await step.close()
  }
}

/** Measures how a step's time grows with each size, compared with the arithmetic. */
export const measureGrowth = async (
  device: Device,
  plans: readonly GrowthPlan[],
  { runs, progress }: { readonly runs: number; readonly progress?: (line: string) => void },
): Promise<readonly GrowthResult[]> => {
  const out: GrowthResult[] = []
  for (const [i, plan] of plans.entries()) {
    progress?.(`${i + 1}/${plans.length}  ${plan.name}`)
    out.push(await measureAxis(device, plan, runs))
  }
  return out
}
