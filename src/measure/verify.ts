import type { DeviceTraits } from '../../compiler/artifact.js'
import { random32 } from '../data/random.js'

/** A wrong result: the place, the expected and the computed value. */
export interface Disagreement {
  /** The index in the row-major result. */
  readonly at: number
  readonly actual: number
  readonly expected: number
}

/**
 * The positions to check in a result: all of a small one; of a large one the ends and a fixed random sample.
 */
export const positions = (elements: number, wanted = 256): readonly number[] => {
  if (elements <= wanted) return [...Array(elements).keys()]
  const drawn = Array.from({ length: wanted - 2 }, (_, i) => random32(17, 0, i) % elements)
  return [...new Set([0, elements - 1, ...drawn])]
}

/**
 * The rounding error that a result may have, relative to its magnitude: sums are in f32, and products in f16
 * if that is the device's precision.
 */
export const toleranceOf = ({ precision }: Pick<DeviceTraits, 'precision'>): number =>
  precision === 'f16' ? 5e-3 : 1e-4

/**
 * The first of some positions at which a kernel's result differs by more than `tolerance` times the larger of
 * the expected value's size and the root mean square of all expected values. An infinity must be equal, and a
 * NaN always differs.
 */
export const disagreement = (
  actual: ArrayLike<number>,
  expected: (at: number) => number,
  where: readonly number[],
  tolerance: number,
): Disagreement | undefined => {
  const wanted = where.map(expected)
  const finite = wanted.filter(Number.isFinite)
  const magnitude = Math.hypot(...finite) / Math.sqrt(Math.max(1, finite.length))
  for (const [i, at] of where.entries()) {
    const want = wanted[i]!
    const got = actual[at] ?? Number.NaN
    const near = Math.abs(got - want) <= tolerance * Math.max(magnitude, Math.abs(want))
    if (got !== want && !(near && Number.isFinite(want))) return { at, actual: got, expected: want }
  }
  return undefined
}
