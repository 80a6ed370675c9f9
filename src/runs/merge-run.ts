import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from '../../compiler/core/core.js'
import { inputsBehind } from '../../compiler/ir/affine-in.js'
import { sortGraph } from '../../compiler/ir/graph.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { DEFAULT_MODEL } from '../../compiler/names/modules.js'
import { simplified } from '../../compiler/pipeline.js'
import { isSites } from '../../compiler/specialise/edits.js'
import { describeEdits, specialiseMerge } from '../../compiler/specialise/merge.js'
import type { Device, HostInput } from '../../runtime/index.js'
import { random32 } from '../data/random.js'
import { deviceEngine, type HostTensor } from '../engine/engine.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { checkNewFolder, writeNewFolder } from '../files/new-folder.js'
import { loadProgram } from '../folders/load-program.js'
import { besideWeights, copyModelFiles } from '../folders/model-files.js'
import { openModel } from '../folders/open-model.js'
import type { JsonObject } from '../json/json-values.js'
import type { BoundParam } from '../model/bind.js'
import { findHome, type Home, type HomeSource, homeless } from '../model/homes.js'
import { bindModel, type Model, type ModelFacts, modelFacts } from '../model/model.js'
import { readBound } from '../model/weights.js'
import { parseAdapters } from '../predict/adapter-sum.js'
import { adaptersIn } from '../predict/edit-slots.js'
import { logitsFunction, modelSizes } from '../predict/open-predictor.js'
import { slotValues } from '../predict/slot-tensors.js'
import { type AdapterSet, openAdapterSet } from './adapter-set.js'
import { noHome, requireMergeable } from './merge-refusals.js'
import { type MergedType, writeMerged } from './merged-tensors.js'
import {
  editSlotsOf,
  openAdapters,
  openModelOf,
  type PlannedSlots,
  setDiffers,
  slotsOf,
  typesOf,
} from './open-adapters.js'
import { openBase } from './open-run.js'
import { adapterFiles, isAdapted, RunFolder } from './run-folder.js'

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

/** What was written. */
export interface MergeResult {
  /** The fields of the model's record whose tensors changed. */
  readonly changed: readonly string[]
  /** Entries of the configuration that changed, with their new values. */
  readonly entries: Readonly<Record<string, unknown>>
  /** Biases that were left out, by field. */
  readonly leftOut: readonly string[]
  /**
   * The largest difference of a logit between the edited model and the folder that was written, on random
   * texts, and the largest logit.
   */
  readonly difference: number
  readonly largest: number
  readonly forced: readonly string[]
}

const owns = /^(model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json|config\.json)$/

/** A model with its program, as both ends of a merge need it. */
interface Subject {
  readonly set: AdapterSet
  readonly planned: PlannedSlots
  readonly model: Model
  readonly facts: ModelFacts
  readonly bound: BoundParam
  readonly home: HomeSource
}

const mergeFunction = (program: Program, module: string) => {
  const id = program.modules.get(module)?.fns.get('merge')
  const fn = id === undefined ? undefined : program.fns.get(id)
  if (fn?.params.some(p => isSites(p.type)) === true) return fn
  throw new UserError({
    what: `the model's module ${module} does not say how edits become weights`,
    why: 'it has no function `merge(w: Model, sites: Sites) -> Model`',
    hint: 'use the run as it is, or write that function as std.models.llama has it',
  })
}

/** The outputs that the edits change; the others are the model's own tensors. */
const changedOutputs = (graph: Graph): Graph =>
  sortGraph({
    ...graph,
    outputs: graph.outputs.filter(o =>
      [...inputsBehind(graph, o.node)].some(n => /^(edits|strength)\./.test(n)),
    ),
  })

