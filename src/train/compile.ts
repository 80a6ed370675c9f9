import type { Artifact } from '../../compiler/artifact.js'
import type { CoreRecipe, Program } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import { planned, simplified } from '../../compiler/pipeline.js'
import { type Tuning, tunedSchedule } from '../../compiler/schedule/choose.js'
import type { StandIn } from '../../compiler/specialise/parameters.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import type { Bindings } from '../../compiler/specialise/specialise.js'
import type { Device } from '../../runtime/index.js'
import { yieldToEvents } from '../async/yield-to-events.js'
import type { BatchShape } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import { type ChooseSchedules, chooseByCostModel } from '../measure/choose-schedules.js'
import { bindModel, type Model, modelFacts } from '../model/model.js'
import { sizesOf, vocabularyEquations } from '../model/sizes.js'
import { packingOf, tensorKeyOf } from '../model/weights.js'
import { batchInputs, isPaired, methodOf, stateType } from '../recipe/recipe-parts.js'
import { type Settings, settingEquations } from '../recipe/settings.js'
import { type Remedies, requireFit } from './fit.js'
import { graphOfMethod, methodGraphs } from './method-graphs.js'
import { type BatchMethod, type Method, planMethods } from './plan.js'

/** The parts of the state that `predict` reads, by their names in the state. */
const learnedTensors = (program: Program, recipe: CoreRecipe, bindings: Bindings): readonly string[] => {
  const prefix = `${recipe.methods.get('predict')!.params[0]!.name}.`
  const sizes = new Map([...bindings.sizes, ['T', 1] as const])
  const graph = specialisePredictor(
    { program, predictor: { kind: 'recipe', recipe }, bindings: { ...bindings, sizes }, rows: 1 },
    'next',
  )
  return graph.nodes.flatMap(n =>
    n.kind === 'input' && n.name.startsWith(prefix) ? [n.name.slice(prefix.length)] : [],
  )
}

/** The subject of a training: a recipe of a program with its settings, a model, and a device. */
export interface TrainingSubject {
  readonly device: Device
  readonly program: Program
  readonly recipe: CoreRecipe
  readonly model: Model
  readonly settings: Settings
}

/** A recipe's methods for one model and one batch shape, planned to be on a device together. */
export interface CompiledRecipe {
  readonly sizes: ReadonlyMap<string, number>
  readonly artifacts: Readonly<Record<Method, Artifact>>
  /** The positions of a row in the methods' tensors. */
  readonly length: number
  /** Whether a run of a method that takes batches may say that rows are shorter. */
  readonly anyLength: boolean
  /**
   * The methods that take batches, for batches of another length only; they need no more memory.
   * They are needed if the methods do not take any length.
   */
  readonly artifactsFor: (length: number) => Readonly<Record<BatchMethod, Artifact>>
  /** The tensors of the model that are read. */
  readonly bound: ReturnType<typeof bindModel>
  /** The parts of the state that `predict` reads: the result of training. */
  readonly learned: readonly string[]
  /** The limit of bytes that it was planned within, if there was one. */
  readonly memory: number | undefined
}

