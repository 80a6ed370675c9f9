import type { DeviceTraits } from '../../compiler/artifact.js'
import { random32 } from '../data/random.js'

/** A result that is not what it should be. */
export interface Disagreement {
  /** Where in the row-major result. */
  readonly at: number
  readonly actual: number
  readonly expected: number
}

/**
 * Positions of a result of so many elements: all of a small one, else the ends and others drawn by chance,
 * the same every time.
 */
export const positions = (elements: number, wanted = 256): readonly number[] => {
  if (elements <= wanted) return [...Array(elements).keys()]
  const drawn = Array.from({ length: wanted - 2 }, (_, i) => random32(17, 0, i) % elements)
  return [...new Set([0, elements - 1, ...drawn])]
}

/**
 * What rounding may change of a result, relative to its magnitude: sums are of f32, and of products in f16
 * where the device's precision is that.
 */
export const toleranceOf = ({ precision }: Pick<DeviceTraits, 'precision'>): number =>
  precision === 'f16' ? 5e-3 : 1e-4

/**
 * The first of some positions where a kernel's result is off by more than `tolerance` times the expected
 * value's size or the root mean square of all that are expected, whichever is larger; an infinity must be the
 * same, and NaN is off.
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
