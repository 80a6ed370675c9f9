import { deviceLayout, tableBytes } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { gridOfIq2xxs } from '../gguf/iq2-grid.js'
import { ggufBlocks, isQuantType, type QuantType } from '../gguf/tensor-types.js'
import type { Checkpoint, StoredTensor } from '../safetensors/checkpoint.js'
import { elementCount } from '../safetensors/header.js'
import type { BoundTensor } from './bind.js'

/** llama.cpp's type of a stored tensor; undefined where its elements are stored one by one. */
export const blockTypeOf = (dtype: StoredTensor['dtype']): QuantType | undefined => {
  const type = dtype.startsWith('ggml ') ? dtype.slice('ggml '.length) : ''
  return isQuantType(type) ? type : undefined
}

/** Where the f16 scales of a block are, in bytes. */
const scaleBytes: Readonly<Record<QuantType, readonly number[]>> = {
  ...{ Q4_0: [0], Q4_1: [0, 2], Q5_0: [0], Q5_1: [0, 2], Q8_0: [0] },
  ...{ Q2_K: [80, 82], Q3_K: [108], Q4_K: [0, 2], Q5_K: [0, 2], Q6_K: [208], IQ2_XXS: [0] },
}

/** All bits of an f16's exponent, in its higher byte: of infinities, and of what is no number. */
const notFinite = 0x7c

/** Refuses blocks with a scale that is infinite or no number; the first begins at element `at`. */
const requireFiniteScales = (
  blocks: Uint8Array,
  type: QuantType,
  { name, at, file }: { readonly name: string; readonly at: number; readonly file: string },
): void => {
  const { bytes, elements } = ggufBlocks[type]
  for (let begin = 0; begin < blocks.length; begin += bytes)
    for (const place of scaleBytes[type])
      if ((blocks[begin + place + 1]! & notFinite) === notFinite)
        throw new UserError({
          what: `the tensor ${name} holds numbers that are infinite or not a number`,
          where: file,
          why: `a scale of its numbers from ${at + (begin / bytes) * elements} on is, which ${elements} have`,
          hint: `fetch the file again; --allow ${name} takes it as it is`,
        })
}

/** Bytes of blocks read at a time. */
const pieceBytes = 8 << 20

/** The table of IQ2_XXS as the device has it: two bits a magnitude, 0, 1 and 2 for 8, 25 and 43. */
export const packedTable = (): Uint8Array => {
  const out = new Uint8Array(tableBytes)
  for (const [i, size] of gridOfIq2xxs().entries())
    out[i >> 2]! |= (size === 8 ? 0 : size === 25 ? 1 : 2) << (2 * (i & 3))
  return out
}

const appended = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

/** Everything needed to read a tensor's blocks. */
export interface BlockSource {
  readonly checkpoint: Checkpoint
  /** Whether a tensor may hold numbers that are not finite. */
  readonly allowed: (name: string) => boolean
}

/**
 * Calls `write` with the blocks of a bound tensor, as the device wants them, and the element that each piece
 * begins with.
 */
export const readBlocks = async (
  t: BoundTensor,
  { checkpoint, allowed }: BlockSource,
  write: (first: number, bytes: Uint8Array) => Promise<void>,
): Promise<void> => {
  const types = t.names.map(name => blockTypeOf(checkpoint.tensors.get(name)!.dtype)!)
  const part = elementCount(t.shape) / t.names.length
  for (const [i, name] of t.names.entries()) {
    const type = types[i]!
    const { file } = checkpoint.tensors.get(name)!
    const block = ggufBlocks[type]
    const step = Math.floor(pieceBytes / block.bytes) * block.elements
    for (let at = 0; at < part; at += step) {
      const count = Math.min(step, part - at)
      const blocks = new Uint8Array((count / block.elements) * block.bytes)
      await checkpoint.readElements(name, at, blocks)
      if (!allowed(name)) requireFiniteScales(blocks, type, { name, at, file })
      const bytes = deviceLayout(type, blocks)
      const last = i === t.names.length - 1 && at + count === part
      await write(i * part + at, last && types.includes('IQ2_XXS') ? appended(bytes, packedTable()) : bytes)
    }
  }
}
