import { expect, it } from 'vitest'
import type { Example } from '../../src/data/examples.js'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import { evaluate } from '../../src/score/evaluate.js'
import type { Scored } from '../../src/score/evaluation.js'
import { temporaryDirectory } from '../support/temporary.js'
import { writeLetters } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

const examples: readonly Example[] = [{ prompt: 'a?', answer: 'bc', file: 'x.jsonl', line: 1 }]

const opened = async () => {
  const folder = await temporaryDirectory()
  await writeLetters(folder, 'abcdefgh?')
  const tokenizer = await openTokenizer(folder)
  const asked: (number | undefined)[] = []
  const write = (text: string) => async (prompts: readonly (readonly number[])[]) =>
    prompts.map(() => tokenizer.encode(text))
  const model: Scored = {
    context: 64,
    next: async () => [],
    losses: async () => [],
    greedy: write('dd'),
    beams: async (prompts, _most, _tokenizer, { beams }) => {
      asked.push(beams)
      return write('bc')(prompts)
    },
  }
  return { tokenizer, model, asked }
}

const task = { scoring: 'text', options: [], majority: 1 } as const

it('texts are searched with beams where they are asked for, and written greedily elsewhere', async () => {
  const { tokenizer, model, asked } = await opened()
  const searched = await evaluate(model, tokenizer, examples, { ...task, beams: { beams: 4 } })
  expect([searched.accuracy.accuracy, asked]).toEqual([1, [4]])
  expect((await evaluate(model, tokenizer, examples, task)).accuracy.accuracy).toBe(0)
  expect(asked).toEqual([4])
})

it('beams are refused where nothing is written, or the model cannot search', async () => {
  const { tokenizer, model } = await opened()
  const beams = { beams: 4 }
  const chosen = evaluate(model, tokenizer, examples, { ...task, scoring: 'choice', beams })
  expect((await userError(chosen)).what).toContain('likelihood of their options')
  const { beams: _, ...plain } = model
  expect((await userError(evaluate(plain, tokenizer, examples, { ...task, beams }))).what).toBe(
    'this model does not search with beams',
  )
})
