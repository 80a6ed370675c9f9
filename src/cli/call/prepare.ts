import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { CoreFn, Program } from '../../../compiler/core/core.js'
import { evaluateSize } from '../../../compiler/core/size.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { type InputSpec, inputsOf } from '../../../compiler/specialise/parameters.js'
import { pulledBack } from '../../../compiler/specialise/pulled-back.js'
import type { Bindings } from '../../../compiler/specialise/specialise.js'
import { isBlockPacking } from '../../../runtime/index.js'
import type { HostTensor } from '../../engine/engine.js'
import { UserError } from '../../errors/user-error.js'
import { fileError } from '../../files/file-error.js'
import { loadProgram } from '../../folders/load-program.js'
import { chosenModelProgram } from '../../folders/model-program.js'
import { openCheckpoint } from '../../folders/open-checkpoint.js'
import { openModel } from '../../folders/open-model.js'
import type { BoundTensor } from '../../model/bind.js'
import { namesFamilies } from '../../model/door.js'
import { bindModel, type Model, modelFacts } from '../../model/model.js'
import { shapeEquations } from '../../model/sizes.js'
import type { WeightFormat } from '../../model/weight-format.js'
import { type PackingOf, packingOf, plannedPacking, readBound } from '../../model/weights.js'
import type { Checkpoint } from '../../safetensors/checkpoint.js'
import { count } from '../shared.js'
import { findFunction, someOf, withDefaults } from './find.js'
import { fileProblems, type Sorted, sortParams } from './inputs.js'
import { inventTensor } from './invent.js'
import { givenSizes, ownSizes, solvedSizes } from './sizes.js'
import { checkRange, readTensor, showSpec } from './tensors.js'

/** A function and the sources of its values, from the command line. */
export interface CallOptions {
  readonly file: string
  readonly fn: string
  readonly in?: string | undefined
  readonly model?: string | undefined
  /** The program that `std.model` stands for; by default that of the model's family. */
  readonly program?: string | undefined
  readonly weights?: WeightFormat | undefined
  /** Refused entries and tensors of the model that the user allows. */
  readonly allow?: readonly string[] | undefined
  readonly seed?: number | undefined
  readonly size?: ReadonlyMap<string, number> | undefined
  /** The parameter to differentiate with respect to, if any. */
  readonly wrt?: string | undefined
  /**
   * `read`: everything must be given. `invent`: missing inputs get random numbers, and unknown sizes get
   * small values. `none`: only shapes are needed; with `chooseSizes` unknown sizes get small values.
   */
  readonly inputs: 'read' | 'invent' | 'none'
  readonly chooseSizes?: boolean
}

/** A call that is ready to be specialised and evaluated. Close it when done. */
export interface Call {
  readonly program: Program
  readonly fn: CoreFn
  readonly bindings: Bindings
  /** Unknown sizes, with the values chosen for them. */
  readonly chosen: ReadonlyMap<string, number>
  /** Missing inputs, which get random numbers. */
  readonly invented: readonly string[]
  /** Missing inputs that must be given by name; empty for `read`. */
  readonly missing: readonly InputSpec[]
  /** How the model's weights are packed on the device, by input. */
  readonly packing: PackingOf
  /** Values for the inputs of a graph of this function. Throws a `UserError` for indices out of range. */
  values(graph: Graph): Promise<ReadonlyMap<string, HostTensor>>
  close(): Promise<void>
}

const hasWeights = (directory: string): boolean =>
  ['model.safetensors', 'model.safetensors.index.json'].some(f => existsSync(join(directory, f)))

const specsOf = (sorted: Sorted, part: 'bound' | 'keys' | 'given'): readonly InputSpec[] =>
  sorted[part].flatMap(p => inputsOf(p.name, p.type))

/** Numbers can't be packed into the blocks of a GGUF file, so a call stores them as f32. */
const withoutBlocks =
  (packing: PackingOf): PackingOf =>
  name => {
    const found = packing(name)
    return isBlockPacking(found) ? undefined : found
  }

/** The obstacles to a call. */
interface Misfit {
  readonly problems: readonly string[]
  readonly missing: readonly InputSpec[]
  /** Unknown sizes. */
  readonly unknown: readonly string[]
}

