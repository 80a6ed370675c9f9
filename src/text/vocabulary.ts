import { UserError } from '../errors/user-error.js'
import type { Tokenizer } from './tokenizer.js'

/**
 * A tokenizer that checks its tokens against the model's vocabulary, since kernels read embeddings without a
 * check. Throws a `UserError` for the first token that the model lacks.
 */
export const withinVocabulary = (tokenizer: Tokenizer, vocabulary: number, directory: string): Tokenizer => {
  const check = (tokens: readonly number[]): readonly number[] => {
    const wrong = tokens.find(t => t < 0 || t >= vocabulary)
    if (wrong === undefined) return tokens
    throw new UserError({
      what: `the token ${wrong} ('${tokenizer.decode([wrong])}') is not in the model's vocabulary`,
      where: directory,
      why: `config.json says vocab_size ${vocabulary}; the tokenizer knows ${tokenizer.size} tokens`,
      hint: 'use the tokenizer that belongs to the model',
    })
  }
  return {
    ...tokenizer,
    encode: text => check(tokenizer.encode(text)),
    encodePlain: text => check(tokenizer.encodePlain(text)),
    encodeExample: (prompt, answer, endOfText, chat) => {
      const encoded = tokenizer.encodeExample(prompt, answer, endOfText, chat)
      check(encoded.tokens)
      return encoded
    },
  }
}
