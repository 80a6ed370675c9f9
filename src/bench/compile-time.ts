import { spawnSync } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeviceTraits, Precision } from '../../compiler/artifact.js'
import { UserError } from '../errors/user-error.js'
import { pairedRatios, type Spread, spreadOf } from '../measure/statistics.js'
import { llamaConfig, stories15M } from './random-model.js'
import { compileStep, storiesStep } from './recipe-step.js'
import { removeFolder, temporaryFolder } from './temporary.js'

/** Seconds from the step's sources to its first result in a process. */
export interface FirstStep {
  readonly kernels: number
  readonly toWgsl: number
  readonly toResult: number
}

export interface CompileResult {
  readonly name: string
  /**
   * One run with the driver's cache of compiled kernels empty, and one in a second process with the cache
   * filled.
   */
  readonly cold: FirstStep
  readonly warm: FirstStep
  /** Seconds from source to WGSL by the number of layers, in one process, in turn. */
  readonly layers: readonly { readonly L: number; readonly seconds: Spread }[]
  /** The time of the most layers by that of the fewest, of the same rounds. */
  readonly growth: Spread
}

/** The variables that name the cache folder of Mesa's and NVIDIA's drivers. */
const cacheVariables = ['MESA_SHADER_CACHE_DIR', '__GL_SHADER_DISK_CACHE_PATH']

/** A fresh process with this folder for the driver's cache. Throws a `UserError` if it fails. */
const firstStep = (cache: string, precision: Precision): FirstStep => {
  const here = import.meta.url
  const script = fileURLToPath(new URL(`./first-step${extname(here)}`, here))
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, script, precision], {
    env: { ...process.env, ...Object.fromEntries(cacheVariables.map(name => [name, cache])) },
    encoding: 'utf8',
  })
  if (status !== 0)
    throw new UserError({
      what: 'the process that compiles a step ended early',
      why: stderr.trim().split('\n').at(-1) ?? `status ${status}`,
      hint: 'run `jola bench step`, which compiles it too',
    })
  return JSON.parse(stdout) as FirstStep
}

/** The step that is compiled. */
export const compilePlan = { name: `compiling the step of ${storiesStep.name}` } as const

const layerCounts = [4, 32] as const

/**
 * Measures the time of compiling JoLA's step: with an empty cache, with a filled one, and for a deep and a
 * shallow model.
 */
export const measureCompiling = (traits: DeviceTraits, runs: number): CompileResult => {
  const cache = temporaryFolder()
  try {
    const [cold, warm] = [firstStep(cache, traits.precision), firstStep(cache, traits.precision)]
    const plans = layerCounts.map(L => ({
      ...storiesStep,
      model: llamaConfig({ ...stories15M, num_hidden_layers: L }),
    }))
    const times = plans.map((): number[] => [])
    // The first round warms this process up.
    for (let round = 0; round <= runs; round++)
      for (const [i, plan] of plans.entries()) {
        const start = performance.now()
        compileStep(plan, traits)
        if (round > 0) times[i]!.push((performance.now() - start) / 1000)
      }
    return {
      name: storiesStep.name,
      cold,
      warm,
      layers: layerCounts.map((L, i) => ({ L, seconds: spreadOf(times[i]!) })),
      growth: pairedRatios(times.at(-1)!, times[0]!),
    }
  } finally {
    removeFolder(cache)
  }
}
