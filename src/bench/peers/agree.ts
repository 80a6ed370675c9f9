/** What a work's check gives: numbers that must be near ours, told one by one or as a whole. */
export interface Expected {
  /** Each within `tolerance`, of its own size or 1, whichever is larger. */
  readonly each: readonly number[]
  /** After those: a vector, whose difference is `vectorTolerance` of ours in length at most. */
  readonly vector?: ArrayLike<number>
}

const tolerance = 2e-4
const vectorTolerance = 0.01

const lengthOf = (x: Iterable<number>): number => Math.hypot(...x)

/** Why what a peer computed is not what we did; nothing if it is. */
export const disagrees = (values: readonly number[], { each, vector }: Expected): string | undefined => {
  const total = each.length + (vector?.length ?? 0)
  if (values.length !== total) return `it gives ${values.length} numbers, not ${total}`
  for (const [i, want] of each.entries()) {
    const got = values[i] ?? Number.NaN
    if (!(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want))))
      return `its number ${i + 1} is ${got}, ours ${want}`
  }
  if (vector === undefined) return undefined
  const ours = Array.from(vector)
  const off = lengthOf(ours.map((x, i) => values[each.length + i]! - x)) / lengthOf(ours)
  return off <= vectorTolerance ? undefined : `what it learned is off by ${(100 * off).toPrecision(2)} %`
}
