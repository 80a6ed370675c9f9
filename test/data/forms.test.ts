import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { DataFolder } from '../../src/data/data-folder.js'
import { jolaPrompt } from '../../src/data/example-of.js'
import { parseFields, parseLabels, parseSizes, type Reading } from '../../src/data/reading.js'
import { renderUserError } from '../../src/errors/user-error.js'
import { openChat } from '../../src/folders/open-chat.js'
import { openDataFolder } from '../../src/folders/open-data.js'
import type { Chat } from '../../src/text/chat.js'
import { folderWith } from '../cli/support.js'
import { userError } from '../support/user-error.js'

const lines = (...values: readonly unknown[]): string => values.map(v => JSON.stringify(v)).join('\n')

const read = async (content: string, reading: Reading = {}, chat?: Chat, name = 'train.jsonl') => {
  const folder = openDataFolder(await folderWith({ [name]: content }), reading, chat)
  return (await folder.examples('train')).map(({ file: _, line: __, ...rest }) => rest)
}

const refusal = async (value: unknown, reading: Reading = {}): Promise<string> =>
  renderUserError(await userError(read(lines(value), reading)))

describe('a text with a label', () => {
  const texts = lines({ text: 'bad', label: 0 }, { text: 'good', label: 1 }, { text: 'fine', label: 1 })

  it('has the name of its label for an answer, among all names', async () => {
    const labels = ['negative', 'positive']
    expect(await read(texts, { labels })).toEqual([
      { prompt: 'bad ', answer: 'negative', options: labels },
      { prompt: 'good ', answer: 'positive', options: labels },
      { prompt: 'fine ', answer: 'positive', options: labels },
    ])
    expect((await read(texts, { labels: 'letters' }))[1]).toEqual({
      prompt: 'good ',
      answer: 'B',
      options: ['A', 'B'],
    })
    const named = lines({ text: 'x', label: 'world' }, { sentence: 'y', label: 0, label_text: 'arts' })
    expect((await read(named)).map(e => e.answer)).toEqual(['world', 'arts'])
    expect((await read(named, { labels: 'letters' })).map(e => e.answer)).toEqual(['B', 'A'])
  })

  it('is refused where nothing says what its number means', async () => {
    expect(await refusal({ text: 'x', label: 1 })).toContain('--labels negative,positive')
    expect(await refusal({ text: 'x', label: 2 }, { labels: ['a', 'b'] })).toContain(
      'no name for the label 2',
    )
    expect(await refusal({ text: 'x', label: -1 }, { labels: ['a', 'b'] })).toContain('the label is none')
    expect(await refusal({ text: 'x', label: 0.5 })).toContain('the label is none')
    expect(await refusal({ text: 'x', label: 'c' }, { labels: ['a', 'b'] })).toContain("'c' is not among")
  })
})

describe('an instruction or a question', () => {
  it('is Alpaca, Dolly or question and answer, by the names of its fields', async () => {
    const at = async (value: object) => (await read(lines(value)))[0]
    expect(await at({ instruction: 'Add.', input: '1 2', output: '3' })).toEqual({
      prompt: jolaPrompt('Add.\n1 2'),
      answer: '3',
    })
    expect((await at({ instruction: 'Add.', context: '1 2', response: '3', category: 'sum' }))?.prompt).toBe(
      jolaPrompt('Add.\n1 2'),
    )
    expect(await at({ prompt: 'Q:', completion: ' A', id: 3 })).toEqual({ prompt: 'Q:', answer: ' A' })
    expect(await at({ question: 'Why?', answer: 'so' })).toEqual({ prompt: jolaPrompt('Why?'), answer: 'so' })
    expect(await at({ prompt: 'Say', answers: ['hi', 'hello', 'hi'] })).toEqual({
      prompt: 'Say',
      answer: 'hi',
      references: ['hi', 'hello'],
    })
  })

  it('lists its options where the answer is the letter or the number of one', async () => {
    const listed = { prompt: jolaPrompt('Which?\nA. x\nB. y'), answer: 'B', options: ['A', 'B'] }
    for (const answer of ['B', 1])
      expect(await read(lines({ question: 'Which?', options: ['x', 'y'], answer }))).toEqual([listed])
    expect(
      await refusal({ question: 'Which?', options: ['x', 'y'], answer: 'B', answer_index: 0 }),
    ).toContain('contradict')
    expect(await refusal({ question: 'Which?', options: ['x', 'y'], answer: 'C' })).toContain('not among')
  })
})

