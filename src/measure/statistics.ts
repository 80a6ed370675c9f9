/** The middle and the ends of several measurements of one thing. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** The middle value; of an even number the mean of the two in the middle. NaN of none. */
export const medianOf = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  return sorted.length === 0
    ? Number.NaN
    : Number.isInteger(half)
      ? (sorted[half - 1]! + sorted[half]!) / 2
      : sorted[Math.floor(half)]!
}

/** Median, least and most. */
export const spreadOf = (values: readonly number[]): Spread => ({
  median: medianOf(values),
  least: Math.min(...values),
  most: Math.max(...values),
})

/**
 * The ratios a_i / b_i of the measurements of each round. Temporary load affects both, so these ratios vary
 * less than the ratio of the medians. Both lists must have the same length.
 */
export const pairedRatios = (a: readonly number[], b: readonly number[]): Spread => {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} measurements are no pairs`)
  return spreadOf(a.map((x, i) => x / b[i]!))
}
