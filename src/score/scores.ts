import { UserError } from '../errors/user-error.js'

/** A share of correct answers with its counts. */
export interface Accuracy {
  readonly correct: number
  readonly total: number
  /** correct / total; 0 if the total is 0. */
  readonly accuracy: number
}

/** The share of predictions that are right. */
export const shareOf = (right: readonly boolean[]): Accuracy => {
  const correct = right.filter(Boolean).length
  return { correct, total: right.length, accuracy: right.length === 0 ? 0 : correct / right.length }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * The option that occurs first in a text as a word of its own (no letter or digit beside it), regardless of
 * case; of two that begin at the same place, the longer. `undefined` if none occurs. The score of the
 * commonsense tasks (`true|false`, `answer1`, …) and of JoLA's reference.
 */
export const firstOption = (text: string, options: readonly string[]): string | undefined => {
  const longestFirst = [...options].sort((a, b) => b.length - a.length)
  const pattern = `(?<![\\p{L}\\p{N}])(?:${longestFirst.map(escaped).join('|')})(?![\\p{L}\\p{N}])`
  const found = new RegExp(pattern, 'iu').exec(text)?.[0]
  return found === undefined ? undefined : options.find(o => o.toLowerCase() === found.toLowerCase())
}

/**
 * The option words of a commonsense task, from the answer format its instruction ends with; `undefined` if it
 * has none.
 */
export const optionsInInstruction = (instruction: string): readonly string[] | undefined => {
  const format = /Answer format:\s*([A-Za-z0-9]+(?:\/[A-Za-z0-9]+)+)/.exec(instruction)?.[1]
  return format?.split('/')
}

/** The first letter A to J that stands as a word in a text, in upper case: the score of MMLU-Pro. */
export const firstLetter = (text: string): string | undefined =>
  /(?<![\p{L}\p{N}])[A-J](?![\p{L}\p{N}])/u.exec(text)?.[0]

/**
 * Likelihood score: the option whose tokens have the least mean negative log-likelihood. `losses[i]` are
 * those of the tokens of `options[i]`; on a tie the one of more tokens wins, since what begins another option
 * is as likely as that, and then the first. `undefined` if there are no options. Throws a `UserError` for
 * losses that are not numbers.
 */
export const likeliest = (
  options: readonly string[],
  losses: readonly (readonly number[])[],
): string | undefined => {
  let best: { readonly option: string; readonly loss: number; readonly tokens: number } | undefined
  options.forEach((option, i) => {
    const loss = mean(losses[i] ?? [])
    const tokens = losses[i]?.length ?? 0
    if (Number.isNaN(loss))
      throw new UserError({
        what: 'the model gives no number for an answer',
        why: `the loss of '${option}' is not a number`,
        hint: 'look for NaN in its weights',
      })
    if (best === undefined || loss < best.loss || (loss === best.loss && tokens > best.tokens))
      best = { option, loss, tokens }
  })
  return best?.option
}

/** The arithmetic mean; NaN for an empty list. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, x) => sum + x, 0) / values.length

/** The sample standard deviation (n − 1 in the denominator); 0 for a single value, NaN for an empty list. */
export const standardDeviation = (values: readonly number[]): number => {
  if (values.length === 1) return 0
  const m = mean(values)
  return Math.sqrt(values.reduce((sum, x) => sum + (x - m) ** 2, 0) / (values.length - 1))
}
