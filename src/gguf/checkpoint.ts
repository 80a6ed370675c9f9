import { bf16ToF32, f16ToF32 } from '../../runtime/float.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import {
  type BlockShape,
  type ByteRanges,
  blockOf,
  type Checkpoint,
  type StoredTensor,
} from '../safetensors/checkpoint.js'
import { elementCount } from '../safetensors/header.js'
import { dequantise } from './dequantise.js'
import { familyOf } from './family.js'
import type { GgufHeader, GgufTensor } from './header.js'
import { checkpointName, rotatedPart } from './tensor-names.js'
import { type GgufType, ggufBlocks, isQuantType } from './tensor-types.js'

/** A tensor as it is read: `headRows` are the rows of each head that lie in llama.cpp's order, if they do. */
interface ReadTensor extends StoredTensor {
  readonly type: GgufType
  readonly headRows: number | undefined
}

/** Bytes that are read at a time, at most, where numbers are converted. */
const pieceBytes = 4 << 20

const storedAs = (file: string, { type, shape, begin, end }: GgufTensor): StoredTensor => ({
  ...{ shape, file, begin, end },
  ...(isQuantType(type) ? { dtype: `ggml ${type}` as const, block: ggufBlocks[type] } : { dtype: type }),
})

/** Rows of a head's first half at even places, of its second half at odd ones: undone. */
const unpermute = (head: Uint8Array, rows: number): Uint8Array => {
  const width = head.length / rows
  const out = new Uint8Array(head.length)
  for (let row = 0; row < rows; row++) {
    const from = row < rows / 2 ? 2 * row : 2 * row - rows + 1
    out.set(head.subarray(from * width, (from + 1) * width), row * width)
  }
  return out
}

const toFloats = (type: GgufType, bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void => {
  const { buffer } = bytes
  if (type === 'F32') out.set(new Float32Array(buffer))
  else if (type === 'F64') out.set(new Float64Array(buffer))
  else if (type === 'F16') f16ToF32(new Uint16Array(buffer), out)
  else if (type === 'BF16') bf16ToF32(new Uint16Array(buffer), out)
  else dequantise(type, bytes, out)
}

/** Heads as the configuration counts them; the rows of each are a tensor's by this number. */
const headsOf = (config: JsonObject, part: 'queries' | 'keys'): number => {
  const { num_attention_heads: queries, num_key_value_heads: keys = queries } = config
  return Number(part === 'queries' ? queries : keys)
}

/**
 * The tensors of a GGUF file as those of a checkpoint: by the names, shapes and orders of rows that the same
 * model has in the Hugging Face layout. Quantised numbers are read as f32, or as they are stored. `config`:
 * what `configOf` gives.
 */
export const ggufCheckpoint = (file: ByteRanges, header: GgufHeader, config: JsonObject): Checkpoint => {
  const { permuted, tensors: names } = familyOf(file.path, header)
  const tensors = new Map<string, ReadTensor>()
  for (const [own, tensor] of header.tensors) {
    if (own === divisorsName) continue
    const part = permuted ? rotatedPart(own) : undefined
    const headRows = part === undefined ? undefined : (tensor.shape[0] ?? 0) / headsOf(config, part)
    if (headRows !== undefined && !(Number.isInteger(headRows) && headRows > 0 && headRows % 2 === 0))
      throw new UserError({
        what: `the tensor '${own}' has ${tensor.shape[0]} rows, which are not those of whole heads`,
        where: file.path,
        why: `there are ${headsOf(config, part!)} heads of ${part}, each of an even number of rows`,
        hint: 'the file is damaged or of another architecture than it says: fetch it again',
      })
    tensors.set(checkpointName(own, names), { ...storedAs(file.path, tensor), type: tensor.type, headRows })
  }
  const find = (name: string): ReadTensor => {
    const found = tensors.get(name)
    if (found !== undefined) return found
    const first = [...tensors.keys()].slice(0, 8).join(', ')
    throw new UserError({
      what: `there is no tensor '${name}'`,
      where: file.path,
      why: `the file has ${tensors.size} tensors: ${first}${tensors.size > 8 ? ', …' : ''}`,
      hint: 'check that the file is of this model',
    })
  }
  /** Bytes from a place in a tensor on, as if its rows were in the checkpoint's order; whole blocks. */
  const readBytes = async (tensor: ReadTensor, at: number, out: Uint8Array): Promise<void> => {
    const { begin, headRows, shape, end } = tensor
    if (headRows === undefined) return file.readInto(begin + at, out)
    const headBytes = ((end - begin) / shape[0]!) * headRows
    for (let done = 0; done < out.length; ) {
      const head = Math.floor((at + done) / headBytes)
      const rows = unpermute(await file.read(begin + head * headBytes, headBytes), headRows)
      const part = rows.subarray(at + done - head * headBytes).subarray(0, out.length - done)
      out.set(part, done)
      done += part.length
    }
  }
  const readFloats = async (name: string, first: number, out: Float32Array): Promise<void> => {
    const tensor = find(name)
    const block: BlockShape = blockOf(tensor)
    const step = Math.floor(pieceBytes / block.bytes) * block.elements
    // From the beginning of the block in which the first element lies.
    for (let done = 0; done < out.length; ) {
      const skipped = (first + done) % block.elements
      const count = Math.min(step, skipped + out.length - done)
      const blocks = Math.ceil(count / block.elements)
      const bytes = new Uint8Array(blocks * block.bytes)
      await readBytes(tensor, ((first + done - skipped) / block.elements) * block.bytes, bytes)
      const whole = skipped === 0 && count % block.elements === 0
      const part = out.subarray(done, done + count - skipped)
      const values = whole ? part : new Float32Array(blocks * block.elements)
      toFloats(tensor.type, bytes, values)
      if (!whole) part.set(values.subarray(skipped, count))
      done += part.length
    }
  }
  const readElements = async (name: string, first: number, out: Uint8Array): Promise<void> => {
    const tensor = find(name)
    const { elements, bytes } = blockOf(tensor)
    await readBytes(tensor, (first / elements) * bytes, out)
  }
  return {
    path: file.path,
    tensors,
    metadata: {},
    readFloats,
    readElements,
    async readF32(name) {
      const out = new Float32Array(elementCount(find(name).shape))
      await readFloats(name, 0, out)
      return out
    },
    readInts: async name => {
      throw new UserError({ what: `the tensor '${name}' holds no whole numbers`, where: file.path })
    },
    async readRaw(name) {
      const { begin, end } = find(name)
      const out = new Uint8Array(end - begin)
      await readElements(name, 0, out)
      return out
    },
    close: () => file.close(),
  }
}

/** The tensor of what each rotary pair's frequency is divided by. */
const divisorsName = 'rope_freqs.weight'

/** The divisor of each rotary pair's frequency; undefined where there is none, or where all are 1. */
export const readDivisors = async (
  file: ByteRanges,
  { tensors }: GgufHeader,
): Promise<readonly number[] | undefined> => {
  const found = tensors.get(divisorsName)
  if (found === undefined) return undefined
  const out = new Float32Array(elementCount(found.shape))
  if (isQuantType(found.type) || out.length > 1 << 16)
    throw new UserError({
      what: `the tensor '${divisorsName}' is ${found.type} [${found.shape.join(', ')}]`,
      where: file.path,
      why: 'it has one number for each pair that positions rotate, not quantised',
    })
  toFloats(found.type, await file.read(found.begin, found.end - found.begin), out)
  return out.every(x => x === 1) ? undefined : [...out]
}
