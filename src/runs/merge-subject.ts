import type { Program } from '../../compiler/core/core.js'
import { isSites } from '../../compiler/specialise/edits.js'
import { UserError } from '../errors/user-error.js'
import type { BoundParam } from '../model/bind.js'
import type { HomeSource } from '../model/homes.js'
import { bindModel, type Model, type ModelFacts, modelFacts } from '../model/model.js'
import { logitsFunction, modelSizes } from '../predict/open-predictor.js'
import type { AdapterSet } from './adapter-set.js'
import type { MergedType } from './merged-tensors.js'
import { openModelOf, type PlannedSlots, slotsOf, typesOf } from './open-adapters.js'

/** A merge to do. */
export interface MergeRequest {
  /** A sum of adapters: a run, or several as `runs/a + 0.5 * runs/b`. */
  readonly adapters: string
  /** The folder to write. */
  readonly out: string
  /** The model's folder, if it was moved. */
  readonly model?: string | undefined
  readonly dtype?: MergedType | undefined
  readonly allow?: readonly string[] | undefined
  /** Replaces a folder that is there, and merges even if the model or the program has changed since. */
  readonly force?: boolean | undefined
  /** Leaves out biases for which the model has no place. */
  readonly withoutBiases?: boolean | undefined
}

/** A model with its program, as both ends of a merge need it. */
export interface MergeSubject {
  readonly set: AdapterSet
  readonly planned: PlannedSlots
  readonly model: Model
  readonly facts: ModelFacts
  readonly bound: BoundParam
  readonly home: HomeSource
}

/** Opens the model of a set of adapters, with its weights in f32. The caller closes its checkpoint. */
export const openMergeSubject = async (
  set: AdapterSet,
  { adapters, model: moved, allow }: MergeRequest,
): Promise<MergeSubject> => {
  const model = await openModelOf(set, { model: moved, weights: 'f32', allow })
  try {
    const { program } = set
    const { fn, param } = logitsFunction(program, set.modelModule)
    const facts = modelFacts(program, typesOf(set), model)
    const sizes = modelSizes(fn.sizes, facts, model)
    const bound = bindModel([param], sizes, model, facts)
    const home = { program, fn, param, model, sizes, absent: bound.absent }
    return { set, planned: slotsOf(set, [adapters]), model, facts, bound, home }
  } catch (error) {
    await model.checkpoint?.close()
    throw error
  }
}

/** The function of a model's module that turns edits into weights. Throws a `UserError` where it has none. */
export const mergeFunction = (program: Program, module: string) => {
  const id = program.modules.get(module)?.fns.get('merge')
  const fn = id === undefined ? undefined : program.fns.get(id)
  if (fn?.params.some(p => isSites(p.type)) === true) return fn
  throw new UserError({
    what: `the model's module ${module} does not say how edits become weights`,
    why: 'it has no function `merge(w: Model, sites: Sites) -> Model`',
    hint: 'use the run as it is, or write that function as std.models.llama has it',
  })
}
