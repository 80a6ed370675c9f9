import type { BlockPacking, Packing } from '../compiler/artifact.js'
import { blockOffset, blockPackedBytes, isBlockPacking } from './block-packing.js'
import { internalError } from './errors.js'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './float.js'

/** Elements of a block, the unit in which packed tensors are written. */
export const blockElements = 32

/** Bytes of a block in each of the planes that a packed tensor consists of, one plane after the other. */
const planeBytes: Readonly<Record<Exclude<Packing, BlockPacking>, readonly number[]>> = {
  f16: [64],
  bf16: [64],
  q8: [32, 4],
}

const blocksOf = (elements: number): number => Math.ceil(elements / blockElements)

/** Bytes of a packed tensor with a number of elements, the last block filled up. */
export const packedBytes = (packing: Packing, elements: number): number =>
  isBlockPacking(packing) ? blockPackedBytes(packing, elements) : scaledBytes(packing, elements)

const scaledBytes = (packing: Exclude<Packing, BlockPacking>, elements: number): number =>
  blocksOf(elements) * planeBytes[packing].reduce((a, b) => a + b)

/**
 * The offsets in bytes at which each plane's part from a block on begins, in a tensor with a number of
 * elements.
 */
export const planeOffsets = (packing: Packing, elements: number, block: number): readonly number[] => {
  if (isBlockPacking(packing)) return [blockOffset(packing, elements, block * blockElements)]
  let start = 0
  return planeBytes[packing].map(bytes => {
    const at = start + block * bytes
    start += blocksOf(elements) * bytes
    return at
  })
}

const bytesOf = (a: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(a.buffer as ArrayBuffer, a.byteOffset, a.byteLength)

/** Filled up with zeros to whole blocks. */
const wholeBlocks = (values: Float32Array): Float32Array => {
  if (values.length % blockElements === 0) return values
  const out = new Float32Array(blocksOf(values.length) * blockElements)
  out.set(values)
  return out
}

/**
 * Bytes and scales: 127 steps to a block's largest magnitude. An infinity or NaN makes its whole block NaN.
 */
const quantise = (values: Float32Array): readonly [Int8Array<ArrayBuffer>, Float32Array<ArrayBuffer>] => {
  const bytes = new Int8Array(values.length)
  const scales = new Float32Array(values.length / blockElements)
  for (const b of scales.keys()) {
    const block = values.subarray(b * blockElements, (b + 1) * blockElements)
    scales[b] = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127
    const scale = scales[b]!
    if (scale === 0) continue
    for (let i = 0; i < blockElements; i++)
      // The scale is rounded too. For the smallest numbers this error is so large that 127 steps may not
      // reach the value.
      bytes[b * blockElements + i] = Math.max(-127, Math.min(127, Math.round(block[i]! / scale)))
  }
  return [bytes, scales]
}

/**
 * Values that begin at a block, as the planes of a packed tensor hold them: f16 and bf16 rounded to the
 * nearest, ties to even; q8 to the nearest multiple of the block's scale, which is its largest magnitude by
 * 127. Blocks of llama.cpp's types are brought as a file has them, and not packed here.
 */
export const pack = (packing: Packing, values: Float32Array): readonly Uint8Array<ArrayBuffer>[] => {
  if (isBlockPacking(packing)) throw internalError(`numbers are not packed as ${packing}`)
  const whole = wholeBlocks(values)
  if (packing === 'q8') return quantise(whole).map(bytesOf)
  return [bytesOf(packing === 'f16' ? f32ToF16(whole) : f32ToBf16(whole))]
}

/** The values of a packed tensor with a number of elements, exactly as a kernel reads them. */
export const unpack = (packing: Packing, bytes: ArrayBuffer, elements: number): Float32Array => {
  if (isBlockPacking(packing)) throw internalError(`blocks are not unpacked on the host: ${packing}`)
  const out = new Float32Array(elements)
  if (packing !== 'q8') {
    const words = new Uint16Array(bytes, 0, elements)
    if (packing === 'f16') f16ToF32(words, out)
    else bf16ToF32(words, out)
    return out
  }
  const quants = new Int8Array(bytes, 0, elements)
  const scales = new Float32Array(bytes, planeOffsets('q8', elements, 0)[1]!, blocksOf(elements))
  for (let i = 0; i < elements; i++) out[i] = quants[i]! * scales[Math.floor(i / blockElements)]!
  return out
}

/** A whole tensor packed. */
export const packed = (packing: Packing, values: Float32Array): Uint8Array<ArrayBuffer> => {
  const planes = pack(packing, values)
  const out = new Uint8Array(packedBytes(packing, values.length))
  planeOffsets(packing, values.length, 0).forEach((at, i) => {
    out.set(planes[i]!, at)
  })
  return out
}

/** The values after packing, as a kernel reads them. */
export const rounded = (packing: Packing, values: Float32Array): Float32Array =>
  unpack(packing, packed(packing, values).buffer, values.length)
