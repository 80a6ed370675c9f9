import type { Artifact, DeviceTraits } from '../../compiler/artifact.js'
import type { CoreRecipe } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { inputsOf, type StandIn } from '../../compiler/specialise/parameters.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import type { Device } from '../../runtime/index.js'
import type { Batch, BatchShape } from '../data/batch.js'
import { type LoadedProgram, loadProgram } from '../folders/load-program.js'
import { familyProgram } from '../folders/model-program.js'
import { openModel, readConfig } from '../folders/open-model.js'
import type { JsonObject } from '../json/json-values.js'
import { namesFor } from '../model/bind.js'
import { type Model, modelFacts } from '../model/model.js'
import { sizesOf } from '../model/sizes.js'
import type { WeightFormat } from '../model/weight-format.js'
import { plannedPacking } from '../model/weights.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { batchInputs, isPaired, stateType } from '../recipe/recipe-parts.js'
import { type Settings, settingEquations, settingsOf } from '../recipe/settings.js'
import { openSession, type Session } from '../train/session.js'
import { tuningFor } from '../tune/tune.js'
import { llamaConfig, randomBatch, randomCheckpoint, stories15M } from './random-model.js'

/** A recipe's training step to measure: the recipe, the model and the batches. */
export interface StepPlan {
  readonly name: string
  readonly recipe: {
    /** A file, or the name of a module of the standard library. */
    readonly file: string
    readonly name?: string
    readonly set: readonly string[]
  }
  /** The folder of a model, or the config.json of one that gets random weights. */
  readonly model: string | JsonObject
  /**
   * The format of the model's weights on the device. If absent: as a folder stores them, and f32 for a random
   * model.
   */
  readonly weights?: WeightFormat
  /** Refused entries and tensors of the model that the user allows. */
  readonly allow?: readonly string[]
  readonly shape: BatchShape
}

/** The standard library's JoLA with its defaults. */
export const jola: StepPlan['recipe'] = { file: 'std.recipes.jola', set: [] }

/** Every position of every row is to be learned. */
export const fullShape = (B: number, T: number): BatchShape => ({ B, T, A: T, everywhere: true })

/** The step for which most published figures are. */
export const storiesStep = {
  name: 'stories15M, 8×64 tokens',
  recipe: jola,
  model: llamaConfig(stories15M),
  shape: fullShape(8, 64),
} as const satisfies StepPlan

interface Parts {
  readonly loaded: LoadedProgram
  readonly recipe: CoreRecipe
  readonly settings: Settings
}

const partsOf = ({ recipe: { file, name, set }, model, allow }: StepPlan, config: JsonObject): Parts => {
  const where = typeof model === 'string' ? model : 'the configuration'
  const loaded = loadProgram([file], { model: familyProgram(config, where, allow) })
  const recipe = findRecipe(loaded.program, loaded.modules[0]!, name)
  return { loaded, recipe, settings: settingsOf(loaded.program, recipe, set) }
}

/**
 * The constants and sizes of a model that is only a configuration, and the recipe's sizes for these batches.
 */
const configuredSizes = (
  { loaded: { program }, recipe, settings }: Parts,
  { model: config, shape, weights = 'auto', allow }: StepPlan & { readonly model: JsonObject },
) => {
  const bare: Model = {
    directory: 'the configuration',
    config,
    checkpoint: undefined,
    format: weights,
    tokenizer: undefined,
    context: shape.T,
    allowed: new Set(allow),
  }
  const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], bare)
  const given = (['B', 'T', 'A'] as const).map(size => ({
    size: sizeName(size),
    value: shape[size],
    source: 'the batch',
  }))
  const wanted = [...recipe.sizes, ...[...recipe.methods.values()].flatMap(m => m.sizes)]
  const sizes = sizesOf(
    [...new Set(wanted)],
    [...facts.equations, ...settingEquations(recipe, settings), ...given],
  )
  return { bare, facts, sizes }
}

const modelOf = async (plan: StepPlan, parts: Parts): Promise<Model> => {
  const { model, weights: format, allow } = plan
  if (typeof model === 'string') return openModel(model, { weights: true, tokenizer: false, format, allow })
  const { bare, sizes, facts } = configuredSizes(parts, { ...plan, model })
  return { ...bare, checkpoint: randomCheckpoint(parts.recipe.params, sizes, facts.holds) }
}

/**
 * Compiles a recipe's step to an artifact for a model given by its configuration. Optional tensors count as
 * absent. Throws like {@link openStep}.
 */
export const compileStep = (
  plan: StepPlan & { readonly model: JsonObject },
  traits: DeviceTraits,
): Artifact => {
  const parts = partsOf(plan, plan.model)
  const { loaded, recipe, settings } = parts
  const { facts, sizes } = configuredSizes(parts, plan)
  const { constants } = facts
  const specs = recipe.params.flatMap(p => inputsOf(p.name, p.type))
  const fills = specs.flatMap(s => {
    const { fill } = namesFor(s, facts.holds)
    return fill === undefined ? [] : [[s.name, fill] as const]
  })
  const positions = batchInputs(recipe, 'step').map(name => `${name}.position`)
  const absent = new Map<string, StandIn>([
    ...fills,
    ...(plan.shape.everywhere ? positions.map(name => [name, 'last index'] as const) : []),
  ])
  const graph = specialiseMethod(loaded.program, recipe, 'step', { sizes, constants, settings, absent })
  const packing = plannedPacking(specs, plan.weights ?? 'auto')
  return lower(packInputs(graph, packing), traits, { name: `${recipe.name}.step` })
}

/** A recipe opened as training opens it, its state initialised, with a batch of random tokens. */
export interface OpenStep extends Parts {
  readonly session: Session
  readonly model: Model
  readonly batch: Batch
  /** Submits the next step, the i-th since it was opened, from 0. */
  step(): void
  close(): Promise<void>
}

/**
 * The position in training at which steps are measured: after the warm-ups, so that every part of a step is
 * active.
 */
export const place = { at: 100, steps: 500 } as const

export const seed = 7

/** Opens a step. Throws a `UserError` where program, settings, model or sizes do not fit. */
export const openStep = async (device: Device, plan: StepPlan): Promise<OpenStep> => {
  const parts = partsOf(plan, typeof plan.model === 'string' ? await readConfig(plan.model) : plan.model)
  const model = await modelOf(plan, parts)
  const { program } = parts.loaded
  const { recipe, settings } = parts
  const subject = { device, program, recipe, model, settings }
  const session = await openSession(
    subject,
    { oneLength: true, ...plan.shape },
    { chooseSchedules: tuningFor },
  ).catch(async (error: unknown) => {
    await model.checkpoint?.close()
    throw error
  })
  session.initialise(seed)
  const right = randomBatch(plan.shape, session.sizes.get('V') ?? 2)
  const batch = isPaired(recipe) ? { ...right, wrong: right } : right
  let done = 0
  return {
    ...parts,
    session,
    model,
    batch,
    step: () => {
      session.step(batch, { step: place.at + done, steps: place.steps, epoch: 1 }, seed)
      done += 1
    },
    close: async () => {
      session.close()
      await model.checkpoint?.close()
    },
  }
}
