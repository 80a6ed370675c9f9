import { join } from 'node:path'
import type { CoreParam } from '../../compiler/core/core.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import { name as sizeName } from '../../compiler/types/poly.js'
import { type Device, type DeviceTensor, load, upload } from '../../runtime/index.js'
import { kernelUses } from '../cli/explain-kernels.js'
import { random32 } from '../data/random.js'
import { readConfig } from '../hub/config.js'
import type { JsonObject } from '../json.js'
import { modelFacts } from '../model/model.js'
import { sizesOf } from '../model/sizes.js'
import { plannedPacking, type WeightFormat } from '../model/weights.js'
import { loadProgram, stdlibFolder } from '../program.js'
import { findRecipe } from '../train/recipes.js'
import { stateType } from '../train/session.js'
import { settingsOf } from '../train/settings.js'
import { Ceilings } from './kernels.js'
import { alternately, type Timed } from './measure.js'
import { pairedRatios, type Spread, spreadOf } from './statistics.js'

/** A training step to measure: a model's shape and a batch's. */
export interface StepShape {
  readonly name: string
  /** config.json of the model. */
  readonly config: JsonObject
  readonly B: number
  readonly T: number
  /** Tokens of a sequence that are to be learned, its last. */
  readonly A: number
}

/** A kernel's part of a step. */
export interface KernelShare {
  readonly name: string
  readonly milliseconds: number
  /** Of the time of all kernels. */
  readonly share: number
  readonly dispatches: number
  readonly gflops: number
  readonly gigabytes: number
  readonly schedule: string
  /** Labels and lines of source. */
  readonly origins: readonly string[]
}

export interface StepResult {
  readonly name: string
  readonly milliseconds: Spread
  /** Arithmetic of one step in GFLOP, as the compiler counts it, and its rate. */
  readonly gflop: number
  readonly rate: Spread
  /** The rate by that of the fastest product, in the same rounds; absent where none is known for the device. */
  readonly toCeiling?: Spread
  readonly kernels: number
  readonly dispatches: number
  readonly peakBytes: number
  /** Seconds from the program's files to WGSL, and from WGSL to the end of the first step. */
  readonly compileSeconds: number
  readonly firstRunSeconds: number
  readonly profile?: readonly KernelShare[]
}

export interface StepOptions {
  readonly runs: number
  readonly profile: boolean
  /** What the model's weights are on the device. */
  readonly weights: WeightFormat
  readonly progress?: (line: string) => void
}

/** The model that most figures of others are for: stories15M, 8 sequences of 64 tokens, all to be learned. */
const stories15M: StepShape = {
  name: 'stories15M, 8×64 tokens',
  config: {
    model_type: 'llama',
    hidden_size: 288,
    intermediate_size: 768,
    num_hidden_layers: 6,
    num_attention_heads: 6,
    num_key_value_heads: 6,
    vocab_size: 32000,
    max_position_embeddings: 256,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
  },
  B: 8,
  T: 64,
  A: 64,
}

/** The steps that are measured, with the quickstart's model where its folder is. */
export const stepShapes = async (): Promise<readonly StepShape[]> => {
  const config = await readConfig(join(stdlibFolder, '..', 'examples', 'quickstart', 'model'))
  return [
    stories15M,
    { ...stories15M, name: 'the same, answers of 4 tokens', A: 4 },
    { name: "the quickstart's model, 8×64 tokens", config, B: 8, T: 64, A: 64 },
  ]
}

/** JoLA's training step for a shape: the artifact, and what numbers its settings have. */
const compileStep = (device: Device, shape: StepShape, format: WeightFormat) => {
  const { program, modules } = loadProgram(['std.recipes.jola'])
  const recipe = findRecipe(program, modules[0]!)
  const settings = settingsOf(program, recipe, [])
  const model = {
    directory: shape.name,
    config: shape.config,
    checkpoint: undefined,
    format,
    tokenizer: undefined,
    context: shape.T,
  }
  const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
  const sizes = sizesOf(
    [...new Set([...recipe.sizes, ...recipe.methods.get('step')!.sizes])],
    [
      ...facts.equations,
      { size: sizeName('B'), value: shape.B, source: 'the batch' },
      { size: sizeName('T'), value: shape.T, source: 'the batch' },
      { size: sizeName('A'), value: shape.A, source: 'the batch' },
    ],
  )
  const specs = recipe.params.flatMap((p: CoreParam) => inputsOf(p.name, p.type))
  const absent = new Map(
    specs.flatMap(s => (s.from?.fill === undefined ? [] : [[s.name, s.from.fill] as const])),
  )
  const bindings = { sizes, constants: facts.constants, settings, absent }
  const graph = packInputs(specialiseMethod(program, recipe, 'step', bindings), plannedPacking(specs, format))
  return { artifact: lower(graph, device.traits, { name: shape.name }), settings, V: sizes.get('V')! }
}

