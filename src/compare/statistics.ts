import { mean, standardDeviation } from '../score/scores.js'

/** A mean and its confidence interval. */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
  /** The number of values that it comes from. */
  readonly count: number
}

/** ln Γ(x) for x > 0, by Lanczos' approximation (g = 7, nine terms). */
const logGamma = (x: number): number => {
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  const base = x + 6.5
  const sum = terms.reduce((total, term, i) => total + (i === 0 ? term : term / (x - 1 + i)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum)
}

/** The continued fraction of the incomplete beta function, by Lentz's method. */
const betaFraction = (x: number, a: number, b: number): number => {
  const tiny = 1e-300
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let result = d
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    result *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    result *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return result
}

/** The regularised incomplete beta function I_x(a, b). */
const incompleteBeta = (x: number, a: number, b: number): number => {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x))
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b
}

/** The chance that Student's t with `df` degrees of freedom is at most t, for t ≥ 0. */
const studentCumulative = (t: number, df: number): number =>
  1 - incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2

/**
 * The value below which Student's t with `df` degrees of freedom lies with chance `p`, for p in [0.5, 1), by
 * bisection.
 */
export const studentQuantile = (p: number, df: number): number => {
  let low = 0
  let high = 1
  while (studentCumulative(high, df) < p) high *= 2
  for (let i = 0; i < 200 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2
    if (studentCumulative(middle, df) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The confidence of all intervals. */
export const confidence = 0.95

/**
 * The mean of values with its confidence interval by Student's t, m ± t·s/√n. `undefined` for fewer than two
 * values, which say nothing about their spread.
 */
export const intervalOf = (values: readonly number[]): Interval | undefined => {
  const count = values.length
  if (count < 2) return undefined
  const middle = mean(values)
  const reach =
    (studentQuantile((1 + confidence) / 2, count - 1) * standardDeviation(values)) / Math.sqrt(count)
  return { mean: middle, low: middle - reach, high: middle + reach, count }
}

/**
 * The agreement of sets over seeds: the mean over all pairs of |A ∩ B| / |A ∪ B| (Jaccard). Two empty sets
 * agree. `undefined` for fewer than two sets.
 */
export const meanAgreement = (sets: readonly ReadonlySet<number>[]): number | undefined => {
  const pairs = sets.flatMap((a, i) => sets.slice(i + 1).map(b => [a, b] as const))
  if (pairs.length === 0) return undefined
  return mean(
    pairs.map(([a, b]) => {
      const common = [...a].filter(x => b.has(x)).length
      const all = a.size + b.size - common
      return all === 0 ? 1 : common / all
    }),
  )
}
