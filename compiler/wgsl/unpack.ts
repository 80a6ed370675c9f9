import type { Packing } from '../artifact.js'
import { blockElements, scalesAt } from '../ir/packing.js'
import type { Storage } from '../kernel/placement.js'

/** A buffer that is packed. */
export interface PackedStorage extends Storage {
  readonly packing: Packing
}

export const isPacked = (s: Storage): s is PackedStorage => s.packing !== undefined

/**
 * WGSL functions that unpack, by name: `…x4` four neighbours, `…_at` the element at an index from the word
 * that holds it.
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
 * The element type that a packed buffer is declared with; `vectors`: all its accesses are four aligned
 * neighbours.
 */
export const packedElement = ({ packing }: PackedStorage, vectors: boolean): string =>
  vectors && packing !== 'q8' ? 'vec2<u32>' : 'u32'

/** The text of what a buffer holds at an index, counted in what it is declared with. */
export type WordText = (at: string) => string

/**
 * The call that gives the element at an index of a packed buffer that is declared by words; `at` may be
 * repeated.
 */
export const unpackOne = ({ packing, elements }: PackedStorage, held: WordText, at: string): string =>
  packing === 'q8'
    ? `q8_at(${held(`${at} >> 2u`)}, ${held(`${scalesAt(elements)} + (${at} >> ${Math.log2(blockElements)}u)`)}, ${at})`
    : `${packing}_at(${held(`${at} >> 1u`)}, ${at})`

/** The call that gives the four elements from index 4 · `quarter` on; `quarter` may be repeated. */
export const unpackFour = (
  { packing, elements }: PackedStorage,
  held: WordText,
  quarter: string,
  vectors: boolean,
): string => {
  if (packing === 'q8')
    return `q8x4(${held(quarter)}, ${held(`${scalesAt(elements)} + (${quarter} >> ${Math.log2(blockElements / 4)}u)`)})`
  return vectors
    ? `${packing}x4(${held(quarter)})`
    : `${packing}x4(vec2u(${held(`2 * ${quarter}`)}, ${held(`2 * ${quarter} + 1`)}))`
}