describe('a wrong answer', () => {
  it('is what the data names as wrong, beside any form', async () => {
    const at = async (value: object) => (await read(lines(value)))[0]
    expect(await at({ prompt: 'Q', chosen: 'y', rejected: 'n' })).toEqual({
      prompt: 'Q',
      answer: 'y',
      wrong: ['n'],
    })
    expect(
      (await at({ question: 'Why?', answer: 'so', wrong: ['a', 'b', 'a'], rejected: 'c' }))?.wrong,
    ).toEqual(['a', 'b', 'c'])
    expect((await at({ prompt: 'Q', answer: 'y', rejected: null }))?.wrong).toBeUndefined()
  })
})

describe('a conversation', () => {
  const turns = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
    { role: 'user', content: 'Bye' },
    { role: 'assistant', content: ' So long ' },
  ]
  const template =
    '{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}<end>\n{% ' +
    'endfor %}{% if add_generation_prompt %}<assistant>{% endif %}'

  const chatOf = async (files: Readonly<Record<string, string>>) => openChat(await folderWith(files))

  it('goes through the chat template, and its last message is the answer', async () => {
    const config = JSON.stringify({ bos_token: { content: '<s>' }, chat_template: template })
    const chat = await chatOf({ 'tokenizer_config.json': config })
    expect(await read(lines({ messages: turns }), {}, chat)).toEqual([
      {
        prompt: '<s><user>Hi<end>\n<assistant>Hello<end>\n<user>Bye<end>\n<assistant>',
        answer: 'So long',
        chat: { ending: '<end>' },
      },
    ])
    const shareGpt = [
      { from: 'human', value: 'Hi' },
      { from: 'gpt', value: 'Hello' },
    ]
    expect((await read(lines({ conversations: shareGpt }), {}, chat))[0]?.prompt).toBe(
      '<s><user>Hi<end>\n<assistant>',
    )
    const own = await chatOf({ 'tokenizer_config.json': config, 'chat_template.jinja': `!${template}` })
    expect((await read(lines({ messages: turns }), {}, own))[0]?.prompt).toMatch(/^!<s>/)
  })

  it('may be of preferences: the message that was rejected is a wrong answer', async () => {
    const chat = await chatOf({
      'tokenizer_config.json': JSON.stringify({ bos_token: '<s>', chat_template: template }),
    })
    const [user, good] = turns
    const bad = { role: 'assistant', content: ' Go away ' }
    const expected = {
      prompt: '<s><user>Hi<end>\n<assistant>',
      answer: 'Hello',
      chat: { ending: '<end>' },
      wrong: ['Go away'],
    }
    const rows = [
      { messages: [user, good], rejected: ' Go away ' },
      { chosen: [user, good], rejected: [user, bad] },
      { prompt: 'Hi', chosen: [user, good], rejected: [user, bad] },
      { prompt: [user], chosen: [good], rejected: [bad] },
    ]
    for (const row of rows) expect(await read(lines(row), {}, chat), JSON.stringify(row)).toEqual([expected])
    expect(await refusal({ chosen: [user, good], rejected: [good, bad] })).toContain('differ before')
    expect(await refusal({ chosen: [user, good], rejected: 'no' })).toContain('rejected is not')
    expect(await refusal({ prompt: 'Ho', chosen: [user, good] })).toContain('no message of the conversation')
  })

  it(
    'is refused without a template, without an answer, and with what the template would ' + 'not see',
    async () => {
      const none = await chatOf({ 'tokenizer_config.json': '{}' })
      expect((await userError(read(lines({ messages: turns }), {}, none))).what).toBe(
        'the model has no chat template',
      )
      expect(await refusal({ messages: turns.slice(0, 3) })).toContain('does not end with an answer')
      expect(await refusal({ messages: [...turns.slice(0, 3), { ...turns[3], tool_calls: [1] }] })).toContain(
        'it has tool_calls too',
      )
      expect(
        await refusal({ messages: [{ role: 'user', content: [{ type: 'image' }] }, turns[1]] }),
      ).toContain('not of a role and a text')
      const strict = await chatOf({
        'chat_template.jinja': "{{ raise_exception('roles must alternate') }}",
      })
      expect((await userError(read(lines({ messages: turns }), {}, strict))).why).toContain('must alternate')
    },
  )
})

