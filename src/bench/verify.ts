import { random32 } from '../data/random.js'

/** A result that is not what it should be. */
export interface Disagreement {
  /** Where in the row-major result. */
  readonly at: number
  readonly actual: number
  readonly expected: number
}

/** Positions of a result of so many elements: all of a small one, else the ends and others drawn by chance, the same every time. */
export const positions = (elements: number, wanted = 256): readonly number[] => {
  if (elements <= wanted) return [...Array(elements).keys()]
  const drawn = Array.from({ length: wanted - 2 }, (_, i) => random32(17, 0, i) % elements)
  return [...new Set([0, elements - 1, ...drawn])]
}

/**
 * The first of some positions where a kernel's result is off by more than `tolerance` times the expected value's size or 1, whichever is
 * larger; NaN is off.
 */
export const disagreement = (
  actual: ArrayLike<number>,
  expected: (at: number) => number,
  where: readonly number[],
  tolerance: number,
): Disagreement | undefined => {
  for (const at of where) {
    const want = expected(at)
    const got = actual[at] ?? Number.NaN
    if (!(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want))))
      return { at, actual: got, expected: want }
  }
  return undefined
}
