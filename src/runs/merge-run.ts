import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_MODEL } from '../../compiler/names/modules.js'
import { simplified } from '../../compiler/pipeline.js'
import { describeEdits, specialiseMerge } from '../../compiler/specialise/merge.js'
import type { Device } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { checkNewFolder, writeNewFolder } from '../files/new-folder.js'
import { readTextFile } from '../files/text-file.js'
import { loadProgram } from '../folders/load-program.js'
import { besideWeights, copyModelFiles } from '../folders/model-files.js'
import { openModel } from '../folders/open-model.js'
import { jsonLike } from '../json/json-like.js'
import type { JsonObject } from '../json/json-values.js'
import { findHome, type Home, homeless } from '../model/homes.js'
import { bindModel, type Model, modelFacts } from '../model/model.js'
import { parseAdapters } from '../predict/adapter-sum.js'
import { adaptersIn } from '../predict/edit-slots.js'
import { logitsFunction, modelSizes } from '../predict/open-predictor.js'
import { openAdapterSet } from './adapter-set.js'
import { changedOutputs, computeChanged, reallyChanged } from './merge-changes.js'
import { compareMerged, type MergeCheck, requireEqual } from './merge-check.js'
import { noHome, requireMergeable } from './merge-refusals.js'
import { type MergeRequest, type MergeSubject, mergeFunction, openMergeSubject } from './merge-subject.js'
import { type MergedType, writeMerged } from './merged-tensors.js'
import { editSlotsOf, setDiffers } from './open-adapters.js'
import { adapterFiles, isAdapted, RunFolder } from './run-folder.js'

/** What was written. */
export interface MergeResult extends MergeCheck {
  /** The fields of the model's record whose tensors changed. */
  readonly changed: readonly string[]
  /** Entries of the configuration that changed, with their new values. */
  readonly entries: Readonly<Record<string, unknown>>
  /** Biases that were left out, by field. */
  readonly leftOut: readonly string[]
  readonly forced: readonly string[]
}

const owns = /^(model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json|config\.json)$/

/** The configuration that the changed tensors have names in, and those that are left out for want of one. */
const homeOf = (
  { home, facts, bound }: MergeSubject,
  changed: ReadonlyMap<string, ArrayLike<number>>,
  { withoutBiases = false }: MergeRequest,
): { readonly found: Home; readonly leftOut: readonly string[] } => {
  const names = new Map(bound.tensors.map(t => [t.spec.name, t.names.join()]))
  const same = (spec: { readonly name: string }): string =>
    changed.has(spec.name) ? spec.name : (names.get(spec.name) ?? spec.name)
  const needs = (spec: { readonly name: string }): boolean => changed.has(spec.name) || names.has(spec.name)
  const found = findHome(home, needs, same)
  if (found !== undefined) return { found, leftOut: [] }
  const lost = homeless(home, facts, needs).map(s => s.name)
  const rest = findHome(home, s => needs(s) && !lost.includes(s.name), same)
  const fields = lost.map(name => name.slice(home.param.name.length + 1))
  if (!withoutBiases || rest === undefined)
    throw noHome(fields, home.model.config.model_type, home.model.directory)
  return { found: rest, leftOut: fields }
}

const dtypeNames: Readonly<Record<MergedType, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' }

const configOf = (config: JsonObject, type: MergedType): JsonObject => {
  const name = dtypeNames[type]
  return { ...config, torch_dtype: name, ...('dtype' in config ? { dtype: name } : {}) }
}

/** Refuses models whose configuration transformers can't read. */
const requireForeignConfig = ({ config, directory }: Model): void => {
  const scaling = config.rope_scaling as JsonObject | undefined | null
  if (scaling?.rope_type !== 'divided') return
  throw new UserError({
    what: 'the model cannot be written as a folder for transformers',
    where: directory,
    why: 'its GGUF file divides the frequencies of the rotations one by one, which no config.json says',
    hint: 'merge into the model as its authors publish it: name that folder by --model',
  })
}

/** The folder of the one run of a sum, if it trained a whole model and no adapter. */
const wholeModel = (adapters: string): string | undefined => {
  const [only, ...more] = parseAdapters(adapters)
  const path = only!.adapter
  const isWhole = existsSync(join(path, adapterFiles.model, 'config.json')) && !isAdapted(path)
  return more.length === 0 && only!.strength === 1 && isWhole ? path : undefined
}