describe('what is not understood', () => {
  it.each([
    [{ text: 'x', messages: [] }, 'text and messages'],
    [{ instruction: 'x', answer: 'y', text: 'z' }, 'instruction and text'],
    [{ prompt: 'x', answer: 'y', response: 'z' }, 'answer and response'],
    [{ text: 'x', title: 'y' }, "'title' is not understood"],
    [{ prompt: 'x', answer: 'y', explanation: 'z' }, "'explanation' is not understood"],
    [{ prompt: 'x', rejected: 'z' }, 'no example'],
    [{ prompt: 'x', answer: 'y', rejected: ' y' }, 'the right answer is among the wrong ones'],
    [{ prompt: 'x', answer: 'y', wrong: 'z', rejected: [] }, 'the answer is empty'],
    [{ prompt: 'x', answer: 'y', wrong: 3 }, "the field 'wrong' is not text"],
    [{ premise: 'x', hypothesis: 'y', label: 1 }, 'no example'],
    [{ text: 'x', answer: 'y' }, "'answer' is not understood"],
    [{ instruction: ' ', answer: 'y' }, 'the instruction is empty'],
    [{ prompt: 'x', answer: '  ' }, 'the answer is empty'],
    [{ prompt: 'x', answer: null }, 'no example'],
    [{ prompt: 'x', answer: 3 }, "the field 'answer' is not text"],
    [{ toString: 'x', constructor: 'y' }, 'this has toString, constructor'],
  ])('is refused: %j', async (value, words) => {
    const said = await refusal(value)
    expect(said).toContain(words)
    expect(said).toMatch(/train\.jsonl:1\n/)
  })

  it('can be left out, or named, on purpose', async () => {
    const value = { mr: 'x', ref: 'y', prompt: 'z', notes: 1 }
    const fields = { prompt: 'mr', answer: 'ref' }
    expect(await read(lines(value), { fields, ignore: ['notes'] })).toEqual([{ prompt: 'x', answer: 'y' }])
    expect(await refusal(value, { fields: { prompt: 'toString' } })).toContain("no field 'toString'")
    expect(() => openDataFolder('x', { fields: { promt: 'mr' } })).toThrow('which nothing reads')
    expect(parseFields('prompt=mr, answer=ref')).toEqual(fields)
    expect(() => parseFields('prompt')).toThrow()
  })

  it('is a file of two kinds', async () => {
    const mixed = lines({ prompt: 'a', answer: 'b' }, { question: 'a', answer: 'b' })
    const { what, where, why } = await userError(read(mixed))
    expect(what).toBe('the entry is question and answer, and others are prompt and answer')
    expect([where?.endsWith('train.jsonl:2'), why?.includes('train.jsonl:1')]).toEqual([true, true])
    const folder = await folderWith({ 'train.jsonl': lines('a text'), 'dev.csv': 'prompt,answer\na,b\n' })
    const data = openDataFolder(folder)
    expect(await data.isText('train')).toBe(true)
    expect((await userError(data.isText('valid'))).what).toContain('and others are running text')
  })
})

