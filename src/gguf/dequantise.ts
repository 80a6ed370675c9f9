/**
 * The numbers of quantised blocks as f32. Formulas and layouts are those of ggml (`ggml-quants.c`), every
 * product and sum rounded to f32 in the order in which the `gguf` package of Python computes them, so that
 * results have its bits.
 */
import { f16Value } from '../../runtime/float.js'
import { gridOfIq2xxs } from './iq2-grid.js'
import { ggufBlocks, type QuantType } from './tensor-types.js'

const f32 = Math.fround

/** The f16 at a byte, little-endian. */
const halfAt = (bytes: Uint8Array, at: number): number => f16Value(bytes[at]! | (bytes[at + 1]! << 8))

const signed = (byte: number): number => (byte << 24) >> 24

/** Decodes the block that begins at byte `at` into `out` from `to` on. */
type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void

/** Elements of the long blocks, which have scales for parts of them. */
const longBlock = 256

/** Sixteen bytes with two numbers of four bits each: the low ones first, the high ones 16 elements on. */
const nibble = (bytes: Uint8Array, at: number, i: number): number =>
  i < 16 ? bytes[at + i]! & 15 : bytes[at + i - 16]! >> 4

const fifthBit = (bytes: Uint8Array, at: number, i: number): number =>
  ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4

const q4_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 32; i++) out[to + i] = d * (nibble(bytes, at + 2, i) - 8)
}

const q4_1: DecodeBlock = (bytes, at, out, to) => {
  const [d, m] = [halfAt(bytes, at), halfAt(bytes, at + 2)]
  for (let i = 0; i < 32; i++) out[to + i] = f32(d * nibble(bytes, at + 4, i)) + m
}

const q5_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 32; i++)
    out[to + i] = d * ((nibble(bytes, at + 6, i) | fifthBit(bytes, at + 2, i)) - 16)
}

const q5_1: DecodeBlock = (bytes, at, out, to) => {
  const [d, m] = [halfAt(bytes, at), halfAt(bytes, at + 2)]
  for (let i = 0; i < 32; i++)
    out[to + i] = f32(d * (nibble(bytes, at + 8, i) | fifthBit(bytes, at + 4, i))) + m
}

const q8_0: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 32; i++) out[to + i] = d * signed(bytes[at + 2 + i]!)
}

/** 16 scales and minima of four bits, 64 bytes of two bits a number, two f16: scale and minimum of all. */
const q2_K: DecodeBlock = (bytes, at, out, to) => {
  const [d, least] = [halfAt(bytes, at + 80), halfAt(bytes, at + 82)]
  for (let i = 0; i < longBlock; i++) {
    const both = bytes[at + (i >> 4)]!
    const quant = (bytes[at + 16 + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3
    out[to + i] = f32(f32(d * (both & 15)) * quant) - f32(least * (both >> 4))
  }
}

/** The scale of part `j` of a Q3_K block: four low bits in the first 8 bytes, two high ones in the last 4. */
const scaleOfQ3 = (bytes: Uint8Array, at: number, j: number): number => {
  const low = j < 8 ? bytes[at + j]! & 15 : bytes[at + j - 8]! >> 4
  return (low | (((bytes[at + 8 + (j & 3)]! >> ((j >> 2) << 1)) & 3) << 4)) - 32
}

/** 32 bytes of third bits, 64 of two bits a number, 12 of scales of six bits, an f16. */
const q3_K: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 108)
  for (let i = 0; i < longBlock; i++) {
    const low = (bytes[at + 32 + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3
    const high = (bytes[at + (i & 31)]! >> (i >> 5)) & 1
    out[to + i] = f32(d * scaleOfQ3(bytes, at + 96, i >> 4)) * (high === 1 ? low : low - 4)
  }
}

/** Scale and minimum of part `j` of a Q4_K or Q5_K block, six bits each in 12 bytes. */
const scaleAndLeast = (bytes: Uint8Array, at: number, j: number): readonly [number, number] => {
  if (j < 4) return [bytes[at + j]! & 63, bytes[at + 4 + j]! & 63]
  const rest = bytes[at + 4 + j]!
  return [(rest & 15) | ((bytes[at + j - 4]! >> 6) << 4), (rest >> 4) | ((bytes[at + j]! >> 6) << 4)]
}

/**
 * Decodes blocks of 8 parts of 32 with a scale and a minimum each; `quant` gives the number at an element.
 */
const withMinima =
  (quant: (bytes: Uint8Array, at: number, i: number) => number): DecodeBlock =>
  (bytes, at, out, to) => {
    const [d, least] = [halfAt(bytes, at), halfAt(bytes, at + 2)]
    for (let j = 0; j < 8; j++) {
      const [scale, minimum] = scaleAndLeast(bytes, at + 4, j)
      const [step, from] = [f32(d * scale), f32(least * minimum)]
      for (let i = j << 5; i < (j + 1) << 5; i++) out[to + i] = f32(step * quant(bytes, at, i)) - from
    }
  }

/** 32 bytes for 64 elements: the first 32 in the low bits, the others in the high ones. */
const nibbleOf64 = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + ((i >> 6) << 5) + (i & 31)]! >> (((i >> 5) & 1) << 2)) & 15

