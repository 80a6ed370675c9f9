import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exampleOf, jolaPrompt } from '../../src/data/example-of.js'
import { distinctAnswers } from '../../src/data/examples.js'
import type { Split } from '../../src/data/split-files.js'
import { type TokeniseOptions, tokeniseExamples } from '../../src/data/tokenise.js'
import { renderUserError } from '../../src/errors/user-error.js'
import { openDataFolder } from '../../src/folders/open-data.js'
import type { Tokenizer } from '../../src/text/tokenizer.js'
import { temporaryDirectory } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

const readSplit = (folder: string, split: Split) => openDataFolder(folder).examples(split)

const record = (value: Record<string, unknown>) => ({ value, file: 'train.jsonl', line: 7 })

const refusal = async (value: Record<string, unknown>) =>
  renderUserError(await userError(() => exampleOf(record(value))))

describe('an example', () => {
  it('takes prompt and answer as they stand', () => {
    expect(exampleOf(record({ prompt: ' Q? ', answer: 'A', options: ['A', 'B'] }))).toEqual({
      prompt: ' Q? ',
      answer: 'A',
      options: ['A', 'B'],
      file: 'train.jsonl',
      line: 7,
    })
  })

  it("puts an instruction into JoLA's prompt", () => {
    const prompt = [
      'Below is an instruction that describes a task. Write a response that appropriately ' +
        'completes the request.',
      ' ### Instruction:',
      'Add 1 and 2.',
      '',
      '### Response:',
      '',
    ].join('\n')
    expect(jolaPrompt('Add 1 and 2.')).toBe(prompt)
    const answered = { instruction: 'Add 1 and 2.', input: '', output: 'it is 3', answer: '3' }
    expect(exampleOf(record(answered))).toMatchObject({ prompt, answer: '3' })
    expect(exampleOf(record({ ...answered, input: 'x' })).prompt).toBe(jolaPrompt('Add 1 and 2.\nx'))
  })

  it('is refused with file and line if it is none', async () => {
    expect(await refusal({ prompt: 'Q' })).toMatch(/no example\n.*train\.jsonl:7\n.*this has prompt/)
    expect(await refusal({ answer: 'A' })).toContain('no example')
    expect(await refusal({ prompt: 'Q', instruction: 'Q', answer: 'A' })).toContain('no example')
    expect(await refusal({ prompt: 3, answer: 'A' })).toContain("the field 'prompt' is not text")
    expect(await refusal({ prompt: 'Q', answer: '' })).toContain('the answer is empty')
    expect(await refusal({ prompt: 'Q', answer: 'A', options: ['B'] })).toContain('not among the options')
    expect(await refusal({ prompt: 'Q', answer: 'A', options: 'AB' })).toContain('not a list of texts')
  })
})

describe('a data directory', () => {
  it('has a file for each split, in lines or as an array', async () => {
    const folder = await temporaryDirectory()
    await writeFile(
      join(folder, 'train.jsonl'),
      '{"prompt": "a", "answer": "B"}\n{"prompt": "b", "answer": "A"}',
    )
    await writeFile(join(folder, 'test.json'), '[{"instruction": "a", "answer": "B"}]')
    expect(distinctAnswers(await readSplit(folder, 'train'))).toEqual(['A', 'B'])
    expect((await readSplit(folder, 'test'))[0]?.prompt).toBe(jolaPrompt('a'))
    expect((await userError(readSplit(folder, 'valid'))).what).toBe('there is no valid data')
    await writeFile(join(folder, 'test.jsonl'), '')
    expect((await userError(readSplit(folder, 'test'))).what).toContain('several files')
    await writeFile(join(folder, 'valid.json'), '[]')
    expect((await userError(readSplit(folder, 'valid'))).what).toBe('the data is empty')
    expect((await userError(readSplit(join(folder, 'nowhere'), 'train'))).why).toContain('no such file')
  })
})

/** One token a character. */
const characters: Tokenizer = {
  size: 65536,
  bos: undefined,
  eos: 0,
  stops: [0],
  encode: text => [...text].map(c => c.charCodeAt(0)),
  encodePlain: text => [...text].map(c => c.charCodeAt(0)),
  tokenText: token => String(token),
  decode: tokens => String.fromCharCode(...tokens),
  encodeExample: (prompt, answer, endOfText) => ({
    tokens: [...characters.encode(prompt + answer), ...(endOfText ? [0] : [])],
    answerStart: prompt.length,
  }),
}

describe('tokenised examples', () => {
  const options: TokeniseOptions = { context: 4, endOfText: false, tooLong: 'refuse' }
  const example = (prompt: string, answer: string, line = 1) => ({
    prompt,
    answer,
    file: 'train.jsonl',
    line,
  })

  it('fit the context but for the last token, which is only predicted', async () => {
    const { examples, dropped } = tokeniseExamples(characters, [example('abc', 'de')], options)
    expect([examples[0]?.tokens.length, examples[0]?.answerStart, dropped]).toEqual([5, 3, 0])
    const long = [example('abc', 'de'), example('abcd', 'ef', 12)]
    const error = renderUserError(await userError(() => tokeniseExamples(characters, long, options)))
    expect(error).toMatch(/longer than the context\n.*train\.jsonl:12\n.*takes 5 positions.*at most 4/)
    const kept = tokeniseExamples(characters, long, { ...options, tooLong: 'drop' })
    expect([kept.examples.length, kept.dropped]).toEqual([1, 1])
  })

  it('are refused if none is left, or an answer cannot be predicted', async () => {
    const drop: TokeniseOptions = { ...options, tooLong: 'drop' }
    const none = await userError(() => tokeniseExamples(characters, [example('abcdef', 'g')], drop))
    expect(none.why).toContain('all 1 are longer')
    expect((await userError(() => tokeniseExamples(characters, [], drop))).why).toBe('the data is empty')
    const first = await userError(() => tokeniseExamples(characters, [example('', 'g', 3)], drop))
    expect(first.where).toBe('train.jsonl:3')
  })
})
