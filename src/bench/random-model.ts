import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CoreParam } from '../../compiler/core/core.js'
import { evaluateSize } from '../../compiler/core/size.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import type { Batch, BatchShape } from '../data/batch.js'
import { random32 } from '../data/random.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import type { JsonObject } from '../json/json-values.js'
import { indicesBelow, nameAt, namesFor, storedShape } from '../model/bind.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import { elementCount, type TensorEntry } from '../safetensors/header.js'

/** The sizes of a Llama-shaped model, as its config.json has them. */
export interface LlamaSizes {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly vocab_size: number
  readonly max_position_embeddings: number
}

/** The shape of stories15M, for which most published figures are. */
export const stories15M: LlamaSizes = {
  hidden_size: 288,
  intermediate_size: 768,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  vocab_size: 32000,
  max_position_embeddings: 256,
}

/** A whole config.json: what every model here has in common, and its sizes. */
export const llamaConfig = (sizes: LlamaSizes): JsonObject => ({
  model_type: 'llama',
  ...sizes,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
})

const drawn = (stream: number, i: number, reach: number): number =>
  reach * (random32(5, stream, i) / 2 ** 31 - 1)

/** Uniform in (−1, 1), the same every time. */
export const uniform = (length: number, stream: number): Float32Array =>
  new Float32Array(length).map((_, i) => drawn(stream, i, 1))

/**
 * A virtual checkpoint: it makes all tensors that parameters need when they are read. The weights of norms
 * are 1, others have the size of initial weights. The embedding is the output matrix too if that is possible,
 * and optional tensors are absent.
 */
export const randomCheckpoint = (
  params: readonly CoreParam[],
  sizes: ReadonlyMap<string, number>,
  holds: (id: string) => boolean,
): Checkpoint => {
  const tensors = new Map<string, TensorEntry>()
  for (const spec of params.flatMap(p => inputsOf(p.name, p.type))) {
    const { names, fill } = namesFor(spec, holds)
    const template = names.at(-1)
    if (template === undefined || fill !== undefined) continue
    const shape = storedShape(spec, sizes)
    for (const index of indicesBelow(spec.dims.slice(0, spec.arrayAxes).map(d => evaluateSize(d, sizes))))
      tensors.set(nameAt(template, index), {
        dtype: 'F32',
        shape,
        file: 'random',
        begin: 0,
        end: 4 * elementCount(shape),
      })
  }
  const streams = new Map([...tensors.keys()].map((name, i) => [name, i]))
  const readFloats = async (name: string, first: number, out: Float32Array): Promise<void> => {
    const stream = streams.get(name)!
    const norm = name.includes('norm')
    for (const i of out.keys()) out[i] = norm ? 1 : drawn(stream, first + i, 0.035)
  }
  const readF32 = async (name: string): Promise<Float32Array> => {
    const out = new Float32Array(elementCount(tensors.get(name)!.shape))
    await readFloats(name, 0, out)
    return out
  }
  return {
    path: 'random weights',
    tensors,
    metadata: {},
    readF32,
    readFloats,
    readInts: name => Promise.reject(new Error(`${name} holds no integers`)),
    readRaw: async name => new Uint8Array((await readF32(name)).buffer),
    readElements: (name, first, out) =>
      readFloats(name, first, new Float32Array(out.buffer, out.byteOffset, out.length / 4)),
    close: async () => undefined,
  }
}

/** Writes a model's folder: config.json, and a checkpoint's tensors in f32. */
export const writeModel = async (
  folder: string,
  config: JsonObject,
  checkpoint: Checkpoint,
): Promise<void> => {
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  const read = [...checkpoint.tensors].map(
    async ([name, { shape }]) =>
      [name, { dtype: 'F32', shape, data: await checkpoint.readF32(name) }] as const,
  )
  await writeSafetensors(join(folder, 'model.safetensors'), new Map(await Promise.all(read)))
}

/** Random tokens; the last A of each row's are to be learned. */
export const randomBatch = ({ B, T, A }: BatchShape, V: number): Batch => {
  const tokens = (length: number, stream: number): Int32Array =>
    new Int32Array(length).map((_, i) => random32(4, stream, i) % V)
  return {
    length: T,
    tokens: tokens(B * T, 0),
    position: new Int32Array(B * A).map((_, i) => T - A + (i % A)),
    target: tokens(B * A, 1),
    weight: new Float32Array(B * A).fill(1),
    prompt: new Int32Array(B).fill(T - A + 1),
    example: new Int32Array(B).map((_, b) => b),
    rows: B,
  }
}