/** Values under which a step runs without trouble: small weights, any tokens, a first step's state. */
const valuesFor = (
  name: string,
  length: number,
  { T, A }: StepShape,
  V: number,
  settings: ReadonlyMap<string, unknown>,
): ((i: number) => number) => {
  const [head, field] = [name.slice(0, name.indexOf('.')), name.slice(name.lastIndexOf('.') + 1)]
  const uniform = (i: number): number => random32(3, length, i) / 2 ** 31 - 1
  if (head === 'settings') return () => Number(settings.get(field))
  if (name.endsWith('norm')) return () => 1
  if (name.includes('moments')) return () => 0
  if (field === 'weight') return () => 1
  if (field === 'position') return i => T - A + (i % A)
  if (field === 'tokens' || field === 'target') return i => random32(4, length, i) % V
  if (field === 'step' || field === 'epoch') return () => 1
  if (field === 'steps') return () => 500
  if (field.endsWith('gate')) return () => 2
  return i => 0.05 * uniform(i)
}

/** Compiles a training step, runs it once, and times it in turn with the fastest product that is known. */
export const measureStep = async (
  device: Device,
  ceilings: Ceilings,
  shape: StepShape,
  { runs, profile, weights }: StepOptions,
): Promise<StepResult> => {
  const started = performance.now()
  const { artifact, settings, V } = compileStep(device, shape, weights)
  const compiled = performance.now()
  const inputs: Record<string, DeviceTensor> = {}
  for (const { name, dtype, shape: dims, packing } of artifact.inputs) {
    const length = dims.reduce((a, b) => a * b, 1)
    const value = valuesFor(name, length, shape, V, settings)
    const array = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array }[dtype]
    inputs[name] = upload(
      device,
      dtype,
      dims,
      new array(length).map((_, i) => value(i)),
      name,
      packing,
    )
  }
  await device.idle()
  const loading = performance.now()
  const executable = await load(device, artifact)
  let outputs = executable.run(inputs)
  await device.idle()
  const firstRunSeconds = (performance.now() - loading) / 1000
  const timed: Pick<Timed, 'time'> = {
    time: async () => {
      const start = performance.now()
      outputs = executable.run(inputs, { into: outputs })
      await device.idle()
      return performance.now() - start
    },
  }
  try {
    await timed.time()
    const ceiling = await ceilings.of('arithmetic')
    const [times, top] = await alternately(ceiling ? [timed, ceiling.timed] : [timed], runs)
    const uses = kernelUses(artifact)
    const total = (of: (k: (typeof uses)[number]) => number): number =>
      uses.reduce((n, k) => n + of(k) * k.dispatches, 0)
    const gflop = total(k => k.flops) / 1e9
    const measured = profile ? await executable.profile(inputs) : []
    const all = measured.reduce((n, k) => n + k.nanoseconds, 0)
    const shares = measured
      .map((k): KernelShare => {
        const decl = artifact.kernels[k.kernel]!
        return {
          name: k.name,
          milliseconds: k.nanoseconds / 1e6,
          share: k.nanoseconds / all,
          dispatches: k.dispatches,
          gflops: (decl.flops * k.dispatches) / k.nanoseconds,
          gigabytes: (decl.bytes * k.dispatches) / k.nanoseconds,
          schedule: decl.schedule,
          origins: decl.origins,
        }
      })
      .sort((a, b) => b.milliseconds - a.milliseconds)
    return {
      name: ['auto', 'f32'].includes(weights) ? shape.name : `${shape.name}, weights as ${weights}`,
      milliseconds: spreadOf(times!),
      gflop,
      rate: spreadOf(times!.map(ms => (1000 * gflop) / ms)),
      ...(ceiling && top
        ? {
            toCeiling: pairedRatios(
              times!.map(ms => gflop / ms),
              top.map(ms => ceiling.work / ms),
            ),
          }
        : {}),
      kernels: artifact.kernels.length,
      dispatches: total(() => 1),
      peakBytes: artifact.peakBytes,
      compileSeconds: (compiled - started) / 1000,
      firstRunSeconds,
      ...(profile ? { profile: shares } : {}),
    }
  } finally {
    executable.destroy()
    for (const t of [...Object.values(inputs), ...Object.values(outputs)]) t.destroy()
  }
}

/** All steps in turn. */
export const measureSteps = async (
  device: Device,
  shapes: readonly StepShape[],
  options: StepOptions,
): Promise<readonly StepResult[]> => {
  const ceilings = new Ceilings(device)
  try {
    const out: StepResult[] = []
    for (const [i, shape] of shapes.entries()) {
      options.progress?.(`${i + 1}/${shapes.length}  ${shape.name}`)
      out.push(await measureStep(device, ceilings, shape, options))
    }
    return out
  } finally {
    await ceilings.close()
  }
}