const q4_K: DecodeBlock = withMinima((bytes, at, i) => nibbleOf64(bytes, at + 16, i))

const q5_K: DecodeBlock = withMinima(
  (bytes, at, i) => nibbleOf64(bytes, at + 48, i) | (((bytes[at + 16 + (i & 31)]! >> (i >> 5)) & 1) << 4),
)

/** 128 bytes of four low bits, 64 of two high ones, 16 signed scales, an f16. */
const q6_K: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 208)
  for (let i = 0; i < longBlock; i++) {
    const low = (bytes[at + ((i >> 7) << 6) + (i & 63)]! >> (((i >> 6) & 1) << 2)) & 15
    const high = (bytes[at + 128 + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3
    out[to + i] = f32(d * signed(bytes[at + 192 + (i >> 4)]!)) * ((low | (high << 4)) - 32)
  }
}

/** Seven signs, and an eighth that makes the number of minus signs even. */
const signsOf = (index: number): number => {
  let parity = index
  parity ^= parity >> 4
  parity ^= parity >> 2
  parity ^= parity >> 1
  return index | ((parity & 1) << 7)
}

/**
 * An f16, and for 32 elements each 8 bytes: four indices into a table of 8 magnitudes, then 32 bits with four
 * times seven signs and, in the highest four, the scale.
 */
const iq2_xxs: DecodeBlock = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  const grid = gridOfIq2xxs()
  for (let part = 0; part < 8; part++) {
    const from = at + 2 + part * 8
    const word =
      bytes[from + 4]! | (bytes[from + 5]! << 8) | (bytes[from + 6]! << 16) | (bytes[from + 7]! << 24)
    const step = f32(f32(d * (0.5 + (word >>> 28))) * 0.25)
    for (let i = 0; i < 32; i++) {
      const signs = signsOf((word >>> (7 * (i >> 3))) & 127)
      const size = f32(step * grid[bytes[from + (i >> 3)]! * 8 + (i & 7)]!)
      out[to + part * 32 + i] = (signs >> (i & 7)) & 1 ? -size : size
    }
  }
}

const decoders: Readonly<Record<QuantType, DecodeBlock>> = {
  ...{ Q4_0: q4_0, Q4_1: q4_1, Q5_0: q5_0, Q5_1: q5_1, Q8_0: q8_0 },
  ...{ Q2_K: q2_K, Q3_K: q3_K, Q4_K: q4_K, Q5_K: q5_K, Q6_K: q6_K, IQ2_XXS: iq2_xxs },
}

/** Decodes whole blocks, one after the other, into `out`, which has their number of elements. */
export const dequantise = (type: QuantType, bytes: Uint8Array, out: Float32Array): void => {
  const block = ggufBlocks[type]
  const decode = decoders[type]
  for (let i = 0; i * block.elements < out.length; i++)
    decode(bytes, i * block.bytes, out, i * block.elements)
}
