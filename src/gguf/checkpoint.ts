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
import { familyOf } from './families.js'
import type { GgufHeader, GgufTensor } from './header.js'
import { type Conversion, type StoredLayout, storedLayout, toFloats, unpaired } from './layouts.js'
import { checkpointName } from './tensor-names.js'
import { type GgufType, ggufBlocks, isQuantType } from './tensor-types.js'

/** A tensor as it is read: `type` is that of the numbers which are read, `stored` the tensor in the file. */
interface ReadTensor extends StoredTensor, StoredLayout {
  readonly type: GgufType
  readonly stored: GgufTensor
}

/** Bytes that are read at a time, at most, where numbers are converted. */
const pieceLimit = 4 << 20

const readAs = (file: string, stored: GgufTensor, layout: StoredLayout): ReadTensor => {
  const { type, shape } = layout.conversion ?? stored
  const { elements, bytes } = ggufBlocks[type]
  const end = stored.begin + (elementCount(shape) / elements) * bytes
  const read = { shape, file, begin: stored.begin, end, type, stored, ...layout }
  return isQuantType(type)
    ? { ...read, dtype: `ggml ${type}` as const, block: ggufBlocks[type] }
    : { ...read, dtype: type }
}

/**
 * The tensors of a GGUF file as those of a checkpoint: by the names, shapes and orders of rows that the same
 * model has in the Hugging Face layout. Quantised numbers are read as f32, or as they are stored. `config`:
 * what `configOf` gives.
 */
export const ggufCheckpoint = (file: ByteRanges, header: GgufHeader, config: JsonObject): Checkpoint => {
  const family = familyOf(file.path, header)
  const tensors = new Map<string, ReadTensor>()
  for (const [own, tensor] of header.tensors) {
    if (own === divisorsName) continue
    const layout = storedLayout(file.path, own, tensor, { family, config })
    tensors.set(checkpointName(own, family), readAs(file.path, tensor, layout))
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
  /** The last tensor of those that are converted as a whole: parts of one are read after one another. */
  let converted: { readonly tensor: ReadTensor; readonly bytes: Promise<Uint8Array> } | undefined
  const convertedBytes = (tensor: ReadTensor, { convert }: Conversion): Promise<Uint8Array> => {
    if (converted?.tensor !== tensor) {
      const { begin, end } = tensor.stored
      converted = { tensor, bytes: file.read(begin, end - begin).then(convert) }
    }
    return converted.bytes
  }
  /** Bytes from a place in a tensor on, as if its numbers were in the checkpoint's order; whole blocks. */
  const readBytes = async (tensor: ReadTensor, at: number, out: Uint8Array): Promise<void> => {
    const { begin, end, shape, rows, conversion } = tensor
    if (conversion !== undefined) {
      out.set((await convertedBytes(tensor, conversion)).subarray(at, at + out.length))
      return
    }
    if (rows === undefined) return file.readInto(begin + at, out)
    const pieceBytes = ((end - begin) / shape[0]!) * rows.pieceRows
    for (let done = 0; done < out.length; ) {
      const piece = Math.floor((at + done) / pieceBytes)
      const stored = await file.read(begin + rows.from(piece) * pieceBytes, pieceBytes)
      const ordered = rows.inPairs ? unpaired(stored, rows.pieceRows) : stored
      const part = ordered.subarray(at + done - piece * pieceBytes).subarray(0, out.length - done)
      out.set(part, done)
      done += part.length
    }
  }
  const readFloats = async (name: string, first: number, out: Float32Array): Promise<void> => {
    const tensor = find(name)
    const block: BlockShape = blockOf(tensor)
    const step = Math.floor(pieceLimit / block.bytes) * block.elements
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