describe('a table', () => {
  it('has a row an example, with line breaks and delimiters in quotes', async () => {
    const csv = '\uFEFFprompt,answer\r\n"a, ""b""\nc",d\r\ne,f\r\n'
    const expected = [
      { prompt: 'a, "b"\nc', answer: 'd' },
      { prompt: 'e', answer: 'f' },
    ]
    expect(await read(csv, {}, undefined, 'train.csv')).toEqual(expected)
    expect(await read('text\tlabel\na\t1\n', { labels: ['x', 'y'] }, undefined, 'train.tsv')).toEqual([
      { prompt: 'a ', answer: 'y', options: ['x', 'y'] },
    ])
    const folder = await folderWith({ 'train.csv.gz': gzipSync(csv) })
    const examples = await openDataFolder(folder).examples('train')
    expect(examples.map(e => e.line)).toEqual([2, 4])
  })

  it.each([
    ['prompt,answer\na\n', /train\.csv:2\n/],
    ['prompt,answer\n"a,b\n', /Quote/],
    ['prompt,prompt\na,b\n', /two columns are called 'prompt'/],
    ['prompt,\na,b\n', /a column has no name/],
  ])('is refused: %j', async (csv, words) => {
    const said = renderUserError(await userError(read(csv, {}, undefined, 'train.csv')))
    expect(said).toContain('the table cannot be read')
    expect(said).toMatch(words)
  })
})

describe('the parts of a folder', () => {
  const some = (n: number, from = 0) =>
    lines(...Array.from({ length: n }, (_, i) => ({ prompt: `${from + i}`, answer: 'x' })))
  const prompts = async (folder: DataFolder, split: 'train' | 'valid' | 'test') =>
    (await folder.examples(split)).map(e => Number(e.prompt))

  it('are found by their usual names, and others are mentioned', async () => {
    const folder = await folderWith({ 'train.jsonl': some(3), 'validation.json': `[${some(1)}]` })
    expect(await prompts(openDataFolder(folder), 'valid')).toEqual([0])
    await writeFile(join(folder, 'dev.csv'), 'prompt,answer\n')
    expect((await userError(prompts(openDataFolder(folder), 'valid'))).why).toContain('dev.csv')
    const others = await folderWith({ 'train.jsonl': some(3), 'my-val.jsonl': '', 'test.jsonl.xz': '' })
    const valid = await userError(prompts(openDataFolder(others), 'valid'))
    expect(valid.hint).toContain('my-val.jsonl is there: name it valid.jsonl')
    expect(valid.hint).toContain('--split 200/200')
    expect((await userError(prompts(openDataFolder(others), 'test'))).hint).toContain('decompress it first')
  })

  it('are split off, disjoint and always alike, from the training data or from all there is', async () => {
    expect(parseSizes('4/3')).toEqual({ train: 4, valid: 3 })
    expect([parseSizes('test'), parseSizes('0/3')]).toEqual([undefined, undefined])
    const reading = { split: { train: 4, valid: 3 } }
    const folder = await folderWith({ 'test.jsonl': some(10) })
    const parts = async () => {
      const data = openDataFolder(folder, reading)
      return [
        await prompts(data, 'train'),
        await prompts(data, 'valid'),
        await prompts(data, 'test'),
      ] as const
    }
    const [train, valid, test] = await parts()
    expect([train.length, valid.length, test.length]).toEqual([4, 3, 3])
    expect([...train, ...valid, ...test].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(train).not.toEqual([0, 1, 2, 3])
    expect(await parts()).toEqual([train, valid, test])
    await writeFile(join(folder, 'train.jsonl'), some(7, 100))
    const [own, , whole] = await parts()
    expect([Math.min(...own) >= 100, whole.length]).toEqual([true, 10])
    const few = openDataFolder(folder, { split: { train: 5, valid: 3 } })
    expect((await userError(prompts(few, 'train'))).why).toBe('it has 7')
    await writeFile(join(folder, 'valid.jsonl'), some(1))
    expect((await userError(parts())).what).toContain('there is validation data')
    const taken = openDataFolder(folder, { take: 2 })
    expect([await prompts(taken, 'train'), (await prompts(taken, 'test')).length]).toEqual([[100, 101], 10])
  })

  it('takes names of labels apart by commas', () => {
    expect(parseLabels('a, b')).toEqual(['a', 'b'])
    for (const wrong of ['a', 'a,a', 'a,,b', '']) expect(() => parseLabels(wrong)).toThrow()
  })
})
