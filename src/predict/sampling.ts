/**
 * Choosing the next token by chance. The steps and their order are those of Hugging Face's `generate`: a
 * penalty for tokens that are there already, the temperature, the k likeliest tokens (top-k), the smallest
 * set of likeliest tokens that together have the probability p (top-p, Holtzman et al. 2020), and a draw from
 * what is left.
 *
 *     logits [2, 1, 0], temperature 1, top-k 2, u = 0.9   →   token 1
 *
 * The numbers behind the draws are functions of the seed, the row and the step alone. So a row gets the same
 * tokens whichever rows stand beside it, as long as its logits are the same.
 */
import { random32 } from '../data/random.js'
import { UserError } from '../errors/user-error.js'

/** How tokens are drawn. */
export interface Sampling {
  /**
   * The logits are divided by it: below 1 likely tokens become likelier. At least 0; 0 takes the likeliest
   * token.
   */
  readonly temperature: number
  /** Only so many of the likeliest tokens are drawn. */
  readonly topK?: number | undefined
  /** Only the likeliest tokens are drawn that together have this probability, above 0 and at most 1. */
  readonly topP?: number | undefined
  /**
   * The logit of a token that stands in the row is divided by it if it is positive, and multiplied otherwise
   * (Keskar et al. 2019). 1 changes nothing.
   */
  readonly repetitionPenalty?: number | undefined
  readonly seed: number
}

/** Throws a `UserError` that names the first setting outside its range. */
export const checkSampling = ({ temperature, topK, topP, repetitionPenalty, seed }: Sampling): void => {
  const refuse = (name: string, value: number, range: string): never => {
    throw new UserError({ what: `${name} cannot be ${value}`, hint: `give ${range}`, exitCode: 2 })
  }
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    refuse('the temperature', temperature, 'a number from 0 on; 1 leaves the probabilities as they are')
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    refuse('top-k', topK, 'a whole number from 1 on')
  if (topP !== undefined && !(topP > 0 && topP <= 1)) refuse('top-p', topP, 'a number above 0, at most 1')
  if (
    repetitionPenalty !== undefined &&
    !(repetitionPenalty > 0 && repetitionPenalty < Number.POSITIVE_INFINITY)
  )
    refuse('the repetition penalty', repetitionPenalty, 'a number above 0; 1 changes nothing')
  if (!Number.isSafeInteger(seed)) refuse('the seed', seed, 'a whole number')
}

/** A number in (0, 1) for a step of a row. */
export const drawAt = (seed: number, row: number, step: number): number =>
  (random32(seed, row, step) + 0.5) / 2 ** 32

const penalised = (logits: ArrayLike<number>, seen: Iterable<number>, penalty: number): Float64Array => {
  const out = Float64Array.from(logits)
  if (penalty !== 1)
    for (const token of new Set(seen))
      out[token]! = out[token]! > 0 ? out[token]! / penalty : out[token]! * penalty
  return out
}

/** The tokens that may be drawn, the likeliest first, with weights that add up to `total`. */
interface Candidates {
  readonly tokens: readonly number[]
  readonly weights: readonly number[]
  readonly total: number
}

const candidatesOf = (
  logits: Float64Array,
  { temperature, topK = Number.POSITIVE_INFINITY, topP = 1 }: Sampling,
): Candidates => {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b)
  const likely = order.slice(0, temperature === 0 ? 1 : topK)
  const best = logits[likely[0]!]!
  const weights = likely.map(token =>
    token === likely[0] ? 1 : Math.exp((logits[token]! - best) / temperature),
  )
  const all = weights.reduce((a, b) => a + b, 0)
  let count = 0
  let total = 0
  while (count < likely.length && (count === 0 || total < topP * all)) total += weights[count++]!
  return { tokens: likely.slice(0, count), weights: weights.slice(0, count), total }
}

/**
 * Draws the token after a row.
 *
 * @param logits the logits of all tokens
 * @param seen the tokens that stand in the row
 * @param u a number in (0, 1)
 */
export const drawToken = (
  logits: ArrayLike<number>,
  seen: Iterable<number>,
  sampling: Sampling,
  u: number,
): number => {
  const { tokens, weights, total } = candidatesOf(
    penalised(logits, seen, sampling.repetitionPenalty ?? 1),
    sampling,
  )
  let below = 0
  for (const [i, weight] of weights.entries()) {
    below += weight
    if (u * total < below) return tokens[i]!
  }
  return tokens.at(-1)!
}
