import { join } from 'node:path'
import type { CoreParam } from '../../compiler/core/core.js'
import { evaluateSize } from '../../compiler/core/size.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { f32ToBf16, f32ToF16 } from '../../runtime/float.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { indexName } from '../folders/shard-index.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import { type BoundParam, indicesBelow, nameAt, namesFor, storedShape } from '../model/bind.js'
import type { Model } from '../model/model.js'
import { readBound } from '../model/weights.js'
import type { TensorData } from '../safetensors/encode.js'

/** The number types that merged weights may be written in. */
export const mergedTypes = ['f32', 'f16', 'bf16'] as const

export type MergedType = (typeof mergedTypes)[number]

/** A model's record with some of its tensors replaced, and the names to write them under. */
export interface MergedModel {
  readonly param: CoreParam
  readonly model: Model
  readonly sizes: ReadonlyMap<string, number>
  readonly bound: BoundParam
  /** The tensors that differ from the checkpoint's, by field. */
  readonly changed: ReadonlyMap<string, ArrayLike<number>>
  readonly holds: (id: string) => boolean
}

/** Bytes of a file at most; a tensor that is larger has a file of its own. */
const shardBytes = 2 ** 31

const largestF16 = 65504

const encoded = (
  name: string,
  shape: readonly number[],
  data: Float32Array,
  type: MergedType,
): TensorData => {
  if (type === 'f32') return { dtype: 'F32', shape, data }
  if (type === 'bf16') return { dtype: 'BF16', shape, data: f32ToBf16(data) }
  const large = data.find(x => Math.abs(x) > largestF16)
  if (large !== undefined)
    throw new UserError({
      what: `the tensor ${name} does not fit f16`,
      why: `one of its numbers is ${large}, and f16 reaches to ${largestF16}`,
      hint: 'take --dtype bf16 or f32',
    })
  return { dtype: 'F16', shape, data: f32ToF16(data) }
}

/** One tensor of the record: its names in the checkpoint, one for each index of arrays, and its numbers. */
interface Written {
  readonly names: readonly string[]
  readonly shape: readonly number[]
  readonly read: () => Promise<Float32Array>
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** What is written, tensor by tensor; a name that two fields share is written once. */
const tensorsOf = ({ param, model, sizes, bound, changed, holds }: MergedModel): readonly Written[] => {
  const seen = new Set<string>()
  const stored = new Map(bound.tensors.map(t => [t.spec.name, t]))
  return inputsOf(param.name, param.type).flatMap((spec): readonly Written[] => {
    const { names: templates, fill } = namesFor(spec, holds)
    const template = templates[0]
    if (template === undefined || seen.has(template)) return []
    const own = stored.get(spec.name)
    const edited = changed.get(spec.name)
    // A tensor that may be missing, and is, stays so.
    if (own === undefined && edited === undefined && fill !== undefined) return []
    seen.add(template)
    const shape = storedShape(spec, sizes)
    const front = spec.dims.slice(0, spec.arrayAxes).map(d => evaluateSize(d, sizes))
    const names = indicesBelow(front).map(i => nameAt(template, i))
    const filled = bound.absent.get(spec.name) ?? 0
    const read = async (): Promise<Float32Array> => {
      if (edited !== undefined) return Float32Array.from(edited)
      if (own !== undefined) return readBound(model.checkpoint!, own, model)
      return new Float32Array(names.length * elements(shape)).fill(filled)
    }
    return [{ names, shape, read }]
  })
}

/** Tensors in files of at most {@link shardBytes}. */
const inShards = (all: readonly Written[], width: number): readonly (readonly Written[])[] => {
  const shards: Written[][] = [[]]
  let bytes = 0
  for (const t of all) {
    const own = t.names.length * elements(t.shape) * width
    if (bytes > 0 && bytes + own > shardBytes) {
      shards.push([])
      bytes = 0
    }
    shards.at(-1)!.push(t)
    bytes += own
  }
  return shards
}

/** Writes a model's tensors into a folder as transformers names them, in several files if they are large. */
export const writeMerged = async (
  directory: string,
  merged: MergedModel,
  type: MergedType,
): Promise<void> => {
  const width = type === 'f32' ? 4 : 2
  const shards = inShards(tensorsOf(merged), width)
  const fileOf: Record<string, string> = {}
  let total = 0
  for (const [i, shard] of shards.entries()) {
    const place = `${i + 1}`.padStart(5, '0')
    const file =
      shards.length === 1
        ? 'model.safetensors'
        : `model-${place}-of-${`${shards.length}`.padStart(5, '0')}.safetensors`
    const tensors = new Map<string, TensorData>()
    for (const { names, shape, read } of shard) {
      const data = await read()
      const size = elements(shape)
      names.forEach((name, k) => {
        tensors.set(name, encoded(name, shape, data.subarray(k * size, (k + 1) * size), type))
        fileOf[name] = file
        total += size * width
      })
    }
    await writeSafetensors(join(directory, file), tensors, { format: 'pt' })
  }
  if (shards.length === 1) return
  const index = { metadata: { total_size: total }, weight_map: fileOf }
  await writeAtomic(join(directory, indexName), [`${JSON.stringify(index, undefined, 2)}\n`])
}
