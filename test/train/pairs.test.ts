import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { exampleBatches, longestAnswer, paddedLength } from '../../src/data/batch.js'
import type { Example } from '../../src/data/examples.js'
import { type TrainRequest, train } from '../../src/index.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { wrongAnswers } from '../../src/train/wrong-answers.js'
import { sharedFolder } from '../cli/support.js'
import { examplesIn } from '../docs/examples.js'
import { withDevice } from '../support/device.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

const example = (more: Partial<Example>): Example => ({
  prompt: 'Q',
  answer: 'a',
  file: 'train.jsonl',
  line: 1,
  ...more,
})

describe('the wrong answer of an example', () => {
  const of = (one: Example, train: readonly Example[] = [one], seed = 0): string =>
    wrongAnswers(train, { recipe: 'R', seed })(one, 0)

  it('is what the data names, then another option, then one that the instruction lists', () => {
    const options = ['a', 'b']
    expect(of(example({ wrong: ['c'], options }))).toBe('c')
    expect(of(example({ options }))).toBe('b')
    expect(of(example({ prompt: 'Answer format: b/a' }))).toBe('b')
    expect(of(example({ options: ['a', 'b', 'd'], references: ['a', 'd'] }))).toBe('b')
  })

  it('is another answer of the training data, where those are few', () => {
    const few = ['a', 'b', 'a', 'b'].map(answer => example({ answer }))
    expect(of(few[0]!, few)).toBe('b')
    expect(of(few[1]!, few)).toBe('a')
  })

  it('is chosen by the seed and the place, and each is chosen in turn', () => {
    const one = example({ options: ['a', 'b', 'c', 'd'] })
    const chosen = (seed: number) => {
      const find = wrongAnswers([one], { recipe: 'R', seed })
      return Array.from({ length: 60 }, (_, place) => find(one, place))
    }
    expect(chosen(1)).toEqual(chosen(1))
    expect(chosen(1)).not.toEqual(chosen(2))
    for (const option of ['b', 'c', 'd'])
      expect(chosen(1).filter(o => o === option).length).toBeGreaterThan(8)
  })

  it('is missed by name', () => {
    expect(() => of(example({}))).toThrow('the example has no wrong answer, and R learns from pairs')
    expect(() => of(example({ options: ['a'] }))).toThrow('no wrong answer')
  })
})

it('batches of pairs hold every token, each side its own prompt and answer', () => {
  const examples = [
    { tokens: [5, 6, 7], answerStart: 2, wrong: { tokens: [5, 6, 8, 9], answerStart: 2 } },
    { tokens: [5, 7], answerStart: 1, wrong: { tokens: [5, 4], answerStart: 1 } },
  ].map(e => ({ ...e, example: example({}) }))
  expect(paddedLength(examples, 64)).toBe(8)
  expect(paddedLength(examples, 4)).toBe(4)
  expect(longestAnswer(examples)).toBe(2)
  const stream = exampleBatches(examples, { batchSize: 3, length: 4, answer: 2, batches: 'any' })
  const { wrong, ...right } = stream.at(0, 0)
  expect([...right.tokens]).toEqual([5, 6, 7, 0, 5, 7, 0, 0, 0, 0, 0, 0])
  expect([...wrong!.tokens]).toEqual([5, 6, 8, 9, 5, 4, 0, 0, 0, 0, 0, 0])
  expect([...right.example]).toEqual([0, 1, -1])
  expect([...wrong!.example]).toEqual([0, 1, -1])
  expect([...right.weight]).toEqual([1, 0, 1, 0, 0, 0])
  expect([...wrong!.weight]).toEqual([1, 1, 1, 0, 0, 0])
  expect([...wrong!.target]).toEqual([8, 9, 4, 0, 0, 0])
})

withDevice('a recipe that learns from pairs', device => {
  let folder: string
  const row = (prompt: string, chosen: string, rejected: string) => ({ prompt, chosen, rejected })
  const data = ['ab?', 'ba?', 'cd?', 'dc?', 'da?'].map((q, i) => row(q, 'ef'[i % 2]!, i < 2 ? 'gh' : 'g'))
  const lines = (rows: readonly object[]): string => rows.map(r => `${JSON.stringify(r)}\n`).join('')
  beforeAll(async () => {
    folder = await sharedFolder({ 'train.jsonl': lines(data), 'valid.jsonl': lines(data) })
    await writeTinyLlama(join(folder, 'model'))
    const prefer = examplesIn('language.md').find(e => e.text.includes('recipe Prefer('))!.text
    await writeFile(join(folder, 'prefer.jola'), prefer)
  })

  const request = (out: string, mode: 'new' | 'resume' = 'new'): TrainRequest => ({
    file: join(folder, 'prefer.jola'),
    model: join(folder, 'model'),
    data: folder,
    out: join(folder, out),
    set: ['learning_rate=0.05'],
    seed: 3,
    mode,
    dropLong: false,
    saveEvery: 1e9,
    bf16: false,
  })
  const done = () => undefined
  const silent = { preparing: done, compiled: done, started: done, step: done, epoch: done }
  const never = new AbortController().signal

  it('begins at log 2, learns, and interrupted goes on to the same bits', async () => {
    const { history } = await train(device, request('whole'), silent, never)
    expect(history.steps[0]!.loss).toBeCloseTo(Math.log(2), 6)
    expect(history.epochs.at(-1)!.loss).toBeLessThan(Math.log(2) - 0.01)
    const stop = new AbortController()
    await train(device, request('parts'), { ...silent, epoch: () => stop.abort() }, stop.signal)
    await train(device, request('parts', 'resume'), silent, never)
    const [whole, parts] = ['whole', 'parts'].map(name => new RunFolder(join(folder, name)).load())
    expect(await parts).toEqual(await whole)
  })

  it('is refused data without wrong answers, with the line, and running text', async () => {
    const bad = await sharedFolder({
      'train.jsonl': lines([data[0]!, { prompt: 'gg?', answer: 'e' }]),
      'valid.jsonl': lines(data),
    })
    const refused = await userError(train(device, { ...request('bad'), data: bad }, silent, never))
    expect(refused.what).toBe('the example has no wrong answer, and Prefer learns from pairs')
    expect(refused.where).toMatch(/train\.jsonl:2$/)
    const text = await sharedFolder({ 'train.jsonl': '"ab"\n', 'valid.jsonl': '"ab"\n' })
    const running = await userError(train(device, { ...request('text'), data: text }, silent, never))
    expect(running.what).toContain('Prefer learns from pairs')
  })
})
