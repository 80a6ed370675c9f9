import type { Example } from '../data/examples.js'
import type { Tokenizer } from '../text/tokenizer.js'

/** The options of a prompt, as tokens after their common beginning. */
export interface EncodedOptions {
  /**
   * The common beginning of all options' rows: the prompt, or less of it if an answer's token merges with it.
   */
  readonly shared: readonly number[]
  /**
   * The tokens that all options begin with, if they are equally long: those change no comparison of their
   * means. None otherwise.
   */
  readonly beginning: readonly number[]
  /** The tokens of each option after `shared` and `beginning`, in the order of the options; none is empty. */
  readonly continuations: readonly (readonly number[])[]
}

/**
 * Tokenises each option after a prompt as it would be tokenised in training. Where every continuation is one
 * token (`1`, `2`, … after the beginning `answer`), one forward pass scores them all: the option is the one
 * whose token has the greatest logit.
 */
export const encodeOptions = (
  tokenizer: Tokenizer,
  prompt: string,
  options: readonly string[],
  chat?: Example['chat'],
): EncodedOptions => {
  const encoded = options.map(option => tokenizer.encodeExample(prompt, option, false, chat))
  const first = encoded[0]?.tokens ?? []
  const most = Math.min(...encoded.map(({ answerStart, tokens }) => Math.min(answerStart, tokens.length - 1)))
  let length = 0
  while (length < most && encoded.every(({ tokens }) => tokens[length] === first[length])) length++
  const areEqual = encoded.every(({ tokens }) => tokens.length === first.length)
  let end = length
  while (areEqual && end < first.length - 1 && encoded.every(({ tokens }) => tokens[end] === first[end]))
    end++
  return {
    shared: first.slice(0, length),
    beginning: first.slice(length, end),
    continuations: encoded.map(({ tokens }) => tokens.slice(end)),
  }
}