const misfitError = (
  name: string,
  options: CallOptions,
  { problems, missing, unknown }: Misfit,
): UserError => {
  const all = [
    ...missing.map(s => `\`${s.name}\` is missing: ${showSpec(s)}`),
    ...problems,
    ...unknown.map(n => `nothing tells the size ${n}`),
  ]
  const hint =
    missing.length > 0 && options.in === undefined
      ? 'give tensors by --in X.safetensors, weights by --model DIR'
      : unknown.length > 0 && missing.length === 0
        ? `give ${unknown.map(n => `--size ${n}=…`).join(' ')}` +
          (options.model === undefined ? ', or a model by --model' : '')
        : 'tensors are matched by name: a parameter `x` is the tensor `x`, its field `scale` is `x.scale`'
  return new UserError({
    what: `the inputs do not fit \`${name}\``,
    ...(options.in === undefined ? {} : { where: options.in }),
    why: `${count(all.length, 'problem')}:\n  - ${all.join('\n  - ')}`,
    hint,
  })
}

/** The facts of a model that a call needs. If only shapes are needed, config.json is enough. */
const openFor = async (options: CallOptions): Promise<Model | undefined> =>
  options.model === undefined
    ? undefined
    : openModel(options.model, {
        weights: options.inputs !== 'none' || hasWeights(options.model),
        tokenizer: false,
        format: options.weights,
        allow: options.allow,
      })

const openInputs = async (path: string): Promise<Checkpoint> => {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError('open the inputs file', path, error)
  })
  if (found.isFile() || hasWeights(path)) return openCheckpoint(path)
  throw new UserError({
    what: 'the inputs are no file',
    where: path,
    hint: 'name a .safetensors file by --in; the folder of a model goes to --model',
  })
}

/**
 * Reads the program, opens model and inputs, solves for the sizes and matches every parameter with its
 * source. Throws a `ProgramError`, or a `UserError` that lists at once all that is missing, unexpected, or of
 * another type or shape.
 */
