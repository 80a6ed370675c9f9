import type { Packing } from '../artifact.js'
import { blockElements, isScattered, scalesAt } from '../ir/packing.js'
import type { Storage } from '../kernel/placement.js'

/** A storage whose tensor is packed. */
export interface PackedStorage extends Storage {
  readonly packing: Packing
}

export const isPacked = (s: Storage): s is PackedStorage => s.packing !== undefined

/**
 * WGSL functions that unpack, by name: `…x4` gives four neighbours, `…_at` the element at an index from the
 * word that holds it.
 */
export const unpackers: Readonly<Record<string, string>> = {
  f16x4: `fn f16x4(w: vec2u) -> vec4f {
  return vec4f(unpack2x16float(w.x), unpack2x16float(w.y));
}`,
  f16_at: `fn f16_at(w: u32, i: i32) -> f32 {
  return unpack2x16float(w >> (16u * u32(i & 1))).x;
}`,
  bf16x4: `fn bf16x4(w: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(w.x << 16u, w.x & 0xffff0000u, w.y << 16u, w.y & 0xffff0000u));
}`,
  bf16_at: `fn bf16_at(w: u32, i: i32) -> f32 {
  return bitcast<f32>((w >> (16u * u32(i & 1))) << 16u);
}`,
  q8x4: `fn q8x4(w: u32, scale: u32) -> vec4f {
  return bitcast<f32>(scale) * vec4f((vec4i(bitcast<i32>(w)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}`,
  q8_at: `fn q8_at(w: u32, scale: u32, i: i32) -> f32 {
  return bitcast<f32>(scale) * f32(extractBits(bitcast<i32>(w), 8u * u32(i & 3), 8u));
}`,
}

/**
 * The element type that a packed buffer is declared with. `vectors` means that all accesses are four aligned
 * neighbours.
 */
export const packedElement = ({ packing }: PackedStorage, vectors: boolean): string =>
  vectors && !isScattered(packing) ? 'vec2<u32>' : 'u32'

/** The text of the array element at an index, by the type that the buffer is declared with. */
export type WordText = (at: string) => string

/** The index of the word with the scale of an element, or of a vector, of which a block holds `perBlock`. */
const scaleIndex = (elements: number, index: string, perBlock: number): string =>
  `${scalesAt(elements)} + (${index} >> ${Math.log2(perBlock)}u)`

/**
 * The call that gives the element at an index of a packed buffer that is declared as words. `at` is repeated
 * in it.
 */
export const unpackOne = ({ packing, elements }: PackedStorage, word: WordText, at: string): string => {
  if (packing !== 'q8') return `${packing}_at(${word(`${at} >> 1u`)}, ${at})`
  const scale = word(scaleIndex(elements, at, blockElements))
  return `q8_at(${word(`${at} >> 2u`)}, ${scale}, ${at})`
}

/** The call that gives the four elements from index 4 · `quarter` on. `quarter` is repeated in it. */
export const unpackFour = (
  { packing, elements }: PackedStorage,
  word: WordText,
  quarter: string,
  vectors: boolean,
): string => {
  if (packing === 'q8')
    return `q8x4(${word(quarter)}, ${word(scaleIndex(elements, quarter, blockElements / 4))})`
  return vectors
    ? `${packing}x4(${word(quarter)})`
    : `${packing}x4(vec2u(${word(`2 * ${quarter}`)}, ${word(`2 * ${quarter} + 1`)}))`
}
