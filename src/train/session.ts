import type { Artifact, KernelDecl } from '../../compiler/artifact.js'
import type { Tuning } from '../../compiler/schedule/choose.js'
import { sameSchedule } from '../../compiler/schedule/compare-schedules.js'
import {
  checkRequirements,
  type Device,
  type DeviceTensor,
  type Executable,
  load,
  rehearse,
  SharedTemporaries,
  type Tensors,
  upload,
  zeros,
} from '../../runtime/index.js'
import type { Batch, BatchShape } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import { uploadWeights } from '../model/weights.js'
import { methodOf } from '../recipe/recipe-parts.js'
import { type BatchRun, BatchRunners, prefixed } from './batch-runners.js'
import { type BroughtTensor, broughtBy } from './brought.js'
import { type CompileOptions, compileRecipe, type TrainingSubject } from './compile.js'
import type { StateTensor } from './run-record.js'

/**
 * A recipe on a device: its methods compiled for one model and the lengths of its batches, its weights and
 * its state resident. It is not reentrant: each step changes the state of the step before. Any number of
 * sessions may be open on one device, each with its own state.
 */
export interface Session {
  readonly device: Device
  readonly sizes: ReadonlyMap<string, number>
  readonly state: Tensors
  /** The parts of the state that `predict` reads: the result of training. */
  readonly learned: readonly string[]
  readonly metrics: readonly string[]
  readonly weights: Tensors
  /**
   * The schedules that the cost model did not choose: with them the same methods compile to the same kernels.
   */
  readonly schedules: Tuning
  /** The memory limit in bytes, if there was one: with it the same methods compile to the same kernels. */
  readonly memory: number | undefined
  /** Sets the state by `init`. */
  initialise(seed: number): void
  restore(state: ReadonlyMap<string, StateTensor>): void
  /** Compiles the methods for batches of a length, unless that is done. */
  prepare(length: number): Promise<void>
  /**
   * Submits one optimiser step; metrics are in `metricTensors` once it has run. The batch's length must be
   * that of the session's shape, or prepared.
   */
  step(
    batch: Batch,
    at: { readonly step: number; readonly steps: number; readonly epoch: number },
    seed: number,
  ): void
  readonly metricTensors: Tensors
  /** The step for batches of the session's own length, compiled, with what it is run with: for measuring. */
  readonly compiledStep: BatchRun
  /**
   * Submits one validation of a batch like those of `step`; the losses by name are in the tensors returned,
   * which are reused by the next call.
   */
  validate(batch: Batch): Tensors
  close(): void
}

/** The key of a step: (seed, step); `init` is step 0. */
const keyOf = (seed: number, step: number): Uint32Array => Uint32Array.of(seed >>> 0, step >>> 0)

const stripped = (name: string, prefix: string): string => name.slice(prefix.length)

/** Options for opening a session. */
export interface SessionOptions extends CompileOptions {
  /** Receives the progress of kernels that are rehearsed (see `rehearse`). */
  readonly compiled?: (done: number, total: number) => void
}

const measuredOf = (kernels: readonly KernelDecl[]): Tuning =>
  new Map(
    kernels.flatMap(({ chosen }) =>
      chosen === undefined || sameSchedule(chosen.schedule, chosen.candidates[0]!)
        ? []
        : [[chosen.signature, chosen.schedule] as const],
    ),
  )

/**
 * Compiles a recipe's `init`, `step` and `validate` and puts what they need on the device. Throws a
 * `UserError` when sizes or weights do not fit, and a `DeviceError` when the device is too small; aborted, it
 * rejects with the signal's reason. It keeps no memory then.
 */
export const openSession = async (
  subject: TrainingSubject,
  shape: BatchShape,
  options: SessionOptions = {},
): Promise<Session> => {
  const made: Made[] = []
  const keep = <T extends Made>(x: T): T => {
    made.push(x)
    return x
  }
  const close = (): void => {
    for (const x of made.splice(0)) x.destroy()
  }
  try {
    return await furnishSession({ keep, close }, subject, shape, options)
  } catch (error) {
    close()
    throw error
  }
}

/** An object on a device that must be freed. */
interface Made {
  destroy(): void
}