export const prepareCall = async (options: CallOptions): Promise<Call> => {
  const loaded = loadProgram([options.file], { model: await chosenModelProgram(options) })
  const found = findFunction(loaded, options.file, options.fn)
  const declared = options.wrt === undefined ? found : pulledBack(found)
  const opened: Checkpoint[] = []
  const close = async (): Promise<void> => {
    for (const checkpoint of opened) await checkpoint.close()
  }
  try {
    const model = await openFor(options)
    if (model?.checkpoint !== undefined) opened.push(model.checkpoint)
    const file = options.in === undefined ? undefined : await openInputs(options.in)
    if (file !== undefined) opened.push(file)
    return { ...matchInputs(loaded.program, declared, options, { model, file }), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The parameters of a function with their sources: an open model, and an open file of inputs. */
const matchInputs = (
  program: Program,
  declared: CoreFn,
  options: CallOptions,
  { model, file }: { readonly model: Model | undefined; readonly file: Checkpoint | undefined },
): Omit<Call, 'close'> => {
  const sorted = sortParams(declared.params, file, model !== undefined)
  const fn = withDefaults(declared, sorted.settled)
  const { missing: absentees, problems } = fileProblems(sorted, file)
  // The program's constants replace optional tensors of a checkpoint that were not given.
  const optional = absentees.filter(s => s.from?.fill !== undefined && options.inputs !== 'none')
  const missing = absentees.filter(s => !optional.includes(s))

  const facts =
    model === undefined
      ? undefined
      : modelFacts(
          program,
          declared.params.map(p => p.type),
          model,
          { partial: true },
        )
  const shapes = new Map([...(file?.tensors ?? [])].map(([n, t]) => [n, t.shape]))
  const { sizes, chosen, conflicts, unknown } = solvedSizes(
    fn,
    [
      ...givenSizes(program, fn, options.size ?? new Map()),
      ...(facts?.equations ?? []),
      ...(model === undefined ? [] : ownSizes(program, fn, model)),
      ...shapeEquations(sorted.given, shapes),
    ],
    options.inputs === 'invent' || options.chooseSizes === true,
  )
  const refused = [...problems, ...conflicts]
  const lacking = options.inputs === 'read' ? missing : []
  if (refused.length > 0 || lacking.length > 0 || unknown.length > 0)
    throw misfitError(fn.name, options, {
      problems: refused,
      missing: lacking,
      unknown: refused.length + lacking.length > 0 ? [] : unknown,
    })

  const bound =
    sorted.bound.length === 0 || model?.checkpoint === undefined || facts === undefined
      ? undefined
      : bindModel(sorted.bound, sizes, model, { holds: facts.holds, partial: !namesFamilies(program) })
  const fills = new Map([...(bound?.absent ?? []), ...optional.map(s => [s.name, s.from!.fill!] as const)])
  const wrtInputs = new Set(
    fn.params.filter(p => p.name === options.wrt).flatMap(p => inputsOf(p.name, p.type).map(s => s.name)),
  )
  // The parameter to differentiate with respect to must be an input, even if it is all zeros.
  const absent = new Map([...fills].filter(([name]) => !wrtInputs.has(name)))

  const sources = new Map<string, () => HostTensor | Promise<HostTensor>>()
  const shapeOf = (s: InputSpec): readonly number[] => s.dims.map(d => evaluateSize(d, sizes))
  const boundOf = (s: InputSpec): number | undefined =>
    s.bound === undefined ? undefined : evaluateSize(s.bound, sizes)
  const constant = (s: InputSpec, value: number): HostTensor => ({
    dtype: s.dtype,
    shape: shapeOf(s),
    data: new Float32Array(shapeOf(s).reduce((a, b) => a * b, 1)).fill(value),
  })
  for (const t of bound?.tensors ?? []) sources.set(t.spec.name, () => fromModel(model!, t))
  for (const s of [...specsOf(sorted, 'bound'), ...optional]) {
    const fill = fills.get(s.name)
    if (fill !== undefined) sources.set(s.name, () => constant(s, fill))
  }
  specsOf(sorted, 'keys').forEach((s, i) => {
    sources.set(s.name, () => ({ dtype: 'u32', shape: [2], data: Uint32Array.of(options.seed ?? 0, i) }))
  })
  for (const s of specsOf(sorted, 'given')) {
    if (file?.tensors.has(s.name)) sources.set(s.name, () => fromFile(file, s, boundOf(s)))
    else if (missing.some(m => m.name === s.name))
      sources.set(s.name, () =>
        inventTensor({
          spec: s,
          shape: shapeOf(s),
          bound: boundOf(s),
          spread: wrtInputs.has(s.name),
          seed: options.seed ?? 0,
        }),
      )
  }
  return {
    program,
    fn,
    bindings: { sizes, absent, ...(facts === undefined ? {} : { constants: facts.constants }) },
    packing:
      bound === undefined
        ? plannedPacking(specsOf(sorted, 'bound'), options.weights ?? 'auto')
        : withoutBlocks(packingOf(bound, model!)),
    chosen,
    invented: options.inputs === 'invent' ? missing.map(s => s.name) : [],
    missing: options.inputs === 'read' ? [] : missing,
    values: async graph => {
      const out = new Map<string, HostTensor>()
      for (const node of graph.nodes)
        if (node.kind === 'input') out.set(node.name, await sources.get(node.name)!())
      return out
    },
  }
}

const fromModel = async (model: Model, t: BoundTensor): Promise<HostTensor> => ({
  dtype: 'f32',
  shape: t.shape,
  data: await readBound(model.checkpoint!, t, model),
})

const fromFile = async (
  file: Checkpoint,
  spec: InputSpec,
  bound: number | undefined,
): Promise<HostTensor> => {
  const t = await readTensor(file, spec)
  if (bound !== undefined) checkRange(spec, bound, t, file.path)
  return t
}

/** Remarks about the invented inputs and sizes of a call. */
export const remarksOf = (call: Call): readonly string[] => [
  ...(call.chosen.size > 0
    ? [`sizes chosen: ${[...call.chosen].map(([n, v]) => `${n}=${v}`).join(' ')} (set them by --size)`]
    : []),
  ...(call.invented.length > 0
    ? [`random values for ${someOf(call.invented)} (give them by --in, vary them by --seed)`]
    : []),
]
