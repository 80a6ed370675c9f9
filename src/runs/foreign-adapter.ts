import { join, resolve } from 'node:path'
import { evaluateSize } from '../../compiler/core/size.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import type { GivenValue } from '../../compiler/specialise/specialise.js'
import { batchSizes } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import { writeNewFolder } from '../files/new-folder.js'
import { loadProgram } from '../folders/load-program.js'
import { modelIdentityOf } from '../folders/model-identity.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { openModel } from '../folders/open-model.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import { indicesBelow, nameAt } from '../model/bind.js'
import { modelFacts } from '../model/model.js'
import {
  type AdapterFormat,
  adapterFormats,
  type ForeignTensor,
  loraSettings,
  peftConfig,
} from '../predict/adapter-formats.js'
import { modelSizes } from '../predict/open-predictor.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { stateType } from '../recipe/recipe-parts.js'
import { settingEquations, settingsOf } from '../recipe/settings.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import type { TensorData } from '../safetensors/encode.js'
import { readAdapterConfig } from './read-adapter.js'
import { adapterFiles } from './run-folder.js'
import { checkAdapted } from './unfinished.js'

const owns = /^adapter_(model\.safetensors|config\.json)$/

/** Where an adapter is written, and whether files that are there may be replaced. */
export interface AdapterTarget {
  readonly out: string
  readonly force?: boolean | undefined
}

/** Whether a setting leaves a part of the state out: a projection that is not chosen. */
const isLeftOut = ({ state }: ForeignTensor, settings: Readonly<Record<string, GivenValue>>): boolean =>
  settings[state.split('.')[1]!] === false

/** One tensor as its parts, by their names. */
const partsOf = (t: ForeignTensor, shape: readonly number[], data: Float32Array): [string, TensorData][] => {
  const own = shape.slice(t.axes)
  const size = own.reduce((a, b) => a * b, 1)
  return indicesBelow(shape.slice(0, t.axes)).map((index, i) => [
    nameAt(t.name, index),
    { dtype: 'F32', shape: t.column ? [...own, 1] : own, data: data.slice(i * size, (i + 1) * size) },
  ])
}

/**
 * Writes a run's adapter in the files of others. Rejects with a `UserError` where the format holds adapters
 * of another recipe.
 */
export const exportAdapter = async (
  run: string,
  name: AdapterFormat['name'],
  { out, force = false }: AdapterTarget,
): Promise<readonly string[]> => {
  const format = adapterFormats[name]
  await checkAdapted(run)
  const adapter = await readAdapterConfig(run)
  if (adapter.program !== format.program)
    throw new UserError({
      what: `the format ${name} does not hold such an adapter`,
      where: run,
      why: `it was trained by ${adapter.program}, and the format holds adapters of ${format.program}`,
      hint: 'write a whole model instead: jola merge',
    })
  const checkpoint = await openCheckpoint(join(run, adapterFiles.tensors))
  try {
    const tensors = new Map<string, TensorData>()
    for (const t of format.tensors) {
      const found = checkpoint.tensors.get(t.state)
      if (found === undefined || isLeftOut(t, adapter.settings)) continue
      for (const [key, part] of partsOf(t, found.shape, await checkpoint.readF32(t.state)))
        tensors.set(key, part)
    }
    await writeNewFolder(out, { replace: force, owns }, async folder => {
      await writeSafetensors(join(folder, adapterFiles.tensors), tensors, { format: 'pt' })
      if (name !== 'peft') return
      const config = peftConfig(adapter.settings, adapter.base_model)
      await writeAtomic(join(folder, adapterFiles.config), [`${JSON.stringify(config, undefined, 2)}\n`])
    })
    return [...tensors.keys()]
  } finally {
    await checkpoint.close()
  }
}

const lacks = (name: string, checkpoint: Checkpoint, why?: string): UserError =>
  new UserError({
    what: `the adapter has no fitting tensor ${name}`,
    where: checkpoint.path,
    ...(why === undefined ? {} : { why }),
    hint: 'check that it is of this model, and whole',
  })

/** One tensor of a state put together from its parts. */
const joined = async (
  t: ForeignTensor,
  shape: readonly number[],
  checkpoint: Checkpoint,
): Promise<Float32Array> => {
  const size = shape.slice(t.axes).reduce((a, b) => a * b, 1)
  const indices = indicesBelow(shape.slice(0, t.axes))
  const out = new Float32Array(indices.length * size)
  for (const [i, index] of indices.entries()) {
    const name = nameAt(t.name, index)
    const stored = checkpoint.tensors.get(name)
    if (stored === undefined) throw lacks(name, checkpoint)
    const own = [...shape.slice(t.axes), ...(t.column ? [1] : [])]
    if (stored.shape.join() !== own.join())
      throw lacks(name, checkpoint, `it is [${stored.shape.join(', ')}], and [${own.join(', ')}] is needed`)
    out.set(await checkpoint.readF32(name), i * size)
  }
  return out
}

