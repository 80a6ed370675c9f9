import type { TokenisedExample } from '../../src/data/tokenise.js'

/** A tokenised example of these tokens, whose answer begins at `answerStart`. */
export const tokenised = (tokens: readonly number[], answerStart: number, line = 1): TokenisedExample => ({
  tokens,
  answerStart,
  example: { prompt: '', answer: '', file: 'made up', line },
})
