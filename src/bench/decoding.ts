import { bytesOf } from '../../compiler/ir/packing.js'
import { type Device, type DeviceTensor, elementsOf } from '../../runtime/index.js'
import { batchSizes } from '../data/batch.js'
import { random32 } from '../data/random.js'
import { loadProgram } from '../folders/load-program.js'
import type { JsonObject } from '../json/json-values.js'
import { pairedRatios, type Spread, spreadOf } from '../measure/statistics.js'
import { bindModel, type Model, modelFacts } from '../model/model.js'
import { sizesOf } from '../model/sizes.js'
import type { WeightFormat } from '../model/weight-format.js'
import { packingOf, uploadWeights } from '../model/weights.js'
import { capacityFor, Decoder } from '../predict/decoder.js'
import type { PredictorSource } from '../predict/predictor-source.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import { tuningFor } from '../tune/tune.js'
import type { Ceilings } from './ceilings.js'
import { llamaConfig, randomCheckpoint, stories15M } from './random-model.js'

/** A Llama-shaped model with random weights, as `jola generate` runs one. */
export interface RandomPredictor {
  readonly source: PredictorSource
  readonly checkpoint: Checkpoint
  /** Bytes of its weights. Each token reads all of them, since the embedding is the output matrix too. */
  readonly weightBytes: number
  /** Uploads all weights. */
  bring(): Promise<void>
  close(): void
}

/** Opens a model of this configuration, its weights on the device in a format: in f32 for `auto`. */
export const openRandomPredictor = (
  device: Device,
  config: JsonObject,
  format: WeightFormat = 'auto',
): RandomPredictor => {
  const { program } = loadProgram(['std.models.llama'])
  const fn = program.fns.get('std.models.llama.logits')!
  const params = fn.params.filter(p => p.type.kind === 'record')
  const bare: Model = {
    directory: 'the configuration',
    config,
    checkpoint: undefined,
    format,
    tokenizer: undefined,
    context: Number(config.max_position_embeddings),
  }
  const types = params.map(p => p.type)
  const facts = modelFacts(program, types, bare)
  const sizes = sizesOf(
    fn.sizes.filter(s => !batchSizes.has(s)),
    facts.equations,
  )
  const checkpoint = randomCheckpoint(params, sizes, facts.holds)
  const model = { ...bare, checkpoint }
  const bound = bindModel(params, sizes, model, facts)
  const packing = packingOf(bound, model)
  const weights = new Map<string, DeviceTensor>()
  const read = new Map(bound.tensors.map(t => [t.names.join(), t]))
  const bring = async (names: readonly string[]): Promise<Record<string, DeviceTensor>> => {
    const missing = new Set(names.filter(n => !weights.has(n)))
    const brought = await uploadWeights(device, model, bound, missing)
    for (const [name, tensor] of Object.entries(brought)) weights.set(name, tensor)
    return Object.fromEntries(names.map(n => [n, weights.get(n)!]))
  }
  return {
    checkpoint,
    bring: async () => void (await bring(bound.tensors.map(t => t.spec.name))),
    weightBytes: [...read.values()].reduce(
      (n, t) => n + bytesOf(elementsOf(t.shape), packing(t.spec.name)),
      0,
    ),
    source: {
      device,
      program,
      predictor: { kind: 'fn', fn },
      bindings: { sizes, constants: facts.constants, absent: bound.absent },
      packing,
      bring,
      context: bare.context,
      vocabulary: Number(config.vocab_size),
      chooseSchedules: tuningFor,
    },
    close: () => {
      for (const t of new Set(weights.values())) t.destroy()
    },
  }
}

/** A plan for decoding: the model's shape, the number of sequences, and their length. */
export interface DecodePlan {
  readonly name: string
  readonly config: JsonObject
  readonly weights: WeightFormat
  readonly rows: number
  readonly prompt: number
  readonly tokens: number
}

export interface DecodeResult {
  readonly name: string
  /** Tokens of the prompts a second, all rows together. */
  readonly prefill: Spread
  /** Tokens written a second, all rows together, including the choice of the likeliest token. */
  readonly decode: Spread
  /**
   * Seconds from the weights on the device to the first token after a prompt: compiling, and reading the
   * prompt.
   */
  readonly firstTokenSeconds: number
  /**
   * GB of weights read a second while writing, divided by the rate of a copy of 16 MB in the same rounds;
   * absent if that rate is unknown.
   */
  readonly toCeiling?: Spread
}

/** Decoding of one sequence by stories15M's shape, its weights in each format, and of eight. */
export const decodePlans: readonly DecodePlan[] = [
  ...(['f32', 'f16', 'bf16', 'q8'] as const).map(weights => ({ weights, rows: 1 })),
  { weights: 'f32' as const, rows: 8 },
].map(({ weights, rows }) => ({
  name: `stories15M in ${weights}, ${rows === 1 ? 'one sequence' : `${rows} sequences`}`,
  config: llamaConfig(stories15M),
  weights,
  rows,
  prompt: 64,
  tokens: 32,
}))

/** Reads prompts and continues them greedily, `runs` times after one that warms up. */
export const measureDecode = async (
  device: Device,
  ceilings: Ceilings,
  plan: DecodePlan,
  runs: number,
): Promise<DecodeResult> => {
  const model = openRandomPredictor(device, plan.config, plan.weights)
  const { vocabulary, context } = model.source
  const decoder = new Decoder(model.source, plan.rows, capacityFor(plan.prompt + plan.tokens, context))
  const rates = { prefill: [] as number[], decode: [] as number[], copy: [] as number[] }
  let firstTokenSeconds = 0
  try {
    const copy = await ceilings.of('memory')
    await model.bring()
    const started = performance.now()
    for (let run = 0; run <= runs; run++) {
      // Each time has other tokens, since the cache would skip a common beginning.
      const rows = Array.from({ length: plan.rows }, (_, r) =>
        Array.from({ length: plan.prompt }, (_, i) => random32(run, r, i) % vocabulary),
      )
      const begun = performance.now()
      let read: number | undefined
      await decoder.continue({ tokens: rows, values: rows.map(() => new Map()) }, plan.tokens, () => {
        read ??= performance.now()
        return true
      })
      const end = performance.now()
      if (run === 0) firstTokenSeconds = (read! - started) / 1000
      else {
        rates.prefill.push((1000 * plan.rows * plan.prompt) / (read! - begun))
        rates.decode.push((1000 * plan.rows * (plan.tokens - 1)) / (end - read!))
      }
      if (copy && run > 0) rates.copy.push((1000 * copy.work) / (await copy.timed.time()))
    }
    const gigabytes = rates.decode.map(rate => ((rate / plan.rows) * model.weightBytes) / 1e9)
    return {
      name: plan.name,
      prefill: spreadOf(rates.prefill),
      decode: spreadOf(rates.decode),
      firstTokenSeconds,
      ...(copy ? { toCeiling: pairedRatios(gigabytes, rates.copy) } : {}),
    }
  } finally {
    await decoder.close()
    model.close()
  }
}

/** All in turn. */
export const measureDecoding = async (
  ceilings: Ceilings,
  plans: readonly DecodePlan[],
  { runs, progress }: { readonly runs: number; readonly progress?: (line: string) => void },
): Promise<readonly DecodeResult[]> => {
  const out: DecodeResult[] = []
  for (const [i, plan] of plans.entries()) {
    progress?.(`${i + 1}/${plans.length}  ${plan.name}`)
    out.push(await measureDecode(ceilings.device, ceilings, plan, runs))
  }
  return out
}
