import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Example } from '../../src/data/examples.js'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import type { JsonObject } from '../../src/json/json-values.js'
import { evaluate, taskOf } from '../../src/score/evaluate.js'
import type { Scored, Scoring } from '../../src/score/evaluation.js'
import { answerTokens, comparable, promptTokens, referencesOf } from '../../src/score/written-answers.js'
import { type Tokenizer, tokenizerOf } from '../../src/text/tokenizer.js'
import { sharedPath } from '../support/shared.js'
import { userError } from '../support/user-error.js'

/**
 * A stand-in for a model that is sure of each example's answer, in the tokens that training would have taught
 * it.
 */
const perfect = (tokenizer: Tokenizer, examples: readonly Example[], context = 100_000): Scored => {
  const answers = new Map(
    examples.map(e => [promptTokens(tokenizer, e).join(), answerTokens(tokenizer, e, e.answer)] as const),
  )
  /** What the model would write after a row, which may hold a part of the answer. */
  const rest = (row: readonly number[]): readonly number[] => {
    for (let n = row.length; n > 0; n--) {
      const answer = answers.get(row.slice(0, n).join())
      if (answer?.slice(0, row.length - n).join() === row.slice(n).join()) return answer.slice(row.length - n)
    }
    return []
  }
  return {
    context,
    next: async rows =>
      rows.map(row => {
        const logits = new Float32Array(tokenizer.size)
        const [token] = rest(row)
        if (token !== undefined) logits[token] = 1
        return logits
      }),
    losses: async rows =>
      rows.map(({ tokens, from }) => {
        let loss = 0
        for (let i = from; i < tokens.length; i++) if (rest(tokens.slice(0, i))[0] !== tokens[i]) loss += 20
        return loss
      }),
    greedy: async (prompts, most) => prompts.map(p => rest(p).slice(0, most)),
  }
}

const blanks = fc.constantFrom('', '', ' ', '\n', '  ')

/** Answers that share their white space, as those of one data set do. */
const spaced = (words: readonly string[]): fc.Arbitrary<readonly string[]> =>
  fc.tuple(blanks, blanks).map(([before, after]) => words.map(word => before + word + after))

const asked = (answers: readonly string[], prompt: (i: number) => string): readonly Example[] =>
  answers.map((answer, i) => ({ prompt: prompt(i), answer, file: 'x.jsonl', line: i + 1 }))

const ends = fc.constantFrom('?', '? ', ':\n', ' ', ' Answer:')

const cases: Readonly<Record<Scoring, fc.Arbitrary<readonly Example[]>>> = {
  choice: fc
    .tuple(
      fc
        .constantFrom(
          ['true', 'false'],
          ['A', 'B', 'C'],
          ['New', 'New York', 'York'],
          ['answer1', 'answer12'],
          ['sí', 'no', '不'],
        )
        .chain(spaced),
      ends,
    )
    .map(([words, end]) => asked([...words, ...words], i => `Question ${i}${end}`)),
  word: fc
    .tuple(spaced(['true', 'false', 'false']), ends)
    .map(([words, end]) => asked(words, i => `Is ${i} right?\n\nAnswer format: true/false${end}`)),
  letter: fc
    .tuple(spaced(['A', 'C', 'J']), ends)
    .map(([words, end]) => asked(words, i => `Which of ${i}${end}`)),
  text: fc
    .tuple(
      fc.array(
        fc
          .string({
            unit: fc.constantFrom(...'ab Z9.,é😀\n-', 'the ', ' New York'),
            minLength: 1,
            maxLength: 90,
          })
          .filter(text => comparable(text) !== ''),
        { minLength: 1, maxLength: 4 },
      ),
      ends,
    )
    .map(([texts, end]) => asked(texts, i => `Write ${i}${end}`)),
}

const fromShared = (name: string): Tokenizer | undefined => {
  const path = sharedPath('data', 'tokenizers', `${name}.tokenizer.json.gz`)
  if (path === undefined) return undefined
  const parsed = JSON.parse(gunzipSync(readFileSync(path)).toString('utf8')) as JsonObject
  return tokenizerOf(parsed, {}, {}, path)
}

const stories = sharedPath('data', 'models', 'stories260K')

const tokenizers = [
  ['stories260K', async () => openTokenizer(stories!)],
  ['gpt2', async () => fromShared('gpt2')!],
  ['qwen', async () => fromShared('qwen')!],
  ['llama3', async () => fromShared('llama3')!],
] as const

