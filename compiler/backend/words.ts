import type { DType } from '../artifact.js'

/**
 * Values as the 32-bit words that a device stores: the bits of an f32 (IEEE 754), the two's complement of an
 * i32, and 0 or 1 for a bool.
 */
export const wordsOf = (dtype: DType, values: readonly number[]): readonly number[] => {
  if (dtype === 'f32') return Array.from(new Uint32Array(Float32Array.from(values).buffer))
  if (dtype === 'bool') return values.map(x => (x === 0 ? 0 : 1))
  return Array.from(Uint32Array.from(values))
}
