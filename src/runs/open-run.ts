import { join } from 'node:path'
import type { Program } from '../../compiler/core/core.js'
import type { Device } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { modelIdentityOf } from '../folders/model-identity.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { type ModelWants, openModel } from '../folders/open-model.js'
import { moduleOf } from '../model/sizes.js'
import type { WeightFormat } from '../model/weight-format.js'
import { type AdapterConfig, checkFits, checkSizes, checkTensors } from '../predict/adapter.js'
import { adapterTensors, checkFinite, type OpenAdapter } from '../predict/adapter-tensors.js'
import {
  assemblePredictor,
  logitsFunction,
  type OpenPredictor,
  type PredictorParts,
} from '../predict/open-predictor.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { stateType } from '../recipe/recipe-parts.js'
import { tuningFor } from '../tune/tune.js'
import { readAdapterConfig } from './read-adapter.js'
import { adapterFiles } from './run-folder.js'

/** Options for opening a run. */
export interface OpenOptions {
  /** The folder of its base model, if that was moved. */
  readonly model?: string | undefined
  /** The format of the model's weights on the device; that of training by default. */
  readonly weights?: WeightFormat | undefined
  /** Refused entries of the model's configuration and refused tensors that the user allows. */
  readonly allow?: readonly string[] | undefined
  /** Opens it even if its base model or its program has changed since training. */
  readonly force?: boolean | undefined
}

/** The options that a run's base model was opened with in training, changed by the given ones. */
const openedAs = (
  adapter: AdapterConfig,
  { weights, allow = [] }: Pick<OpenOptions, 'weights' | 'allow'>,
) => ({
  format: weights ?? adapter.weights,
  allow: [...(adapter.allow ?? []), ...allow],
})

/** The parts of a predictor that is a module's `logits` on a model. */
const openLogits = async (
  module: { readonly device: Device; readonly program: Program; readonly name: string },
  directory: string,
  { format, allow }: Pick<ModelWants, 'format' | 'allow'>,
): Promise<PredictorParts> => {
  const { device, program } = module
  const { fn, param } = logitsFunction(program, module.name)
  const model = await openModel(directory, { weights: true, tokenizer: true, format, allow })
  return {
    device,
    program,
    predictor: { kind: 'fn', fn },
    model,
    params: [param],
    types: [param.type],
    chooseSchedules: tuningFor,
  }
}

/**
 * Opens a model without edits, computed by the `logits` of a program: a file, or a module, of which
 * `std.model` is that of the model's family.
 */
export const openBase = async (
  device: Device,
  directory: string,
  file: string,
  { weights: format, allow }: Pick<OpenOptions, 'weights' | 'allow'> = {},
): Promise<OpenPredictor> => {
  const model = await chosenModelProgram({ program: file, model: directory, allow })
  const { program, modules } = loadProgram([file], { model })
  return assemblePredictor(
    await openLogits({ device, program, name: modules[0]! }, directory, { format, allow }),
  )
}

/** Whether a model and a program are those of an adapter: see {@link checkFits}. */
const fitsOf =
  (
    adapter: AdapterConfig,
    hash: string,
    where: string,
    force: boolean | undefined,
  ): NonNullable<PredictorParts['differs']> =>
  async (model, constants) =>
    checkFits(adapter, { hash, base: await modelIdentityOf(model, constants) }, where, force === true)

/**
 * Opens the base model of a run. The module that declares the record of the recipe's first parameter computes
 * it. Rejects with a `UserError` if the model or the program differs from the run's, unless that is forced.
 */
export const openRunBase = async (
  device: Device,
  directory: string,
  { model, force, ...how }: OpenOptions = {},
): Promise<OpenPredictor> => {
  const adapter = await readAdapterConfig(directory)
  const { program, modules, hash } = loadProgram([adapter.program], { model: adapter.model_program })
  const recipe = findRecipe(program, modules[0]!, adapter.recipe)
  const type = recipe.params[0]?.type
  if (type?.kind !== 'record') throw new UserError({ what: `the recipe ${recipe.name} has no base model` })
  const module = { device, program, name: moduleOf(type.record.id) }
  const parts = await openLogits(module, model ?? adapter.base_model, openedAs(adapter, how))
  return assemblePredictor({ ...parts, differs: fitsOf(adapter, hash, directory, force) })
}

/**
 * Opens a trained run: its adapter on its base model, or on the given model. Rejects with a `UserError` if
 * the model or the program differs from that of training, unless that is forced.
 */
export const openRun = async (
  device: Device,
  directory: string,
  options: OpenOptions = {},
): Promise<OpenPredictor> => {
  const adapter = await readAdapterConfig(directory)
  const checkpoint = await openCheckpoint(join(directory, adapterFiles.tensors))
  try {
    checkTensors(adapter, checkpoint)
    await checkFinite(checkpoint, options.allow)
    const opened = await openAdapted(device, { directory, adapter, checkpoint }, options)
    return {
      ...opened,
      close: async () => {
        await opened.close()
        await checkpoint.close()
      },
    }
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

const openAdapted = async (
  device: Device,
  opened: OpenAdapter,
  { model: modelDirectory, force, ...how }: OpenOptions,
): Promise<OpenPredictor> => {
  const { adapter, directory } = opened
  const { program, modules, hash } = loadProgram([adapter.program], { model: adapter.model_program })
  const recipe = findRecipe(program, modules[0]!, adapter.recipe)
  const base = modelDirectory ?? adapter.base_model
  const model = await openModel(base, {
    weights: recipe.params.length > 0,
    tokenizer: true,
    ...openedAs(adapter, how),
  })
  return assemblePredictor({
    device,
    program,
    predictor: { kind: 'recipe', recipe },
    chooseSchedules: tuningFor,
    model,
    params: recipe.params,
    types: [...recipe.params.map(p => p.type), stateType(recipe)],
    settings: new Map(Object.entries(adapter.settings)),
    fetch: adapterTensors(device, recipe, opened, hash),
    check: sizes => checkSizes(program, adapter, sizes, { where: directory, model: base }),
    differs: fitsOf(adapter, hash, directory, force),
  })
}
