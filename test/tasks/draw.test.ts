import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DataFolder } from '../../src/data/data-folder.js'
import type { DataSource } from '../../src/data/data-source.js'
import type { Split } from '../../src/data/split-files.js'
import { type TaskDeclaration, tasksIn } from '../../src/tasks/declaration.js'
import { asLines, drawExamples } from '../../src/tasks/draw.js'
import { listOpsSource, listOpsValue } from '../../src/tasks/listops.js'
import { userError } from '../support/user-error.js'

const source = (files: Readonly<Record<string, string>>): DataSource => ({
  directory: 'made up',
  list: async () => Object.keys(files),
  pathOf: name => name,
  text: async path => files[path]!,
})

const folderOf = (sizes: Partial<Record<Split, number>>): DataFolder =>
  new DataFolder(
    source(
      Object.fromEntries(
        Object.entries(sizes).map(([part, n]) => [
          `${part}.jsonl`,
          Array.from({ length: n }, (_, i) => JSON.stringify({ prompt: `${part} ${i}`, answer: 'a' })).join(
            '\n',
          ),
        ]),
      ),
    ),
  )

const task: TaskDeclaration = {
  name: 't',
  title: '',
  source: '',
  folders: ['t'],
  files: {},
  reading: {},
  score: 'choice',
  metric: 'accuracy',
}

const prompts = (examples: readonly { readonly prompt: string }[]): readonly string[] =>
  examples.map(e => e.prompt)

describe('a draw', () => {
  const parts: readonly Partial<Record<Split, number>>[] = [
    { train: 60, valid: 30, test: 20 },
    { train: 60, test: 20 },
    { train: 60, valid: 20 },
    { valid: 60, test: 20 },
    { test: 80 },
    { train: 80 },
  ]

  it('never shares an example between parts, and its test data are the same for all seeds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...parts),
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 1, max: 15 }),
        fc.nat(1000),
        async (sizes, train, valid, seed) => {
          const drawn = await drawExamples(task, folderOf(sizes), { train, valid, seed })
          const all = [...prompts(drawn.train), ...prompts(drawn.valid), ...prompts(drawn.test)]
          expect(new Set(all).size).toBe(all.length)
          expect([drawn.train.length, drawn.valid.length]).toEqual([train, valid])
          const other = await drawExamples(task, folderOf(sizes), { train, valid, seed: seed + 1 })
          expect(prompts(other.test)).toEqual(prompts(drawn.test))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('of fewer training examples is a part of one of more, with the same validation examples', async () => {
    for (const sizes of parts) {
      const few = await drawExamples(task, folderOf(sizes), { train: 5, valid: 10, seed: 3 })
      const many = await drawExamples(task, folderOf(sizes), { train: 15, valid: 10, seed: 3 })
      expect(prompts(many.train).slice(0, 5)).toEqual(prompts(few.train))
      expect(prompts(many.valid)).toEqual(prompts(few.valid))
    }
  })

  it('takes the same part of the test data for all, and refuses more than there is', async () => {
    const folder = folderOf({ train: 60, test: 20 })
    const drawn = await drawExamples(task, folder, { train: 5, valid: 5, test: 7, seed: 1 })
    expect(drawn.test.length).toBe(7)
    const error = await userError(drawExamples(task, folder, { train: 40, valid: 30, seed: 0 }))
    expect(error.why).toBe(
      '40 to train on and 30 to validate on are asked for, and there are 60 to draw from',
    )
  })

  it('is written so that it reads as the same examples', async () => {
    const lines = [
      { prompt: ' as it stands\n', answers: ['one', 'two'] },
      { prompt: 'p', answer: 'b', options: ['a', 'b'] },
      { prompt: 'q', answer: 'right', wrong: ['wrong', 'worse'] },
    ]
    const read = (text: string) => new DataFolder(source({ 'train.jsonl': text })).examples('train')
    const before = await read(lines.map(line => JSON.stringify(line)).join('\n'))
    expect(await read(asLines(before))).toEqual(before)
  })
})

