import type { CoreFn } from '../../compiler/core/core.js'
import { isSites } from '../../compiler/specialise/edits.js'
import { type Device, type DeviceTensor, upload } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { modelIdentityOf } from '../folders/model-identity.js'
import { openModel } from '../folders/open-model.js'
import type { Model, ModelFacts } from '../model/model.js'
import { checkFits, checkSizes } from '../predict/adapter.js'
import { adaptersIn, planSlots, type SlotPlan } from '../predict/edit-slots.js'
import {
  assemblePredictor,
  logitsFunction,
  modelSizes,
  type OpenPredictor,
} from '../predict/open-predictor.js'
import { kindOfAdapter, slotOf, slotValues } from '../predict/slot-tensors.js'
import { stateType } from '../recipe/recipe-parts.js'
import { settingEquations } from '../recipe/settings.js'
import { tuningFor } from '../tune/tune.js'
import { type AdapterSet, openAdapterSet, type SetAdapter } from './adapter-set.js'
import type { OpenOptions } from './open-run.js'

/** Sums of adapters as slots, with the adapters of each slot. */
export interface PlannedSlots extends SlotPlan {
  readonly adapters: readonly (readonly SetAdapter[])[]
}

/** Puts the adapters of some sums into slots: see `planSlots`. */
export const slotsOf = (set: AdapterSet, sums: readonly string[]): PlannedSlots => {
  const found = (name: string): SetAdapter => set.adapters.get(name)!
  const plan = planSlots(sums, name => kindOfAdapter(found(name).recipe, found(name)))
  return { ...plan, adapters: plan.slots.map(slot => slot.adapters.map(found)) }
}

/** The slots for the compiler, with the sizes that the model and each recipe's settings tell. */
export const editSlotsOf = (
  { adapters }: PlannedSlots,
  facts: ModelFacts,
  model: Model,
  modelProgram: AdapterSet['program'],
) =>
  adapters.map(all => {
    const { recipe, adapter, directory } = all[0]!
    const settings = new Map(Object.entries(adapter.settings))
    const sizes = modelSizes(recipe.sizes, facts, model, settingEquations(recipe, settings))
    for (const each of all)
      checkSizes(modelProgram, each.adapter, sizes, { where: directory, model: model.directory })
    return slotOf(recipe, all, sizes)
  })

/** Opens the model of a set of adapters as it was opened in their training. */
export const openModelOf = (set: AdapterSet, { model, weights, allow = [] }: OpenOptions): Promise<Model> => {
  const { adapter } = [...set.adapters.values()][0]!
  return openModel(model ?? adapter.base_model, {
    weights: true,
    tokenizer: true,
    format: weights ?? adapter.weights,
    allow: [...[...set.adapters.values()].flatMap(a => a.adapter.allow ?? []), ...allow],
  })
}

/** The types that tell the facts of a model with a set of adapters: its record, and the recipes' states. */
export const typesOf = (set: AdapterSet) => {
  const { param } = logitsFunction(set.program, set.modelModule)
  return [param.type, ...[...set.adapters.values()].map(a => stateType(a.recipe))]
}

/**
 * The differences between what each adapter of a set was trained on and what there is now. Rejects with a
 * `UserError` if there are any, unless they are forced.
 */
export const setDiffers = async (
  set: AdapterSet,
  model: Model,
  { constants }: Pick<ModelFacts, 'constants'>,
  force: boolean | undefined,
): Promise<readonly string[]> => {
  const base = await modelIdentityOf(model, constants)
  return [...set.adapters.values()].flatMap(({ adapter, hash, directory }) =>
    checkFits(adapter, { hash, base }, directory, force === true),
  )
}

const requirePlaces = (fn: CoreFn, module: string): void => {
  if (fn.params.some(p => isSites(p.type))) return
  throw new UserError({
    what: `the model's module ${module} does not take edits`,
    why: 'its function `logits` has no parameter of the type `std.sites.Sites`',
    hint: 'write fn logits(w: Model, tokens: idx[V][T], sites: Sites = {}, prompt: i32 = 0)',
  })
}

/**
 * Opens a model under trained adapters. Each of `sums` is adapters that act together, such as
 * `runs/a + 0.5 * runs/b`; in every call, each row may name the one of them that edits it, and a strength.
 * Without that, the first one edits all rows. Rejects with a `UserError` where adapters are not for one
 * model.
 */
export const openAdapters = async (
  device: Device,
  sums: readonly string[],
  options: OpenOptions = {},
): Promise<OpenPredictor> => {
  const set = await openAdapterSet(adaptersIn(sums), options.allow)
  try {
    const { program } = set
    const { fn, param } = logitsFunction(program, set.modelModule)
    requirePlaces(fn, set.modelModule)
    const model = await openModelOf(set, options)
    const types = typesOf(set)
    const planned = slotsOf(set, sums)
    const opened = await assemblePredictor({
      device,
      program,
      predictor: facts => ({ kind: 'edited', fn, slots: editSlotsOf(planned, facts, model, program) }),
      model,
      params: [param],
      types,
      rowInputs: { usual: { adapter: sums[0] }, valuesOf: planned.valuesOf },
      fetch: async names => {
        const out: Record<string, DeviceTensor> = Object.create(null)
        for (const name of names) {
          const found = await slotValues(name, planned.adapters)
          if (found !== undefined)
            out[name] = upload(device, { dtype: 'f32', label: name }, found.shape, found.data)
        }
        return out
      },
      chooseSchedules: tuningFor,
      differs: (_, constants) => setDiffers(set, model, { constants }, options.force),
    })
    return { ...opened, close: () => opened.close().finally(set.close) }
  } catch (error) {
    await set.close()
    throw error
  }
}
