/**
 * Beam search: of all continuations that have been begun, the likeliest few go on. Steps, scores and ends are
 * those of Hugging Face's `generate` (transformers 5), so that texts are the same.
 *
 * In each step every beam may go on with every token. Of those, the likeliest (1 + stop tokens) · beams are
 * looked at, at least twice as many as beams: the likeliest that do not end the text go on. A text that ends
 * among the first `beams` is finished, with the score Σ log p / length ^ penalty, its end counted.
 */
import { UserError } from '../errors/user-error.js'

/** How beams are searched. */
export interface BeamOptions {
  /** Continuations that are followed at once, at least 1. */
  readonly beams: number
  /** The exponent of the length that scores are divided by: above 0 it favours long texts. 1 unless given. */
  readonly lengthPenalty?: number | undefined
  /**
   * `true` ends a search once as many texts are finished as there are beams. `false`, the default, goes on as
   * long as the best running text, if it ended now, would be better than the worst of them. `never` asks
   * instead what it would score at the greatest length, where the penalty is above 0.
   */
  readonly earlyStopping?: boolean | 'never' | undefined
}

/** Throws a `UserError` for options outside their ranges. */
export const checkBeams = ({ beams, lengthPenalty = 1 }: BeamOptions): void => {
  if (!Number.isInteger(beams) || beams < 1)
    throw new UserError({
      what: `${beams} beams are asked for`,
      hint: 'give a whole number from 1 on',
      exitCode: 2,
    })
  if (!Number.isFinite(lengthPenalty))
    throw new UserError({
      what: `the length penalty cannot be ${lengthPenalty}`,
      hint: 'give a number',
      exitCode: 2,
    })
}

/** A continuation: its tokens after the prompt, and the sum of their log-probabilities, or its score. */
interface Beam {
  readonly tokens: readonly number[]
  readonly score: number
}

const logSumExp = (logits: ArrayLike<number>): number => {
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]!)
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - top)
  return top + Math.log(sum)
}

/** One token after one beam. */
interface Candidate {
  readonly beam: number
  readonly token: number
  readonly score: number
}

/** The likeliest candidates, the first of equals first. */
const likeliestOf = (
  running: readonly Beam[],
  logits: readonly ArrayLike<number>[],
  count: number,
): readonly Candidate[] => {
  const best: Candidate[] = []
  running.forEach(({ score }, beam) => {
    const row = logits[beam]!
    const total = logSumExp(row)
    for (let token = 0; token < row.length; token++) {
      const own = score + row[token]! - total
      if (best.length === count && !(own > best[count - 1]!.score)) continue
      let at = best.length
      while (at > 0 && best[at - 1]!.score < own) at -= 1
      best.splice(at, 0, { beam, token, score: own })
      if (best.length > count) best.pop()
    }
  })
  return best
}

/** The search after one prompt. */
export class BeamSearch {
  #running: readonly Beam[] = [{ tokens: [], score: 0 }]
  #finished: readonly Beam[] = []
  #done = false

  /** `most`: new tokens at most. */
  constructor(
    private readonly options: BeamOptions,
    private readonly stops: readonly number[],
    private readonly most: number,
  ) {
    this.#done = most <= 0
  }

  /** The continuations whose next logits are needed; none once the search is over. */
  get running(): readonly (readonly number[])[] {
    return this.#done ? [] : this.#running.map(b => b.tokens)
  }

  /** The best text, without the stop token at its end. */
  get best(): readonly number[] {
    const tokens = this.#finished[0]?.tokens ?? []
    return this.stops.includes(tokens.at(-1) ?? -1) ? tokens.slice(0, -1) : tokens
  }

  /** Goes one token on, by the logits after each running continuation. */
  step(logits: readonly ArrayLike<number>[]): void {
    const { beams, lengthPenalty = 1, earlyStopping = false } = this.options
    const { stops, most } = this
    const length = this.#running[0]!.tokens.length + 1
    const candidates = likeliestOf(this.#running, logits, Math.max(2, 1 + stops.length) * beams)
    const grown = candidates.map(({ beam, token, score }): Beam & { readonly ends: boolean } => ({
      tokens: [...this.#running[beam]!.tokens, token],
      score,
      ends: stops.includes(token) || length >= most,
    }))
    const ended = grown
      .slice(0, beams)
      .filter(c => c.ends)
      .map(({ tokens, score }) => ({ tokens, score: score / length ** lengthPenalty }))
    this.#finished = [...this.#finished, ...ended].sort((a, b) => b.score - a.score).slice(0, beams)
    this.#running = grown.filter(c => !c.ends).slice(0, beams)
    const full = this.#finished.length === beams
    const [leader] = this.#running
    const reach = earlyStopping === 'never' && lengthPenalty > 0 ? most : length
    const hopeless =
      full && leader !== undefined && leader.score / reach ** lengthPenalty <= this.#finished.at(-1)!.score
    this.#done = leader === undefined || hopeless || (full && earlyStopping === true)
  }
}

/** Gives the logits after each row; `prompt` is the number of the prompt that it goes on from. */
export type NextLogits = (
  rows: readonly { readonly prompt: number; readonly tokens: readonly number[] }[],
) => Promise<readonly ArrayLike<number>[]>

/** Brings the searches after prompts to their ends, so many at once, and returns the best texts. */
export const searchTogether = async (
  prompts: readonly (readonly number[])[],
  searches: readonly BeamSearch[],
  together: number,
  next: NextLogits,
): Promise<readonly (readonly number[])[]> => {
  for (let first = 0; first < prompts.length; first += together)
    for (;;) {
      const some = [...prompts.keys()].slice(first, first + together)
      const rows = some.flatMap(prompt =>
        searches[prompt]!.running.map(tokens => ({ prompt, tokens: [...prompts[prompt]!, ...tokens] })),
      )
      if (rows.length === 0) break
      const logits = await next(rows)
      for (const prompt of some) {
        const own = rows.flatMap((r, i) => (r.prompt === prompt ? [logits[i]!] : []))
        if (own.length > 0) searches[prompt]!.step(own)
      }
    }
  return searches.map(search => search.best)
}
