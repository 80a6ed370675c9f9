import { modelIdentityOf } from '../folders/model-identity.js'
import { type WeightFormat } from '../model/weight-format.js'
import { type ModelWants, openModel } from '../folders/open-model.js'
import { type Checkpoint } from '../safetensors/checkpoint.js'
import { join } from 'node:path'
import type { CoreFn, CoreParam, Program } from '../../compiler/core/core.js'
import type { Type } from '../../compiler/core/type.js'
import type { Predictor } from '../../compiler/specialise/predictor.js'
import type { Bindings, ConstantValue, GivenValue } from '../../compiler/specialise/specialise.js'
import { type Device, type DeviceTensor, upload } from '../../runtime/index.js'
import { batchSizes } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { requireFinite } from '../model/finite.js'
import { bindModel, type Model, modelFacts } from '../model/model.js'
import { moduleOf, sizesOf, vocabularyEquations } from '../model/sizes.js'
import { packingOf, uploadWeights } from '../model/weights.js'
import {
  type AdapterConfig,
  checkAdapter,
  checkFits,
  checkTensors,
  readAdapterConfig,
} from '../predict/adapter.js'
import { SequenceModel } from '../predict/sequence-model.js'
import { findRecipe } from '../recipe/find-recipe.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { stateType } from '../train/compile.js'
import { adapterFiles } from './run-folder.js'

/** A sequence model ready for scoring and generation, with what belongs to it. */
export interface OpenPredictor {
  readonly device: Device
  readonly sequence: SequenceModel
  readonly tokenizer: Tokenizer
  readonly model: Model
  /** What it is opened on in spite of: a program or a model that is not what a run was trained on. */
  readonly forced: readonly string[]
  close(): Promise<void>
}

/** How a run is opened. */
export interface OpenOptions {
  /** Another folder of its base model. */
  readonly model?: string | undefined
  /** What the model's weights are on the device; as it was trained on unless said. */
  readonly weights?: WeightFormat | undefined
  /** Entries of the model's configuration and tensors that were refused, and that are let pass. */
  readonly allow?: readonly string[] | undefined
  /** Opens it though its base model or its program is not what it was trained on. */
  readonly force?: boolean | undefined
}

/** As a run's base model was opened when it was trained, unless said otherwise. */
const openedAs = (
  adapter: AdapterConfig,
  { weights, allow = [] }: Pick<OpenOptions, 'weights' | 'allow'>,
) => ({
  format: weights ?? adapter.weights,
  allow: [...(adapter.allow ?? []), ...allow],
})

