import type { KernelDecl } from '../../compiler/artifact.js'
import type { CoreFn, CoreRecipe, Program } from '../../compiler/core/core.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { packInputs } from '../../compiler/pipeline.js'
import { sameSchedule, type Tuning } from '../../compiler/schedule/schedule.js'
import type { StandIn } from '../../compiler/specialise/parameters.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import { type Bindings, specialiseMethod } from '../../compiler/specialise/specialise.js'
import { name as sizeName } from '../../compiler/types/poly.js'
import type { Type } from '../../compiler/types/type.js'
import {
  type Device,
  type DeviceTensor,
  type Executable,
  load,
  rehearse,
  upload,
  zeros,
} from '../../runtime/index.js'
import type { Batch, BatchShape } from '../data/batch.js'
import { UserError } from '../errors.js'
import { bindModel, type Model, modelFacts } from '../model/model.js'
import { declareSize, sizesOf } from '../model/sizes.js'
import { packingOf, tensorKeyOf, uploadWeights } from '../model/weights.js'
import { tuningFor } from '../tune/tune.js'
import { type Remedies, requireFit } from './fit.js'
import { type Method, methods, planMethods } from './plan.js'
import type { StateTensor } from './run-folder.js'
import type { Settings } from './settings.js'

/** Tensors by name, as executables take them. */
export type Tensors = Readonly<Record<string, DeviceTensor>>

/** The parts of the state that `predict` reads, by their names in the state. */
const learnedTensors = (program: Program, recipe: CoreRecipe, bindings: Bindings): readonly string[] => {
  const prefix = `${recipe.methods.get('predict')!.params[0]!.name}.`
  const sizes = new Map([...bindings.sizes, ['T', 1] as const])
  const graph = specialisePredictor(program, { kind: 'recipe', recipe }, { ...bindings, sizes }, 1, 'next')
  return graph.nodes.flatMap(n =>
    n.kind === 'input' && n.name.startsWith(prefix) ? [n.name.slice(prefix.length)] : [],
  )
}

/** The recipe's state as a type at the recipe's own sizes. */
export const stateType = (recipe: CoreRecipe): Type => ({
  kind: 'record',
  record: recipe.state,
  instance: { sizes: new Map(recipe.state.sizes.map(s => [s, sizeName(s)])), types: new Map() },
})

/** A recipe on a device: its methods compiled for one model and one batch shape, its weights and its state resident. */
export interface Session {
  readonly device: Device
  readonly sizes: ReadonlyMap<string, number>
  readonly state: Tensors
  /** The parts of the state that `predict` reads: what training is for. */
  readonly learned: readonly string[]
  readonly metrics: readonly string[]
  readonly weights: Tensors
  /** The schedules that are not the cost model's choice: with them the same methods compile to the same kernels. */
  readonly schedules: Tuning
  /** The bytes that it was held to, if anything held it: with them the same methods compile to the same kernels. */
  readonly memory: number | undefined
  /** Sets the state by `init`. */
  initialise(seed: number): void
  restore(state: ReadonlyMap<string, StateTensor>): void
  /** Submits one optimiser step; metrics are in `metricTensors` once it has run. */
  step(
    batch: Batch,
    at: { readonly step: number; readonly steps: number; readonly epoch: number },
    seed: number,
  ): void
  readonly metricTensors: Tensors
  /** The compiled step and what it reads, for measuring. */
  readonly compiledStep: { readonly executable: Executable; readonly inputs: Tensors }
  /** Submits one validation; the losses by name are in the tensors returned, which are reused by the next call. */
  validate(batch: Batch): Tensors
  close(): void
}

/** The key of a step: (seed, step); `init` is step 0. */
const keyOf = (seed: number, step: number): Uint32Array => Uint32Array.of(seed >>> 0, step >>> 0)

const stripped = (name: string, prefix: string): string => name.slice(prefix.length)

/** How a session is opened. */
export interface SessionOptions {
  /** Kernels that a driver compiles late are rehearsed first, and this is told of them. */
  readonly compiled?: (done: number, total: number) => void
  /** The schedules of an earlier session, instead of those that measuring finds best now. */
  readonly schedules?: Tuning | undefined
  /** What an earlier session was held to, instead of what the device can have now: it is gone on with as it was, or not at all. */
  readonly memory?: number | undefined
  /** How the command can be told another batch or context. */
  readonly remedies?: Pick<Remedies, 'batch' | 'context'>
  /** Ends tuning, not compiling. */
  readonly signal?: AbortSignal
}

const measuredOf = (kernels: readonly KernelDecl[]): Tuning =>
  new Map(
    kernels.flatMap(({ chosen }) =>
      chosen === undefined || sameSchedule(chosen.schedule, chosen.candidates[0]!)
        ? []
        : [[chosen.signature, chosen.schedule] as const],
    ),
  )