/** Writes what a run trained of a whole model, in another number type if asked. */
const mergeWhole = async (path: string, request: MergeRequest): Promise<MergeResult> => {
  const directory = join(path, adapterFiles.model)
  const run = await new RunFolder(path).description()
  const { program, modules } = loadProgram([run.modelProgram ?? DEFAULT_MODEL])
  const { fn, param } = logitsFunction(program, modules[0]!)
  const model = await openModel(directory, {
    weights: true,
    tokenizer: true,
    format: 'f32',
    allow: request.allow,
  })
  try {
    const facts = modelFacts(program, [param.type], model)
    const sizes = modelSizes(fn.sizes, facts, model)
    const bound = bindModel([param], sizes, model, facts)
    const type = request.dtype ?? 'f32'
    await writeNewFolder(request.out, { replace: request.force === true, owns }, async folder => {
      await writeMerged(folder, { param, model, sizes, bound, changed: new Map(), holds: facts.holds }, type)
      await writeRest(folder, directory, configOf(model.config, type))
    })
    return { changed: [], entries: {}, leftOut: [], difference: 0, largest: 0, forced: [] }
  } finally {
    await model.checkpoint?.close()
  }
}

const writeRest = async (folder: string, model: string, config: JsonObject): Promise<void> => {
  await copyModelFiles(model, folder, besideWeights)
  const own = join(model, 'config.json')
  const text = existsSync(own) ? await readTextFile(own) : '{}'
  await writeAtomic(join(folder, 'config.json'), [`${jsonLike(config, text)}\n`])
}

/**
 * Writes a model with the edits of a run in its weights, as a folder that transformers loads, with the
 * tokenizer and the configuration of the base model. The folder is opened again and compared with the edited
 * model. Rejects with a `UserError` where edits can't become weights, and then writes nothing.
 */
export const mergeRun = async (device: Device, request: MergeRequest): Promise<MergeResult> => {
  const options = { replace: request.force === true, owns }
  await checkNewFolder(request.out, options)
  const whole = wholeModel(request.adapters)
  if (whole !== undefined) return mergeWhole(whole, request)
  const set = await openAdapterSet(adaptersIn([request.adapters]), request.allow)
  try {
    const subject = await openMergeSubject(set, request)
    try {
      return await mergeOpened(device, subject, request, options)
    } finally {
      await subject.model.checkpoint?.close()
    }
  } finally {
    await set.close()
  }
}

const mergeOpened = async (
  device: Device,
  subject: MergeSubject,
  request: MergeRequest,
  options: { readonly replace: boolean; readonly owns: RegExp },
): Promise<MergeResult> => {
  const { set, planned, model, facts, bound, home } = subject
  requireForeignConfig(model)
  const forced = await setDiffers(set, model, facts, request.force)
  const fn = mergeFunction(set.program, set.modelModule)
  const slots = editSlotsOf(planned, facts, model, set.program)
  const bindings = { sizes: home.sizes, constants: facts.constants, absent: bound.absent }
  const edited = { program: set.program, fn, model: home.param, slots, bindings }
  const { graph, called } = specialiseMerge(edited)
  requireMergeable(describeEdits(edited), called, request.adapters)
  const values = planned.valuesOf({ adapter: request.adapters })
  const computed = await computeChanged(device, changedOutputs(simplified(graph)), subject, values)
  const all = await reallyChanged(subject, computed)
  const { found, leftOut } = homeOf(subject, all, request)
  const changed = new Map(
    [...all].filter(([name]) => !leftOut.includes(name.slice(home.param.name.length + 1))),
  )
  const type = request.dtype ?? 'f32'
  const entries = Object.fromEntries(found.changed.map(name => [name, found.config[name] ?? null]))
  let compared: MergeCheck = { difference: 0, largest: 0 }
  await writeNewFolder(request.out, options, async folder => {
    const { param, sizes } = home
    await writeMerged(folder, { param, model, sizes, bound, changed, holds: found.facts.holds }, type)
    await writeRest(folder, model.directory, configOf(found.config, type))
    compared = await compareMerged(device, subject, folder, request)
    if (type === 'f32' && leftOut.length === 0) requireEqual(compared, request.out)
  })
  return {
    changed: [...changed.keys()].map(n => n.slice(home.param.name.length + 1)),
    entries,
    leftOut,
    forced,
    ...compared,
  }
}