/** Computes the changed tensors, by the fields of the model's record. */
const computeChanged = async (
  device: Device,
  graph: Graph,
  subject: Subject,
  values: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, HostTensor>> => {
  const { bound, model, planned } = subject
  const inputs = new Map<string, HostInput>()
  for (const node of graph.nodes) {
    if (node.kind !== 'input') continue
    const own = bound.tensors.find(t => t.spec.name === node.name)
    const number = values.get(node.name)
    const data =
      own !== undefined
        ? await readBound(model.checkpoint!, own, model)
        : number !== undefined
          ? Float32Array.of(number)
          : (await slotValues(node.name, planned.adapters))!.data
    inputs.set(node.name, { dtype: 'f32', shape: node.shape, data })
  }
  return graph.outputs.length === 0 ? new Map() : deviceEngine(device).run(graph, inputs, { name: 'merge' })
}

const openSubject = async (
  set: AdapterSet,
  { adapters, model: moved, allow }: MergeRequest,
): Promise<Subject> => {
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

/** The changed tensors that are not, number by number, what they were. */
const reallyChanged = async (
  { bound, model, home }: Subject,
  computed: ReadonlyMap<string, HostTensor>,
): Promise<ReadonlyMap<string, ArrayLike<number>>> => {
  const out = new Map<string, ArrayLike<number>>()
  for (const [name, { data }] of computed) {
    const field = `${home.param.name}.${name}`
    const own = bound.tensors.find(t => t.spec.name === field)
    const fill = bound.absent.get(field) ?? 0
    const before = own === undefined ? undefined : await readBound(model.checkpoint!, own, model)
    if (
      Array.prototype.some.call(
        data,
        (x: number, i: number) => x !== (before === undefined ? fill : before[i]),
      )
    )
      out.set(field, data)
  }
  return out
}

/** The configuration that the changed tensors have names in, and those that are left out for want of one. */
const homeOf = (
  { home, facts, bound }: Subject,
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

/** Random texts of several lengths. */
const texts = (vocabulary: number, context: number): readonly (readonly number[])[] =>
  [1, 5, 12, 24].map((length, row) =>
    Array.from({ length: Math.min(length, context) }, (_, i) => random32(9, row, i) % vocabulary),
  )

/** How far the logits of the written folder are from those of the edited model. */
const compare = async (device: Device, subject: Subject, folder: string, request: MergeRequest) => {
  const { set, model } = subject
  const edited = await openAdapters(device, [request.adapters], {
    model: model.directory,
    allow: request.allow,
    force: true,
  })
  const merged = await openBase(device, folder, set.modelModule, { allow: request.allow }).catch(
    async (error: unknown) => {
      await edited.close()
      throw error
    },
  )
  try {
    const { vocab_size: vocabulary } = model.config
    const rows = texts(Number(vocabulary ?? model.tokenizer!.size), model.context)
    const [a, b] = [await edited.sequence.next(rows), await merged.sequence.next(rows)]
    const numbers = a.flatMap((row, r) => Array.from(row, (x, i) => [x, b[r]![i]!] as const))
    return {
      difference: numbers.reduce((most, [x, y]) => Math.max(most, Math.abs(x - y)), 0),
      largest: numbers.reduce((most, [x]) => Math.max(most, Math.abs(x)), 0),
    }
  } finally {
    await edited.close()
    await merged.close()
  }
}

/** The largest difference of a logit, of the largest logit, that rounding explains. */
const tolerance = 1e-4

const requireEqual = (
  { difference, largest }: Pick<MergeResult, 'difference' | 'largest'>,
  where: string,
): void => {
  if (difference <= tolerance * Math.max(1, largest)) return
  throw new UserError({
    what: 'the merged model does not compute what the edited model does',
    where,
    why: `on random texts a logit differs by ${difference}, and the largest is ${largest}`,
    hint:
      'nothing was written; the family has no tensor for something that the edits add, such as a bias, or ' +
      'the `merge` of its module does not fit its `logits`',
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
  await writeAtomic(join(folder, 'config.json'), [`${JSON.stringify(config, undefined, 2)}\n`])
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
    const subject = await openSubject(set, request)
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
  subject: Subject,
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
  let compared = { difference: 0, largest: 0 }
  await writeNewFolder(request.out, options, async folder => {
    const { param, sizes } = home
    await writeMerged(folder, { param, model, sizes, bound, changed, holds: found.facts.holds }, type)
    await writeRest(folder, model.directory, configOf(found.config, type))
    compared = await compare(device, subject, folder, request)
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
