import { join } from 'node:path'
import { type Device, download, type KernelTime } from '../../runtime/index.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import { readConfig } from '../folders/open-model.js'
import { kernelUses } from '../measure/kernel-uses.js'
import { alternately, type Timed } from '../measure/measure.js'
import { pairedRatios, type Spread, spreadOf } from '../measure/statistics.js'
import type { Ceilings } from './ceilings.js'
import { openStep, type StepPlan, storiesStep } from './recipe-step.js'

/** A kernel's part of a step. */
export interface KernelShare {
  readonly name: string
  readonly milliseconds: number
  /** Its share of the time of all kernels. */
  readonly share: number
  readonly dispatches: number
  readonly gflops: number
  readonly gigabytes: number
  /**
   * Its rate divided by the ceiling that bounds it: the larger of its shares of the arithmetic and the memory
   * ceiling.
   */
  readonly toCeiling?: number
  readonly schedule: string
  /** Labels and lines of source. */
  readonly origins: readonly string[]
}

export interface StepResult {
  readonly name: string
  readonly milliseconds: Spread
  /** Arithmetic of one step in GFLOP, as the compiler counts it, and its rate. */
  readonly gflop: number
  readonly rate: Spread
  /**
   * The rate divided by that of the fastest product, in the same rounds; absent if none is known for the
   * device.
   */
  readonly toCeiling?: Spread
  readonly kernels: number
  readonly dispatches: number
  readonly peakBytes: number
  readonly profile?: {
    /** The clock of the times: the device's, or the host's around each single dispatch. */
    readonly clock: 'device' | 'host'
    readonly kernels: readonly KernelShare[]
  }
}

export interface StepOptions {
  readonly runs: number
  readonly profile: boolean
  readonly progress?: (line: string) => void
}

/** The steps that are measured. */
export const stepPlans = async (): Promise<readonly StepPlan[]> => {
  const quickstart = await readConfig(join(stdlibFolder, '..', 'examples', 'quickstart', 'model'))
  return [
    storiesStep,
    {
      ...storiesStep,
      name: `${storiesStep.name}, answers of 4`,
      shape: { B: 8, T: 64, A: 4, everywhere: false },
    },
    { ...storiesStep, name: "the quickstart's model, 8×64 tokens", model: quickstart },
  ]
}

/** Rates of the ceilings in GFLOP/s and GB/s, as far as they are known for the device. */
interface Rates {
  readonly arithmetic: number | undefined
  readonly memory: number | undefined
}

const sharesOf = (
  artifact: Parameters<typeof kernelUses>[0],
  times: readonly KernelTime[],
  rates: Rates,
): readonly KernelShare[] => {
  const all = times.reduce((n, k) => n + k.nanoseconds, 0)
  const by = (rate: number, ceiling: number | undefined): number => (ceiling ? rate / ceiling : 0)
  return times
    .filter(k => k.dispatches > 0)
    .map((k): KernelShare => {
      const { flops, bytes, schedule, origins } = artifact.kernels[k.kernel]!
      const gflops = (flops * k.dispatches) / k.nanoseconds
      const gigabytes = (bytes * k.dispatches) / k.nanoseconds
      const toCeiling = Math.max(by(gflops, rates.arithmetic), by(gigabytes, rates.memory))
      return {
        name: k.name,
        milliseconds: k.nanoseconds / 1e6,
        share: k.nanoseconds / all,
        dispatches: k.dispatches,
        gflops,
        gigabytes,
        ...(toCeiling > 0 ? { toCeiling } : {}),
        schedule,
        origins,
      }
    })
    .sort((a, b) => b.milliseconds - a.milliseconds)
}

/**
 * Opens a training step as training does, and times it in turn with the fastest product that is known. Its
 * loss is read after each.
 */
export const measureStep = async (
  device: Device,
  ceilings: Ceilings,
  plan: StepPlan,
  { runs, profile }: StepOptions,
): Promise<StepResult> => {
  const opened = await openStep(device, plan)
  const { executable, inputs } = opened.session.compiledStep
  const { artifact } = executable
  const metrics = Object.values(opened.session.metricTensors)
  const timed: Pick<Timed, 'time'> = {
    time: async () => {
      const start = performance.now()
      opened.step()
      await download(device, metrics)
      return performance.now() - start
    },
  }
  try {
    await timed.time() // compiles
    await timed.time()
    const ceiling = await ceilings.of('arithmetic')
    const memory = profile ? await ceilings.of('memory') : undefined
    const others = [ceiling, memory].filter(c => c !== undefined)
    const [times, ...tops] = await alternately([timed, ...others.map(c => c.timed)], runs)
    const rateOf = (c: typeof ceiling): number | undefined =>
      c && spreadOf(tops[others.indexOf(c)]!.map(ms => (1000 * c.work) / ms)).median
    const uses = kernelUses(artifact)
    const total = (of: (k: (typeof uses)[number]) => number): number =>
      uses.reduce((n, k) => n + of(k) * k.dispatches, 0)
    const gflop = total(k => k.flops) / 1e9
    const profiled = profile ? await executable.profile(inputs) : undefined
    return {
      name: plan.weights === undefined ? plan.name : `${plan.name}, weights as ${plan.weights}`,
      milliseconds: spreadOf(times!),
      gflop,
      rate: spreadOf(times!.map(ms => (1000 * gflop) / ms)),
      ...(ceiling
        ? {
            toCeiling: pairedRatios(
              times!.map(ms => gflop / ms),
              tops[0]!.map(ms => ceiling.work / ms),
            ),
          }
        : {}),
      kernels: artifact.kernels.length,
      dispatches: total(() => 1),
      peakBytes: artifact.peakBytes,
      ...(profiled
        ? {
            profile: {
              clock: profiled.clock,
              kernels: sharesOf(artifact, profiled.times, {
                arithmetic: rateOf(ceiling),
                memory: rateOf(memory),
              }),
            },
          }
        : {}),
    }
  } finally {
    await opened.close()
  }
}

/** All steps in turn. */
export const measureSteps = async (
  ceilings: Ceilings,
  plans: readonly StepPlan[],
  options: StepOptions,
): Promise<readonly StepResult[]> => {
  const out: StepResult[] = []
  for (const [i, plan] of plans.entries()) {
    options.progress?.(`${i + 1}/${plans.length}  ${plan.name}`)
    out.push(await measureStep(ceilings.device, ceilings, plan, options))
  }
  return out
}