/** {@link openSession}; `keep` receives every object that is made on the device, and `close` frees them. */
const furnishSession = async (
  { keep, close }: { readonly keep: <T extends Made>(x: T) => T; readonly close: () => void },
  subject: TrainingSubject,
  shape: BatchShape,
  { compiled, ...options }: SessionOptions,
): Promise<Session> => {
  const { device, recipe, model, settings } = subject
  const compiledRecipe = await compileRecipe(subject, shape, options)
  const { sizes, artifacts, artifactsFor, anyLength, bound, learned, memory } = compiledRecipe
  const methods = [artifacts.init, artifacts.step, artifacts.validate]
  for (const artifact of methods) checkRequirements(device, artifact)
  const kernels = methods.flatMap(a => a.kernels)
  await rehearse(device, kernels, { ready: compiled, signal: options.signal })
  const temporaries = keep(new SharedTemporaries(device))
  const loaded = async (artifact: Artifact) =>
    keep(await load(device, artifact, { signal: options.signal, temporaries }))
  const [init, step, validate] = [
    await loaded(artifacts.init),
    await loaded(artifacts.step),
    await loaded(artifacts.validate),
  ]
  const needed = new Set([init, step, validate].flatMap(x => x.artifact.inputs.map(i => i.name)))
  const weights = await uploadWeights(device, model, bound, needed)
  for (const t of Object.values(weights)) keep(t)
  options.signal?.throwIfAborted()

  const settingTensors = Object.fromEntries(
    recipe.settings
      .filter(s => needed.has(`settings.${s.name}`))
      .map(s => [
        `settings.${s.name}`,
        keep(
          upload(device, { dtype: 'f32', label: s.name }, [], Float32Array.of(Number(settings.get(s.name)))),
        ),
      ]),
  )
  const [s, , keyParam, atParam] = methodOf(recipe, 'step').params.map(p => p.name)
  const whole = init.artifact.outputs.find(o => o.dtype !== 'f32')
  if (whole !== undefined)
    throw new UserError({
      what: `the state's \`${whole.name}\` is ${whole.dtype}`,
      why: 'what training changes is saved and resumed as f32',
      hint: 'declare it f32; counts up to 16 million are exact',
    })
  const state: Tensors = Object.fromEntries(
    init.artifact.outputs.map(o => [o.name, keep(zeros(device, o.dtype, o.shape, o.name))]),
  )
  const metricOutputs = step.artifact.outputs.filter(o => o.name.startsWith('1'))
  const metricTensors: Tensors = Object.fromEntries(
    metricOutputs.map(o => [stripped(o.name, '1.') || 'loss', keep(zeros(device, o.dtype, o.shape, o.name))]),
  )
  const into: Tensors = Object.fromEntries([
    ...Object.entries(state).map(([k, t]) => [`0.${k}`, t] as const),
    ...metricOutputs.map(o => [o.name, metricTensors[stripped(o.name, '1.') || 'loss']!] as const),
  ])
  const validated: Tensors = Object.fromEntries(
    validate.artifact.outputs.map(o => [o.name, keep(zeros(device, o.dtype, o.shape, o.name))]),
  )
  const made = <K extends string>(shapes: Readonly<Record<K, BroughtTensor>>) =>
    Object.fromEntries(
      Object.entries<BroughtTensor>(shapes).map(([name, t]) => [
        name,
        keep(zeros(device, t.dtype, t.shape, name)),
      ]),
    ) as Record<K, DeviceTensor>
  const brought = broughtBy(shape)
  const at = made(brought.at)
  const { key } = made(brought.key)
  /** The tensors that an executable reads, of all. */
  const pick = (x: Executable, all: Tensors): Tensors => {
    const missing = x.artifact.inputs.find(i => all[i.name] === undefined)
    if (missing !== undefined)
      throw new UserError({
        what: `${x.artifact.name} needs \`${missing.name}\`, which nothing brings`,
        hint:
          'a recipe is given its model, its settings, its state, a batch, a key and the place ' +
          'in training',
      })
    return Object.fromEntries(x.artifact.inputs.map(i => [i.name, all[i.name]!]))
  }
  const common = { ...weights, ...settingTensors }
  const vs = methodOf(recipe, 'validate').params[0]!.name
  const runners = new BatchRunners({
    recipe,
    shape,
    most: compiledRecipe.length,
    anyLength,
    make: made,
    inputsOf: (method, executable, batch) =>
      pick(
        executable,
        method === 'validate'
          ? { ...common, ...prefixed(vs, state), ...batch }
          : { ...common, ...prefixed(s!, state), ...batch, [keyParam!]: key, ...prefixed(atParam!, at) },
      ),
  })
  runners.add(compiledRecipe.length, { step, validate })
  const initInputs = pick(init, { ...common, [methodOf(recipe, 'init').params[0]!.name]: key })

  const scalars = (values: {
    readonly step: number
    readonly steps: number
    readonly epoch: number
  }): void => {
    at.step.write(Float32Array.of(values.step))
    at.steps.write(Float32Array.of(values.steps))
    at.epoch.write(Float32Array.of(values.epoch))
  }
  return {
    device,
    sizes,
    learned,
    state,
    metrics: Object.keys(metricTensors),
    weights,
    schedules: measuredOf(kernels),
    memory,
    metricTensors,
    compiledStep: { ...runners.longest('step'), ...(anyLength ? { sizes: { T: shape.T } } : {}) },
    initialise(seed) {
      key.write(keyOf(seed, 0))
      init.run(initInputs, { into: state })
    },
    restore(saved) {
      for (const [k, t] of Object.entries(state)) {
        const found = saved.get(k)
        if (found === undefined || found.shape.join() !== t.shape.join())
          throw new UserError({
            what: 'the saved state does not fit the recipe',
            why:
              found === undefined
                ? `\`${k}\` is missing`
                : `\`${k}\` is [${found.shape.join(', ')}], the recipe has [${t.shape.join(', ')}]`,
            hint: 'resume with the program, settings and model that the run was started with',
          })
        t.write(found.data)
      }
    },
    async prepare(wanted) {
      const length = runners.lengthFor(wanted)
      if (runners.has(length)) return
      const made = artifactsFor(length)
      for (const artifact of Object.values(made)) checkRequirements(device, artifact)
      await rehearse(device, [...made.step.kernels, ...made.validate.kernels], { signal: options.signal })
      runners.add(length, { step: await loaded(made.step), validate: await loaded(made.validate) })
    },
    step(batch, place, seed) {
      const { executable, inputs, ...sizes } = runners.filled('step', batch)
      scalars(place)
      key.write(keyOf(seed, place.step + 1))
      executable.run(inputs, { into, ...sizes })
    },
    validate(batch) {
      const { executable, inputs, ...sizes } = runners.filled('validate', batch)
      executable.run(inputs, { into: validated, ...sizes })
      return validated
    },
    close,
  }
}
