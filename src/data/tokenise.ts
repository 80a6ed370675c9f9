import { UserError } from '../errors/user-error.js'
import type { EncodedExample, Tokenizer } from '../text/tokenizer.js'
import type { Example } from './examples.js'
import { placeOf } from './records.js'

/** An example as tokens, with its source. */
export interface TokenisedExample extends EncodedExample {
  readonly example: Example
  /** The same prompt with a wrong answer, where pairs are asked for. */
  readonly wrong?: EncodedExample
}

/** The rows that an example becomes: with its answer, and perhaps with a wrong one. */
export const sidesOf = (example: TokenisedExample): readonly EncodedExample[] =>
  example.wrong === undefined ? [example] : [example, example.wrong]

/**
 * The positions that an example takes: one fewer than its tokens, since the last is only predicted. The model
 * reads the last tokens of a pair too, so a pair takes as many as its longer side has tokens.
 */
export const positionsOf = (example: TokenisedExample): number =>
  Math.max(...sidesOf(example).map(({ tokens }) => tokens.length)) - (example.wrong === undefined ? 1 : 0)

/** How examples become tokens. */
export interface TokeniseOptions {
  /** The most tokens the model reads. The last token of an example is only predicted, and may lie beyond. */
  readonly context: number
  /** Whether `context` is the recipe's setting, not the model's own limit; errors then name the setting. */
  readonly contextIsSet?: boolean
  /** Whether the end-of-text token follows the answer and counts for the loss. */
  readonly endOfText: boolean
  /** The treatment of an example longer than the context. */
  readonly tooLong: 'refuse' | 'drop'
  /** The wrong answer of the example at a place in the data, for pairs. */
  readonly wrongAnswer?: ((example: Example, place: number) => string) | undefined
}

/** Tokenised examples, and how many were too long and dropped. */
export interface TokenisedSet {
  readonly examples: readonly TokenisedExample[]
  readonly dropped: number
}

const encode = (
  tokenizer: Tokenizer,
  example: Example,
  answer: string,
  { endOfText }: TokeniseOptions,
): EncodedExample => {
  const encoded = tokenizer.encodeExample(example.prompt, answer, endOfText, example.chat)
  if (encoded.answerStart > 0 && encoded.answerStart < encoded.tokens.length) return encoded
  const nothingBefore = encoded.answerStart === 0
  throw new UserError({
    what: nothingBefore ? 'the answer begins at the first token' : 'the answer has no tokens of its own',
    where: placeOf(example),
    why: nothingBefore
      ? 'the model predicts a token from those before it, and there are none'
      : 'the tokenizer turns the answer into nothing',
    hint: nothingBefore ? 'give the example a prompt' : 'change the answer, or leave the example out',
  })
}

const tokeniseOne = (
  tokenizer: Tokenizer,
  example: Example,
  place: number,
  options: TokeniseOptions,
): TokenisedExample => {
  const right = encode(tokenizer, example, example.answer, options)
  const wrong = options.wrongAnswer?.(example, place)
  if (wrong === undefined) return { ...right, example }
  return { ...right, example, wrong: encode(tokenizer, example, wrong, options) }
}

/**
 * Tokenises examples, with the answer's span. An example longer than the context is dropped and counted, or
 * causes a `UserError` that names its line, its length and the context. Throws a `UserError` too if no
 * example is left.
 */
export const tokeniseExamples = (
  tokenizer: Tokenizer,
  examples: readonly Example[],
  options: TokeniseOptions,
): TokenisedSet => {
  const { context } = options
  const kept: TokenisedExample[] = []
  for (const [place, example] of examples.entries()) {
    const tokenised = tokeniseOne(tokenizer, example, place, options)
    const length = positionsOf(tokenised)
    if (length <= context) kept.push(tokenised)
    else if (options.tooLong === 'refuse') {
      throw new UserError({
        what: 'the example is longer than the context',
        where: placeOf(example),
        why:
          `it takes ${length} positions (${tokenised.answerStart} tokens of prompt), and ` +
          (options.contextIsSet === true
            ? `the setting context is ${context}`
            : `the model reads at most ${context}`),
        hint:
          `shorten it, ${options.contextIsSet === true ? 'raise --set context=…' : 'leave it out'}, ` +
          'or drop examples that are too long by --drop-long',
      })
    }
  }
  const dropped = examples.length - kept.length
  if (kept.length > 0) return { examples: kept, dropped }
  throw new UserError({
    what: 'there are no examples',
    ...(examples[0] === undefined ? {} : { where: examples[0].file }),
    why: dropped > 0 ? `all ${dropped} are longer than the context of ${context}` : 'the data is empty',
    hint: 'give at least one example that fits',
  })
}