describe('a prompt from fields', () => {
  const declared = (more: object) =>
    tasksIn('t.json', {
      name: 't',
      title: '',
      source: '',
      folders: ['t'],
      score: 'text',
      metric: 'bleu',
      ...more,
    })

  it('stands for the fields that it reads; lists are written with commas', async () => {
    const [t] = declared({
      fields: { references: 'scene' },
      ignore: ['reason'],
      template: { as: 'prompt', text: 'Of {concepts} in {place}:', lists: { concepts: '#' } },
    })
    const line = { concepts: 'a#b', place: ['here', 'there'], scene: ['A b.'], reason: 'none' }
    const folder = new DataFolder(source({ 'test.jsonl': JSON.stringify(line) }), t!.reading)
    const [example] = await folder.examples('test')
    expect(example).toMatchObject({ prompt: 'Of a, b in here, there:', answer: 'A b.' })
  })

  it('names a field that is missing', async () => {
    const [t] = declared({ template: { as: 'prompt', text: '{question}' } })
    const folder = new DataFolder(source({ 'test.jsonl': '{"text": "x", "answer": "y"}' }), t!.reading)
    const error = await userError(folder.examples('test'))
    expect(error.what).toBe("the prompt needs the field 'question'")
    expect(error.where).toBe('test.jsonl:1')
  })

  it('a label may follow a prompt or an instruction', async () => {
    const read = async (line: object) => {
      const text = [line, { ...line, label: 'yes' }].map(l => JSON.stringify(l)).join('\n')
      return (await new DataFolder(source({ 'train.jsonl': text })).examples('train'))[0]!
    }
    expect(await read({ prompt: 'p:', label: 'no' })).toMatchObject({ prompt: 'p:', answer: 'no' })
    expect((await read({ instruction: 'do', label: 'no' })).prompt).toContain('### Instruction:\ndo\n')
  })

  it('one task for each value of a field', async () => {
    const tasks = declared({ each: { field: 'kind', values: ['Hard Ones', 'easy'] } })
    expect(tasks.map(t => t.name)).toEqual(['t/hard-ones', 't/easy'])
    const text = ['easy', 'Hard Ones'].map(kind => JSON.stringify({ prompt: kind, answer: 'a', kind }))
    const files = source({ 'test.jsonl': text.join('\n') })
    const ignoring = { ...tasks[0]!.reading, ignore: ['kind'] }
    expect(prompts(await new DataFolder(files, ignoring).examples('test'))).toEqual(['Hard Ones'])
    const none = new DataFolder(files, { where: { kind: 'medium' } })
    expect((await userError(none.examples('test'))).why).toBe('its values are easy, Hard Ones')
  })

  it.each([
    [{ titel: 'x' }, 'nothing reads "titel"'],
    [{ score: 'best' }, '"score" is "best"'],
    [{ score: 'choice' }, 'the metric "bleu" needs "score": "text"'],
    [{ folders: [] }, '"folders" is'],
    [{ template: { as: 'prompt' } }, '"template" is'],
    [{ made: { by: 'listops' } }, '"made" is'],
  ])('a wrong declaration is refused: %j', async (more, why) => {
    expect((await userError(() => declared(more))).why).toContain(why)
  })
})

describe('ListOps', () => {
  it.each([
    ['[MAX 2 9 [MIN 4 7 ] 0 ]', 9],
    ['[MED 1 9 5 ]', 5],
    ['[MED 8 2 ]', 2],
    ['[SM 7 8 [SM 9 9 ] ]', 3],
    ['[MIN 4 [MAX 0 1 ] ]', 1],
  ])('%s is %i', (text, value) => {
    expect(listOpsValue(text)).toBe(value)
  })

  it('is the same for the same seed, with right answers, and no expression in two parts', async () => {
    const how = { by: 'listops', depth: 3, arguments: 4, train: 60, valid: 20, test: 30, seed: 7 } as const
    const read = async () => {
      const folder = new DataFolder(listOpsSource(how))
      return [await folder.examples('train'), await folder.examples('valid'), await folder.examples('test')]
    }
    const all = await read()
    expect(all.map(part => part.length)).toEqual([60, 20, 30])
    expect(await read()).toEqual(all)
    const flat = all.flat()
    expect(new Set(prompts(flat)).size).toBe(110)
    for (const { prompt, answer } of flat)
      expect(String(listOpsValue(prompt.replace(' = ', '')))).toBe(answer)
    expect(Math.max(...flat.map(e => e.prompt.split('[').length - 1))).toBeGreaterThan(3)
  })
})
