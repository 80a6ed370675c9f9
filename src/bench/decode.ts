import type { CoreFn, Program } from '../../compiler/core/core.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { evaluate } from '../../compiler/types/poly.js'
import { type Device, type DeviceTensor, upload } from '../../runtime/index.js'
import { random32 } from '../data/random.js'
import { capacityFor, Decoder } from '../decode.js'
import type { JsonObject } from '../json.js'
import { type Model, modelFacts } from '../model/model.js'
import { sizesOf } from '../model/sizes.js'
import { plannedPacking, type WeightFormat } from '../model/weights.js'
import type { PredictorSource } from '../predict.js'
import { loadProgram } from '../program.js'
import { type Spread, spreadOf } from './statistics.js'

/** A model's shape, by its config.json, and how much it reads and writes. */
export interface DecodeShape {
  readonly config: JsonObject
  /** Sequences at once. */
  readonly rows: number
  readonly prompt: number
  readonly tokens: number
  /** What weights are on the device; f32 unless said. */
  readonly weights?: WeightFormat
}

export interface DecodeResult {
  /** Tokens of the prompts a second, all rows together. */
  readonly prefill: Spread
  /** Tokens written a second, all rows together, the choice of the likeliest included. */
  readonly decode: Spread
  /** Seconds from the program to the first token after a prompt. */
  readonly firstTokenSeconds: number
}

/** The decoder of a Llama with random weights, and what gives its tensors back. */
const randomDecoder = (
  device: Device,
  { config, rows, prompt, tokens, weights = 'f32' }: DecodeShape,
): { readonly decoder: Decoder; readonly vocabulary: number; readonly close: () => Promise<void> } => {
  const { program } = loadProgram(['std.models.llama'])
  const fn = program.fns.get('std.models.llama.logits')!
  const context = prompt + tokens
  const source = sourceOf(device, program, fn, { config, format: weights, context })
  const decoder = new Decoder(source, rows, capacityFor(context, context))
  return {
    decoder,
    vocabulary: source.vocabulary,
    close: async () => {
      await decoder.close()
      for (const t of source.weights.values()) t.destroy()
    },
  }
}

const sourceOf = (
  device: Device,
  program: Program,
  fn: CoreFn,
  { config, format, context }: Pick<Model, 'config' | 'format' | 'context'>,
): PredictorSource & { readonly weights: ReadonlyMap<string, DeviceTensor> } => {
  const [param] = fn.params.filter(p => p.type.kind === 'record')
  const model = { directory: '', config, checkpoint: undefined, format, tokenizer: undefined, context }
  const facts = modelFacts(program, [param!.type], model)
  const sizes = sizesOf(
    fn.sizes.filter(s => s !== 'T'),
    facts.equations,
  )
  const specs = inputsOf(param!.name, param!.type)
  const absent = new Map(
    specs.flatMap(s => (s.from?.fill === undefined ? [] : [[s.name, s.from.fill] as const])),
  )
  const packing = plannedPacking(specs, format)
  const weights = new Map<string, DeviceTensor>()
  const shapes = new Map(specs.map(s => [s.name, s.dims]))
  const weight = (name: string): DeviceTensor => {
    const shape = shapes.get(name)!.map(d => evaluate(d, sizes))
    const length = shape.reduce((a, b) => a * b, 1)
    const value = (i: number): number =>
      name.endsWith('norm') ? 1 : 0.05 * (random32(3, length, i) / 2 ** 31 - 1)
    return upload(
      device,
      'f32',
      shape,
      new Float32Array(length).map((_, i) => value(i)),
      name,
    )
  }
  return {
    device,
    program,
    predictor: { kind: 'fn', fn },
    bindings: { sizes, constants: facts.constants, absent },
    packing,
    bring: async names => {
      for (const n of names) if (!weights.has(n)) weights.set(n, weight(n))
      return Object.fromEntries(names.map(n => [n, weights.get(n)!]))
    },
    context,
    vocabulary: sizes.get('V')!,
    weights,
  }
}

/** Reads prompts and continues them greedily, `runs` times after one that warms up. */
export const measureDecode = async (
  device: Device,
  shape: DecodeShape,
  runs: number,
): Promise<DecodeResult> => {
  const started = performance.now()
  const { decoder, vocabulary, close } = randomDecoder(device, shape)
  const rates = { prefill: [] as number[], decode: [] as number[] }
  let firstTokenSeconds = 0
  try {
    for (let run = 0; run <= runs; run++) {
      // Other tokens each time: what begins alike would not be read again.
      const rows = Array.from({ length: shape.rows }, (_, r) =>
        Array.from({ length: shape.prompt }, (_, i) => random32(run, r, i) % vocabulary),
      )
      const write = async (): Promise<void> => {
        const next = await decoder.likeliest(rows)
        for (const [r, row] of rows.entries()) row.push(next[r]!)
      }
      const begun = performance.now()
      await write()
      const read = performance.now()
      if (run === 0) firstTokenSeconds = (read - started) / 1000
      for (let i = 1; i < shape.tokens; i++) await write()
      if (run === 0) continue
      rates.prefill.push((1000 * shape.rows * shape.prompt) / (read - begun))
      rates.decode.push((1000 * shape.rows * (shape.tokens - 1)) / (performance.now() - read))
    }
    return { prefill: spreadOf(rates.prefill), decode: spreadOf(rates.decode), firstTokenSeconds }
  } finally {
    await close()
  }
}
