import type { Example } from '../data/examples.js'
import type { Tokenizer } from '../text/tokenizer.js'

/** The tokens that an example's prompt is asked with. */
export const promptTokens = (
  tokenizer: Tokenizer,
  { prompt, chat }: Pick<Example, 'prompt' | 'chat'>,
): readonly number[] => (chat === undefined ? tokenizer.encode(prompt) : tokenizer.encodePlain(prompt))

/** The tokens of an answer to an example's prompt, as training has them. */
export const answerTokens = (
  tokenizer: Tokenizer,
  { prompt, chat }: Example,
  answer: string,
): readonly number[] => {
  const { tokens, answerStart } = tokenizer.encodeExample(prompt, answer, false, chat)
  return tokens.slice(answerStart)
}

/**
 * The text of tokens after a prompt. It is decoded with the prompt, since a blank or a part of a character at
 * the border decodes correctly only there.
 */
export const textAfter = (
  tokenizer: Tokenizer,
  prompt: readonly number[],
  tokens: readonly number[],
): string => {
  const before = tokenizer.decode(prompt)
  const whole = tokenizer.decode([...prompt, ...tokens])
  return whole.startsWith(before) ? whole.slice(before.length) : tokenizer.decode(tokens)
}

/** A text as scores compare it: without white space around it, in normal form. */
export const comparable = (text: string): string => text.normalize('NFC').trim()

/** All answers of an example that are right. */
export const referencesOf = (example: Example): readonly string[] => example.references ?? [example.answer]

/**
 * The answer in a generated text: all of the text if some reference has several lines, else its first line
 * that is not blank.
 */
export const answerWithin = (text: string, references: readonly string[]): string =>
  references.some(r => comparable(r).includes('\n')) ? text.trim() : text.trimStart().split('\n')[0]!.trim()
