import type { CoreFn, CoreParam, Program } from '../../compiler/core/core.js'
import type { Type } from '../../compiler/core/type.js'
import type { Predictor } from '../../compiler/specialise/predictor.js'
import type { SizeEquation } from '../../compiler/specialise/solve-sizes.js'
import type { Bindings, ConstantValue, GivenValue } from '../../compiler/specialise/specialise.js'
import type { Device, DeviceTensor } from '../../runtime/index.js'
import { batchSizes } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import type { ChooseSchedules } from '../measure/choose-schedules.js'
import { bindModel, type Model, type ModelFacts, modelFacts } from '../model/model.js'
import { sizesOf, vocabularyEquations } from '../model/sizes.js'
import { packingOf, uploadWeights } from '../model/weights.js'
import { settingEquations } from '../recipe/settings.js'
import type { Tokenizer } from '../text/tokenizer.js'
import type { RowInputs } from './predictor-source.js'
import { SequenceModel } from './sequence-model.js'

/** A sequence model ready for scoring and generation, with what belongs to it. */
export interface OpenPredictor {
  readonly device: Device
  readonly sequence: SequenceModel
  readonly tokenizer: Tokenizer
  readonly model: Model
  /** The differences that were forced: a program or a model other than the run was trained on. */
  readonly forced: readonly string[]
  close(): Promise<void>
}

/** The sizes of these names, from a model's facts and what else tells them; without those of a batch. */
export const modelSizes = (
  names: readonly string[],
  facts: ModelFacts,
  model: Model,
  more: readonly SizeEquation[] = [],
): ReadonlyMap<string, number> =>
  sizesOf(
    [...new Set(names)].filter(s => !batchSizes.has(s)),
    [...facts.equations, ...vocabularyEquations(facts.equations, model), ...more],
    facts.hint,
  )

/** Uploads weights at their first use, and keeps them. */
const lazily = (
  fetch: (names: ReadonlySet<string>) => Promise<Readonly<Record<string, DeviceTensor>>>,
): ((names: readonly string[]) => Promise<Readonly<Record<string, DeviceTensor>>>) & {
  readonly kept: Map<string, DeviceTensor>
} => {
  const kept = new Map<string, DeviceTensor>()
  const bring = async (names: readonly string[]) => {
    const missing = new Set(names.filter(n => !kept.has(n)))
    if (missing.size > 0) for (const [k, t] of Object.entries(await fetch(missing))) kept.set(k, t)
    return Object.fromEntries(names.map(n => [n, kept.get(n)!]))
  }
  return Object.assign(bring, { kept })
}

/** The parts of a predictor: an open model, and the additions of a run. */
export interface PredictorParts {
  readonly device: Device
  readonly program: Program
  /** What predicts; a function of the model's facts where these tell its sizes. */
  readonly predictor: Predictor | ((facts: ModelFacts) => Predictor)
  readonly model: Model
  /** The parameters that are bound to the model's weights. */
  readonly params: readonly CoreParam[]
  /** The parameters that determine sizes. */
  readonly types: readonly Type[]
  readonly settings?: ReadonlyMap<string, GivenValue>
  readonly fetch?: (names: ReadonlySet<string>) => Promise<Readonly<Record<string, DeviceTensor>>>
  readonly check?: (sizes: ReadonlyMap<string, number>) => void
  /** The numbers that each row of a batch has of its own; none by default. */
  readonly rowInputs?: RowInputs | undefined
  /** The choice of schedules; the cost model by default. */
  readonly chooseSchedules?: ChooseSchedules
  /** The differences of the model from the one expected; rejects if they are not forced. */
  readonly differs?: (
    model: Model,
    constants: ReadonlyMap<string, ConstantValue>,
  ) => Promise<readonly string[]>
}

/**
 * Makes a predictor of an open model. The model is closed if they do not fit, and when the predictor is
 * closed.
 */
export const assemblePredictor = async (parts: PredictorParts): Promise<OpenPredictor> => {
  try {
    const opened = fitPredictor(parts)
    const { constants } = modelFacts(parts.program, parts.types, parts.model)
    return { ...opened, forced: (await parts.differs?.(parts.model, constants)) ?? [] }
  } catch (error) {
    await parts.model.checkpoint?.close()
    throw error
  }
}

const fitPredictor = ({
  device,
  program,
  predictor: made,
  model,
  params,
  types,
  settings,
  fetch,
  check,
  rowInputs,
  chooseSchedules,
}: PredictorParts): OpenPredictor => {
  const facts = modelFacts(program, types, model)
  const predictor = typeof made === 'function' ? made(facts) : made
  const recipe = predictor.kind === 'recipe' ? predictor.recipe : undefined
  const fn = predictor.kind === 'recipe' ? predictor.recipe.methods.get('predict')! : predictor.fn
  const sizes = modelSizes([...fn.sizes, ...(recipe?.sizes ?? [])], facts, model, [
    ...(recipe === undefined ? [] : settingEquations(recipe, settings ?? new Map())),
  ])
  check?.(sizes)
  const bound =
    params.length > 0 ? bindModel(params, sizes, model, facts) : { tensors: [], absent: new Map() }
  const bindings: Bindings = {
    sizes,
    constants: facts.constants,
    absent: bound.absent,
    ...(settings ? { settings } : {}),
  }
  const bring = lazily(async names => ({
    ...(await uploadWeights(device, model, bound, names)),
    ...(await fetch?.(names)),
  }))
  const vocabulary =
    typeof model.config.vocab_size === 'number' ? model.config.vocab_size : model.tokenizer!.size
  const sequence = new SequenceModel({
    device,
    program,
    predictor,
    bindings,
    packing: packingOf(bound, model),
    bring,
    context: model.context,
    vocabulary,
    rowInputs,
    chooseSchedules,
  })
  return {
    device,
    sequence,
    tokenizer: model.tokenizer!,
    model,
    forced: [],
    close: async () => {
      await sequence.close()
      for (const t of bring.kept.values()) t.destroy()
      await model.checkpoint?.close()
    },
  }
}

/**
 * The function of a module that takes a model and one sequence, `logits(w, tokens)`, and its parameter for
 * the model.
 */
export const logitsFunction = (
  program: Program,
  module: string,
): { readonly fn: CoreFn; readonly param: CoreParam } => {
  const id = program.modules.get(module)?.fns.get('logits')
  const fn = id === undefined ? undefined : program.fns.get(id)
  const param = fn?.params.find(p => p.type.kind === 'record')
  if (fn === undefined || param === undefined)
    throw new UserError({
      what: `the module ${module} has no \`logits\``,
      why: 'a model is used without an adapter through its function logits(w, tokens)',
      hint: 'define fn logits(w: Model, tokens: idx[V][T]) -> f32[T, V]',
    })
  return { fn, param }
}
