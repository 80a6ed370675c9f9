import type { Example } from '../data/examples.js'
import { placeOf } from '../data/records.js'
import { UserError } from '../errors/user-error.js'
import { firstLetter, firstOption, optionsInInstruction } from './scores.js'
import { comparable, referencesOf } from './written-answers.js'

/** Reads the answer in a text. The same function reads the right answer and the generated text. */
export type ReadAnswer = (text: string, example: Example) => string | undefined

/**
 * The reader of each score. Throws a `UserError` for the first example whose right answer it can't read,
 * since no text could be right there.
 */
export const answerReader = (
  scoring: 'word' | 'letter' | 'text',
  examples: readonly Example[],
  options: readonly string[],
): ReadAnswer => {
  const read: ReadAnswer = (text, { prompt }) => {
    if (scoring === 'letter') return firstLetter(text)
    if (scoring === 'text') return comparable(text)
    return firstOption(text, (optionsInInstruction(prompt) ?? options).map(comparable))
  }
  const unread = examples.find(e => referencesOf(e).some(r => read(r, e) === undefined))
  if (unread === undefined) return read
  const wanted = scoring === 'letter' ? 'a letter A to J that stands as a word' : 'one of the option words'
  const words = (optionsInInstruction(unread.prompt) ?? options).slice(0, 12)
  const listed = scoring === 'word' ? `: ${words.join(', ')}` : ''
  throw new UserError({
    what: `the answer is not told by ${scoring === 'letter' ? 'a letter' : 'an option word'}`,
    where: placeOf(unread),
    why: `it is ${JSON.stringify(unread.answer)}, and --score ${scoring} reads ${wanted}${listed}`,
    hint: 'score by --score choice or --score text',
  })
}