/** The format of an adapter's files, and the settings that they say. */
const recognise = async (path: string, checkpoint: Checkpoint) => {
  const file = join(path, adapterFiles.config)
  const config = await readJsonObjectIfAny(file).catch(() => undefined)
  if (config?.peft_type !== undefined)
    return { format: adapterFormats.peft, settings: loraSettings(config, checkpoint.tensors.keys(), file) }
  if ([...checkpoint.tensors.keys()].some(name => /\.self_attn\.attn_A\.\d+$/.test(name)))
    return { format: adapterFormats.reference, settings: new Map<string, GivenValue>() }
  throw new UserError({
    what: 'this is no adapter that is known',
    where: path,
    why: 'it has neither the adapter_config.json of PEFT nor tensors of JoLA’s released code',
    hint: 'name the folder of an adapter; a run of `jola train` needs no import',
  })
}

/** An adapter in the files of others, and the model that it belongs to. */
export interface ForeignAdapter {
  /** A folder, or a file of safetensors. */
  readonly path: string
  readonly model: string
  readonly allow?: readonly string[] | undefined
}

const openForeign = async (path: string): Promise<Checkpoint> =>
  openCheckpoint(join(path, adapterFiles.tensors)).catch(() => openCheckpoint(path))

/** Reads LoRA of PEFT, or JoLA of its authors' code, into the folder of an adapter of ours. */
export const importAdapter = async (
  { path, model: directory, allow }: ForeignAdapter,
  { out, force = false }: AdapterTarget,
): Promise<{ readonly program: string; readonly tensors: readonly string[] }> => {
  const checkpoint = await openForeign(path)
  const model = await openModel(directory, { weights: true, tokenizer: true, allow })
  try {
    const { format, settings: said } = await recognise(path, checkpoint)
    const modelProgram = await chosenModelProgram({ model: directory, allow })
    const { program, modules, hash } = loadProgram([format.program], { model: modelProgram })
    const recipe = findRecipe(program, modules[0]!, format.recipe)
    const settings = new Map([...settingsOf(program, recipe, []), ...said])
    const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
    const sizes = modelSizes(recipe.sizes, facts, model, settingEquations(recipe, settings))
    const specs = new Map(inputsOf('', stateType(recipe)).map(s => [s.name, s]))
    const tensors = new Map<string, TensorData>()
    const used = new Set<string>()
    for (const t of format.tensors) {
      if (isLeftOut(t, Object.fromEntries(settings))) continue
      const shape = specs.get(t.state)!.dims.map(d => evaluateSize(d, sizes))
      tensors.set(t.state, { dtype: 'F32', shape, data: await joined(t, shape, checkpoint) })
      for (const index of indicesBelow(shape.slice(0, t.axes))) used.add(nameAt(t.name, index))
    }
    // A checkpoint of JoLA's code holds the whole model besides.
    const unused = [...checkpoint.tensors.keys()].find(name => !used.has(name))
    if (format.name === 'peft' && unused !== undefined)
      throw new UserError({
        what: 'the adapter holds a tensor that nothing computes with',
        where: checkpoint.path,
        why: `it is ${unused}, and std.recipes.lora updates the projections q, k, v, o, gate, up and down`,
        hint: 'merge it by PEFT itself (merge_and_unload), and open the merged model',
      })
    const config = {
      format: 'jola-adapter-1',
      program: format.program,
      ...(typeof modelProgram === 'string' ? { model_program: modelProgram } : {}),
      recipe: recipe.name,
      program_hash: hash,
      base_model: resolve(directory),
      base: await modelIdentityOf(model, facts.constants),
      sizes: Object.fromEntries([...sizes].filter(([name]) => !batchSizes.has(name))),
      tensors: Object.fromEntries([...tensors].map(([name, t]) => [name, t.shape])),
      settings: Object.fromEntries(settings),
      seed: 0,
    }
    await writeNewFolder(out, { replace: force, owns }, async folder => {
      await writeSafetensors(join(folder, adapterFiles.tensors), tensors, { recipe: recipe.name })
      await writeAtomic(join(folder, adapterFiles.config), [`${JSON.stringify(config, undefined, 2)}\n`])
    })
    return { program: format.program, tensors: [...tensors.keys()] }
  } finally {
    await checkpoint.close()
    await model.checkpoint?.close()
  }
}
