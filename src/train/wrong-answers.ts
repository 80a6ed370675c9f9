import type { Example } from '../data/examples.js'
import { distinctAnswers } from '../data/examples.js'
import { random32 } from '../data/random.js'
import { placeOf } from '../data/records.js'
import { UserError } from '../errors/user-error.js'
import { isClassification } from '../score/evaluate.js'
import { optionsInInstruction } from '../score/scores.js'
import { referencesOf } from '../score/written-answers.js'

/** The stream of random numbers that chooses wrong answers; shuffles use one for each epoch, from 0. */
const stream = 0x77726f6e

/**
 * A function that finds the wrong answer of the example at a place in the data. It is one that the example
 * names as wrong; else another of its options or labels; else another option of those that its instruction
 * lists; else, if the training data have few distinct answers, another one of these. Of several the seed and
 * the place choose one, the same in every epoch. The function throws a `UserError` where there is none.
 */
export const wrongAnswers = (
  train: readonly Example[],
  { recipe, seed }: { readonly recipe: string; readonly seed: number },
): ((example: Example, place: number) => string) => {
  const answers = isClassification(train) ? distinctAnswers(train) : []
  return (example, place) => {
    const right = new Set(referencesOf(example).map(a => a.trim()))
    const listed = example.options ?? optionsInInstruction(example.prompt) ?? answers
    const wrong = example.wrong ?? listed.filter(option => !right.has(option.trim()))
    if (wrong.length > 0) return wrong[Math.floor((random32(seed, stream, place) / 2 ** 32) * wrong.length)]!
    throw new UserError({
      what: `the example has no wrong answer, and ${recipe} learns from pairs`,
      where: placeOf(example),
      why: 'it names none, and has no other option or label that could be one',
      hint:
        'add a field "wrong" (or "rejected") with a wrong answer, or "options" with the answers to ' +
        'choose from',
    })
  }
}