/**
 * Compiles a recipe's `init`, `step` and `validate` and puts what they need on the device. Throws a `UserError` when
 * sizes or weights do not fit, and a `DeviceError` when the device is too small.
 */
export const openSession = async (
  device: Device,
  program: Program,
  recipe: CoreRecipe,
  model: Model,
  settings: Settings,
  shape: BatchShape,
  { compiled, schedules, memory: begunWith, remedies, signal }: SessionOptions = {},
): Promise<Session> => {
  const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
  const equations = ({ B, T, A }: BatchShape) => [
    ...facts.equations,
    { size: sizeName('B'), value: B, source: 'the batch' },
    { size: sizeName('T'), value: T, source: 'the length of the examples' },
    { size: sizeName('A'), value: A, source: 'the length of the answers' },
  ]
  const method = (name: string): CoreFn => {
    const fn = recipe.methods.get(name)
    if (fn === undefined)
      throw new UserError({ what: `the recipe ${recipe.name} has no ${name}`, hint: `write ${name}(…) = …` })
    return fn
  }
  const wanted = new Set(['init', 'step', 'validate', 'predict'].flatMap(n => method(n).sizes))
  const sizesFor = (of: BatchShape) =>
    sizesOf([...new Set([...wanted, ...recipe.sizes])], equations(of), declareSize)
  const sizes = sizesFor(shape)
  const bound =
    recipe.params.length > 0
      ? bindModel(recipe.params, sizes, model)
      : { tensors: [], absent: new Map(), unused: [] }
  const positions = ['step', 'validate'].map(name => `${method(name).params[1]!.name}.position`)
  const bindings: Bindings = {
    sizes,
    constants: facts.constants,
    settings,
    absent: new Map<string, StandIn>([
      ...bound.absent,
      ...(shape.everywhere ? positions.map(name => [name, 'last index'] as const) : []),
    ]),
  }

  const packing = packingOf(bound, model)
  const capacity = device.capacityBytes
  const room = capacity === undefined ? undefined : capacity - device.residentBytes
  const memory = begunWith ?? room
  const graphOf = (name: string, of: BatchShape): Graph => {
    const own = of === shape ? bindings : { ...bindings, sizes: sizesFor(of) }
    return packInputs(specialiseMethod(program, recipe, name, own), packing)
  }
  const graphsAt = (of: BatchShape) =>
    Object.fromEntries(methods.map(m => [m, graphOf(m, of)])) as Record<Method, Graph>
  const graphs = graphsAt(shape)
  // The step first: time for tuning is for what runs most.
  const tuning = {
    step: schedules ?? (await tuningFor(device, graphs.step, signal)),
    validate: schedules ?? (await tuningFor(device, graphs.validate, signal)),
    init: schedules ?? (await tuningFor(device, graphs.init, signal)),
  }
  const weightKey = tensorKeyOf(bound, model)
  const standing = (name: string) => (name.startsWith('settings.') ? name : weightKey(name))
  const options = { name: recipe.name, tuning, memory, standing }
  const plan = planMethods(graphs, device.traits, shape, options)
  requireFit(
    recipe.name,
    plan,
    room,
    shape,
    begunWith === undefined ? of => planMethods(graphsAt(of), device.traits, of, options) : undefined,
    {
      ...remedies,
      weights: recipe.params.length > 0 ? '--weights' : undefined,
      memory: device.memory !== undefined && device.memory === capacity ? '--memory' : undefined,
    },
  )
  const { artifacts } = plan
  const [init, step, validate] = [
    await load(device, artifacts.init),
    await load(device, artifacts.step),
    await load(device, artifacts.validate),
  ]
  const kernels = [init, step, validate].flatMap(x => x.artifact.kernels)
  if (compiled !== undefined) await rehearse(device, kernels, compiled)
  const needed = new Set([init, step, validate].flatMap(x => x.artifact.inputs.map(i => i.name)))
  const weights = await uploadWeights(device, model, bound, needed)

  const settingTensors = Object.fromEntries(
    recipe.settings
      .filter(s => needed.has(`settings.${s.name}`))
      .map(s => [
        `settings.${s.name}`,
        upload(device, 'f32', [], Float32Array.of(Number(settings.get(s.name))), s.name),
      ]),
  )
  const [s, batchParam, keyParam, atParam] = method('step').params.map(p => p.name)
  const whole = init.artifact.outputs.find(o => o.dtype !== 'f32')
  if (whole !== undefined)
    throw new UserError({
      what: `the state's \`${whole.name}\` is ${whole.dtype}`,
      why: 'what training changes is saved and resumed as f32',
      hint: 'declare it f32; counts up to 16 million are exact',
    })
  const state: Tensors = Object.fromEntries(
    init.artifact.outputs.map(o => [o.name, zeros(device, o.dtype, o.shape, o.name)]),
  )
  const metricOutputs = step.artifact.outputs.filter(o => o.name.startsWith('1'))
  const metricTensors: Tensors = Object.fromEntries(
    metricOutputs.map(o => [stripped(o.name, '1.') || 'loss', zeros(device, o.dtype, o.shape, o.name)]),
  )
  const into: Tensors = Object.fromEntries([
    ...Object.entries(state).map(([k, t]) => [`0.${k}`, t] as const),
    ...metricOutputs.map(o => [o.name, metricTensors[stripped(o.name, '1.') || 'loss']!] as const),
  ])
  const validated: Tensors = Object.fromEntries(
    validate.artifact.outputs.map(o => [o.name, zeros(device, o.dtype, o.shape, o.name)]),
  )
  const batchTensors = {
    tokens: zeros(device, 'i32', [shape.B, shape.T], 'tokens'),
    position: zeros(device, 'i32', [shape.B, shape.A], 'position'),
    target: zeros(device, 'i32', [shape.B, shape.A], 'target'),
    weight: zeros(device, 'f32', [shape.B, shape.A], 'weight'),
  }
  const key = zeros(device, 'u32', [2], 'key')
  const at = {
    step: zeros(device, 'f32', [], 'at.step'),
    steps: zeros(device, 'f32', [], 'at.steps'),
    epoch: zeros(device, 'f32', [], 'at.epoch'),
  }
  const prefixed = (prefix: string, tensors: Tensors): Tensors =>
    Object.fromEntries(Object.entries(tensors).map(([k, t]) => [`${prefix}.${k}`, t]))
  /** Just what an executable asks for, of all there is. */
  const pick = (x: Executable, all: Tensors): Tensors => {
    const missing = x.artifact.inputs.find(i => all[i.name] === undefined)
    if (missing !== undefined)
      throw new UserError({
        what: `${x.artifact.name} needs \`${missing.name}\`, which nothing brings`,
        hint: 'a recipe is given its model, its settings, its state, a batch, a key and the place in training',
      })
    return Object.fromEntries(x.artifact.inputs.map(i => [i.name, all[i.name]!]))
  }
  const common = { ...weights, ...settingTensors }
  const initInputs = pick(init, { ...common, [method('init').params[0]!.name]: key })
  const stepInputs = pick(step, {
    ...common,
    ...prefixed(s!, state),
    ...prefixed(batchParam!, batchTensors),
    [keyParam!]: key,
    ...prefixed(atParam!, at),
  })
  const [vs, vbatch] = method('validate').params.map(p => p.name)
  const validateInputs = pick(validate, {
    ...common,
    ...prefixed(vs!, state),
    ...prefixed(vbatch!, batchTensors),
  })

  const fill = (batch: Batch): void => {
    batchTensors.tokens.write(batch.tokens)
    batchTensors.position.write(batch.position)
    batchTensors.target.write(batch.target)
    batchTensors.weight.write(batch.weight)
  }
  const scalars = (values: {
    readonly step: number
    readonly steps: number
    readonly epoch: number
  }): void => {
    at.step.write(Float32Array.of(values.step))
    at.steps.write(Float32Array.of(values.steps))
    at.epoch.write(Float32Array.of(values.epoch))
  }
  const own: readonly DeviceTensor[] = [
    ...Object.values({
      ...weights,
      ...settingTensors,
      ...state,
      ...metricTensors,
      ...validated,
      ...batchTensors,
      ...at,
    }),
    key,
  ]

  return {
    device,
    sizes,
    learned: learnedTensors(program, recipe, bindings),
    state,
    metrics: Object.keys(metricTensors),
    weights,
    schedules: measuredOf(kernels),
    memory,
    metricTensors,
    compiledStep: { executable: step, inputs: stepInputs },
    initialise(seed) {
      key.write(keyOf(seed, 0))
      init.run(initInputs, { into: state })
    },
    restore(saved) {
      for (const [k, t] of Object.entries(state)) {
        const found = saved.get(k)
        if (found === undefined || found.shape.join() !== t.shape.join())
          throw new UserError({
            what: 'the saved state does not fit the recipe',
            why:
              found === undefined
                ? `\`${k}\` is missing`
                : `\`${k}\` is [${found.shape.join(', ')}], the recipe has [${t.shape.join(', ')}]`,
            hint: 'resume with the program, settings and model that the run was started with',
          })
        t.write(found.data)
      }
    },
    step(batch, place, seed) {
      fill(batch)
      scalars(place)
      key.write(keyOf(seed, place.step + 1))
      step.run(stepInputs, { into })
    },
    validate(batch) {
      fill(batch)
      validate.run(validateInputs, { into: validated })
      return validated
    },
    close() {
      for (const t of own) t.destroy()
      for (const x of [init, step, validate]) x.destroy()
    },
  }
}