/** Everything of a module that takes a model and one sequence: `logits(w, tokens)`. */
const modelFunction = (
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

/** Brings weights when they are first asked for, and keeps them. */
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

/** What a predictor is put together from: an open model, and what a run adds to it. */
interface Parts {
  readonly device: Device
  readonly program: Program
  readonly predictor: Predictor
  readonly model: Model
  /** Those that are bound to the model's weights. */
  readonly params: readonly CoreParam[]
  /** Those that tell sizes. */
  readonly types: readonly Type[]
  readonly settings?: ReadonlyMap<string, GivenValue>
  readonly fetch?: (names: ReadonlySet<string>) => Promise<Readonly<Record<string, DeviceTensor>>>
  readonly check?: (sizes: ReadonlyMap<string, number>) => void
  /** What of the model is not what it should be; rejects where that is not forced. */
  readonly differs?: (
    model: Model,
    constants: ReadonlyMap<string, ConstantValue>,
  ) => Promise<readonly string[]>
}

/** Puts a predictor on an open model, which is closed where they do not fit, and with the predictor. */
const assemble = async (parts: Parts): Promise<OpenPredictor> => {
  try {
    const opened = fitted(parts)
    const { constants } = modelFacts(parts.program, parts.types, parts.model)
    return { ...opened, forced: (await parts.differs?.(parts.model, constants)) ?? [] }
  } catch (error) {
    await parts.model.checkpoint?.close()
    throw error
  }
}

const fitted = ({
  device,
  program,
  predictor,
  model,
  params,
  types,
  settings,
  fetch,
  check,
}: Parts): OpenPredictor => {
  const facts = modelFacts(program, types, model)
  const fn = predictor.kind === 'fn' ? predictor.fn : predictor.recipe.methods.get('predict')!
  const own = predictor.kind === 'fn' ? [] : predictor.recipe.sizes
  const sizes = sizesOf(
    [...new Set([...fn.sizes, ...own])].filter(s => !batchSizes.has(s)),
    [...facts.equations, ...vocabularyEquations(facts.equations, model)],
    facts.hint,
  )
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

/** A module's `logits` on a model, ready to be put together. */
const openLogits = async (
  module: { readonly device: Device; readonly program: Program; readonly name: string },
  directory: string,
  { format, allow }: Pick<ModelWants, 'format' | 'allow'>,
): Promise<Parts> => {
  const { device, program } = module
  const { fn, param } = modelFunction(program, module.name)
  const model = await openModel(directory, { weights: true, tokenizer: true, format, allow })
  return { device, program, predictor: { kind: 'fn', fn }, model, params: [param], types: [param.type] }
}

/** A model without any edit, through a module's own `logits`. */
export const openBase = async (
  device: Device,
  directory: string,
  file: string,
  { weights: format, allow }: Pick<OpenOptions, 'weights' | 'allow'> = {},
): Promise<OpenPredictor> => {
  const { program, modules } = loadProgram([file])
  return assemble(await openLogits({ device, program, name: modules[0]! }, directory, { format, allow }))
}

/** Whether a model and a program are those of an adapter: see {@link checkFits}. */
const fitsOf =
  (
    adapter: AdapterConfig,
    hash: string,
    where: string,
    force: boolean | undefined,
  ): NonNullable<Parts['differs']> =>
  async (model, constants) =>
    checkFits(adapter, { hash, base: await modelIdentityOf(model, constants) }, where, force === true)

/**
 * The base model of a run: the module that declares the record of its recipe's first parameter says how it computes. Rejects with a
 * `UserError` where it is not the model and the program of the run, unless that is forced.
 */
export const openRunBase = async (
  device: Device,
  directory: string,
  { model, force, ...how }: OpenOptions = {},
): Promise<OpenPredictor> => {
  const adapter = await readAdapterConfig(directory)
  const { program, modules, hash } = loadProgram([adapter.program])
  const recipe = findRecipe(program, modules[0]!, adapter.recipe)
  const type = recipe.params[0]?.type
  if (type?.kind !== 'record') throw new UserError({ what: `the recipe ${recipe.name} has no base model` })
  const module = { device, program, name: moduleOf(type.record.id) }
  const parts = await openLogits(module, model ?? adapter.base_model, openedAs(adapter, how))
  return assemble({ ...parts, differs: fitsOf(adapter, hash, directory, force) })
}

/**
 * A trained run: its adapter on its base model, or on the model given. Rejects with a `UserError` where that is not the model, or the program not the one, that
 * it was trained on, unless that is forced.
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

/** Throws a `UserError` where a tensor of an adapter holds what is no finite number, unless that is let pass. */
const checkFinite = async (checkpoint: Checkpoint, allow: readonly string[] = []): Promise<void> => {
  for (const name of checkpoint.tensors.keys()) {
    if (allow.includes(name)) continue
    const { buffer, byteOffset, byteLength } = await checkpoint.readF32(name)
    requireFinite(new Uint8Array(buffer, byteOffset, byteLength), 'F32', { checkpoint, name, at: 0 })
  }
}

const openAdapted = async (
  device: Device,
  {
    directory,
    adapter,
    checkpoint,
  }: { readonly directory: string; readonly adapter: AdapterConfig; readonly checkpoint: Checkpoint },
  { model: modelDirectory, force, ...how }: OpenOptions,
): Promise<OpenPredictor> => {
  const { program, modules, hash } = loadProgram([adapter.program])
  const recipe = findRecipe(program, modules[0]!, adapter.recipe)
  const base = modelDirectory ?? adapter.base_model
  const model = await openModel(base, {
    weights: recipe.params.length > 0,
    tokenizer: true,
    ...openedAs(adapter, how),
  })
  const prefix = `${recipe.methods.get('predict')!.params[0]!.name}.`
  const settings = new Map(Object.entries(adapter.settings))
  const lacks = (what: string): UserError =>
    new UserError({
      what: `the adapter lacks ${what}, which the program asks for`,
      where: directory,
      ...(hash === adapter.program_hash
        ? {}
        : { why: `${adapter.program} has changed since it was trained` }),
      hint: 'take the program as it was, or train again',
    })
  const fetch = async (names: ReadonlySet<string>) => {
    const out: Record<string, DeviceTensor> = Object.create(null)
    for (const name of names) {
      if (name.startsWith('settings.')) {
        const setting = name.slice('settings.'.length)
        const value = settings.get(setting)
        if (value === undefined) throw lacks(`the setting ${setting}`)
        out[name] = upload(device, 'f32', [], Float32Array.of(Number(value)), name)
      } else if (name.startsWith(prefix)) {
        const key = name.slice(prefix.length)
        const entry = checkpoint.tensors.get(key)
        if (entry === undefined) throw lacks(`\`${key}\``)
        out[name] = upload(device, 'f32', entry.shape, await checkpoint.readF32(key), name)
      }
    }
    return out
  }
  return assemble({
    device,
    program,
    predictor: { kind: 'recipe', recipe },
    model,
    params: recipe.params,
    types: [...recipe.params.map(p => p.type), stateType(recipe)],
    settings,
    fetch,
    check: sizes => checkAdapter(program, adapter, sizes, directory, base),
    differs: fitsOf(adapter, hash, directory, force),
  })
}