/** Options for compiling a recipe. */
export interface CompileOptions {
  /** The choice of schedules; the cost model by default. */
  readonly chooseSchedules?: ChooseSchedules | undefined
  /** The schedules of an earlier session, which replace a new choice. */
  readonly schedules?: Tuning | undefined
  /**
   * The memory limit of an earlier session, which replaces the device's present one: a resumed run computes
   * in the same parts as before, or is refused.
   */
  readonly memory?: number | undefined
  /** The options by which the user can choose another batch or context. */
  readonly remedies?: Pick<Remedies, 'batch' | 'context'>
  /** If it is aborted, compiling ends before its next piece, with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Throws a `UserError` if a schedule that a run began with fits no kernel any more, since its sums would be
 * rounded differently.
 */
const requireSchedules = (schedules: Tuning, artifacts: CompiledRecipe['artifacts']): void => {
  const kernels = Object.values(artifacts).flatMap(a => a.kernels)
  const taken = new Set(
    kernels.flatMap(({ chosen }) => (chosen && tunedSchedule(chosen, schedules) ? [chosen.signature] : [])),
  )
  const lost = [...schedules.keys()].filter(s => !taken.has(s))
  if (lost.length > 0)
    throw new UserError({
      what: 'the run cannot go on as it was begun',
      why:
        `on this device this version of Jola writes no kernel by ${lost.length} of the ` +
        `schedules that were measured for it: ${lost[0]}`,
      hint:
        'resume with the version and the device that the run was started with, or begin a new ' +
        'one in another folder (or here with --force)',
    })
}

/**
 * Compiles a recipe's `init`, `step` and `validate`. Nothing is put on the device. Throws a `UserError` when
 * sizes or weights do not fit, and a `DeviceError` when the device is too small.
 */
export const compileRecipe = async (
  { device, program, recipe, model, settings }: TrainingSubject,
  shape: BatchShape,
  { schedules, chooseSchedules = chooseByCostModel, memory: begunWith, remedies, signal }: CompileOptions,
): Promise<CompiledRecipe> => {
  const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
  const equations = ({ B, T, A }: BatchShape) => [
    ...facts.equations,
    ...vocabularyEquations(facts.equations, model),
    ...settingEquations(recipe, settings),
    { size: sizeName('B'), value: B, source: 'the batch' },
    { size: sizeName('T'), value: T, source: 'the length of the examples' },
    { size: sizeName('A'), value: A, source: 'the length of the answers' },
  ]
  const wanted = new Set(['init', 'step', 'validate', 'predict'].flatMap(n => methodOf(recipe, n).sizes))
  const sizesFor = (of: BatchShape) =>
    sizesOf([...new Set([...wanted, ...recipe.sizes])], equations(of), facts.hint)
  const sizes = sizesFor(shape)
  const bound =
    recipe.params.length > 0
      ? bindModel(recipe.params, sizes, model, facts)
      : { tensors: [], absent: new Map() }
  const batchNames = (['step', 'validate'] as const).flatMap(name => batchInputs(recipe, name))
  const positions = batchNames.map(name => `${name}.position`)
  const bindings = {
    constants: facts.constants,
    settings,
    absent: new Map<string, StandIn>([
      ...bound.absent,
      ...(shape.everywhere ? positions.map(name => [name, 'last index'] as const) : []),
    ]),
  }

  const source = { program, recipe, bindings, sizesFor, packing: packingOf(bound, model) }
  const capacity = device.capacityBytes
  const room = capacity === undefined ? undefined : capacity - device.residentBytes
  const memory = begunWith ?? room
  const { graphs, length, anyLength } = methodGraphs(source, shape)
  await yieldToEvents(signal)
  // The step comes first, since it runs most often and tuning time is limited.
  const tuning = {
    step: schedules ?? (await chooseSchedules(device, graphs.step, signal)),
    validate: schedules ?? (await chooseSchedules(device, graphs.validate, signal)),
    init: schedules ?? (await chooseSchedules(device, graphs.init, signal)),
  }
  const weightKey = tensorKeyOf(bound, model)
  const standing = (name: string) => (name.startsWith('settings.') ? name : weightKey(name))
  const options = { name: recipe.name, tuning, memory, standing, paired: isPaired(recipe) }
  await yieldToEvents(signal)
  const plan = planMethods(graphs, device.traits, shape, options)
  await yieldToEvents(signal)
  if (schedules !== undefined) requireSchedules(schedules, plan.artifacts)
  requireFit({
    name: recipe.name,
    plan,
    capacity: room,
    shape,
    replan:
      begunWith === undefined
        ? of => planMethods(methodGraphs(source, of).graphs, device.traits, of, options)
        : undefined,
    remedies: {
      ...remedies,
      weights: recipe.params.length > 0 ? '--weights' : undefined,
      memory: device.memory !== undefined && device.memory === capacity ? '--memory' : undefined,
    },
  })
  const artifactFor = (method: BatchMethod, length: number): Artifact =>
    planned(simplified(graphOfMethod(source, method, { ...shape, T: length })), device.traits, {
      name: `${recipe.name}.${method}`,
      tuning: tuning[method],
      memory: memory === undefined ? undefined : plan.artifacts[method].peakBytes,
    })
  return {
    sizes,
    length,
    anyLength,
    artifacts: plan.artifacts,
    artifactsFor: length => ({
      step: artifactFor('step', length),
      validate: artifactFor('validate', length),
    }),
    bound,
    learned: learnedTensors(program, recipe, { ...bindings, sizes }),
    memory,
  }
}