for (const [name, open] of tokenizers) {
  describe.skipIf(stories === undefined)(`a perfect model with the tokenizer of ${name}`, async () => {
    const tokenizer = stories === undefined ? undefined : await open()

    it.each(['choice', 'word', 'letter', 'text'] as const)('scores 100 %% by %s', async scoring => {
      await fc.assert(
        fc.asyncProperty(cases[scoring], async examples => {
          const task = taskOf(examples, examples, scoring)
          const result = await evaluate(perfect(tokenizer!, examples), tokenizer!, examples, task)
          const wrong = result.predictions.filter(p => !p.right).map(p => [p.example.answer, p.predicted])
          expect(wrong).toEqual([])
          if (result.unconstrained !== undefined) expect(result.unconstrained.accuracy).toBe(1)
          if (result.bleu !== undefined) expect(result.bleu).toBeCloseTo(100, 8)
          if (result.rougeL !== undefined) expect(result.rougeL).toBe(1)
        }),
        { numRuns: 40 },
      )
    })
  })
}

describe.skipIf(stories === undefined)('a score', async () => {
  const tokenizer = stories === undefined ? undefined : await openTokenizer(stories)
  const score = (examples: readonly Example[], scoring: Scoring, more: object = {}, context?: number) =>
    evaluate(perfect(tokenizer!, examples, context), tokenizer!, examples, {
      ...taskOf(examples, examples, scoring),
      ...more,
    })

  it('takes any of several references, and rows with one prompt as one', async () => {
    const examples = asked(['a b c d e', 'e d c b a', 'x'], i => (i < 2 ? 'Say' : 'Tell'))
    const result = await score(examples, 'text')
    expect(result.predictions.map(p => referencesOf(p.example).length)).toEqual([2, 1])
    expect(result.accuracy).toMatchObject({ correct: 2, total: 2 })
  })

  it('reads no more than the first line, unless an answer has more', async () => {
    const model = (text: string): Scored => ({
      ...perfect(tokenizer!, []),
      greedy: async () => [tokenizer!.encodePlain(text)],
    })
    const right = async (answer: string, text: string) => {
      const examples = asked([answer], () => 'Say')
      const task = taskOf(examples, examples, 'text')
      return (await evaluate(model(text), tokenizer!, examples, task)).accuracy.correct
    }
    expect(await right('yes', '\nyes\nand more')).toBe(1)
    expect(await right('yes\n', 'yes\nand more')).toBe(1)
    expect(await right('yes\nno', 'yes\nno')).toBe(1)
    expect(await right('yes\nno', 'yes')).toBe(0)
  })

  it('does with long prompts what it is told, and says so', async () => {
    const examples = asked(['yes', 'no', 'yes', 'no'], i => (i === 2 ? 'and then '.repeat(20) : `${i}?`))
    const error = await userError(score(examples, 'text', {}, 40))
    expect(error.what).toContain('1 of 4 prompts leaves no room for an answer')
    expect([error.where, error.exitCode]).toEqual(['x.jsonl:3', 1])
    expect(await score(examples, 'text', { long: 'skip' }, 40)).toMatchObject({
      skipped: 1,
      accuracy: { correct: 3, total: 3 },
    })
    for (const scoring of ['text', 'choice'] as const)
      for (const long of ['left', 'right'] as const) {
        const rows: (readonly number[])[] = []
        const model = perfect(tokenizer!, examples, 40)
        const watched: Scored = {
          ...model,
          greedy: async (prompts, ...others) => {
            rows.push(...prompts)
            return model.greedy(prompts, ...others)
          },
          losses: async all => {
            rows.push(...all.map(r => r.tokens))
            return model.losses(all)
          },
        }
        const task = taskOf(examples, examples, scoring)
        const result = await evaluate(watched, tokenizer!, examples, { ...task, long })
        expect([result.cut, result.accuracy.total]).toEqual([1, 4])
        expect(rows.every(row => row.length <= 41 && row[0] === 1)).toBe(true)
        const whole = promptTokens(tokenizer!, examples[2]!)
        const row = rows.find(r => r.length > 30)!
        const n = scoring === 'text' ? row.length : 30
        if (long === 'right') expect(row.slice(0, n)).toEqual(whole.slice(0, n))
        else if (scoring === 'text') expect(row).toEqual([1, ...whole.slice(-(row.length - 1))])
      }
  })

  it('is refused where its own answers could not be read', async () => {
    const error = await userError(
      score(
        asked(['the dog'], () => 'Which?'),
        'letter',
      ),
    )
    expect([error.what, error.where]).toEqual(['the answer is not told by a letter', 'x.jsonl:1'])
    const words = asked(['maybe'], () => 'Well? Answer format: true/false')
    expect((await userError(score(words, 'word'))).why).toContain('one of the option words: true, false')
    expect((await userError(score([], 'text'))).what).toBe('there is nothing to score')
  })
})
