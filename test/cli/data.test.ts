import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { folderWith, jola, jolaJson } from './support.js'

const model = fileURLToPath(new URL('../../examples/quickstart/model', import.meta.url))

const lines = (...values: readonly unknown[]): string => values.map(v => JSON.stringify(v)).join('\n')

const numbered = (n: number, from = 0) =>
  lines(...Array.from({ length: n }, (_, i) => ({ prompt: `a plant ${from + i} is a`, answer: ' plant' })))

interface Shown {
  readonly parts: readonly {
    readonly part: string
    readonly examples: number
    readonly padded_to: number
    readonly epoch?: Readonly<Record<string, number>>
    readonly remarks: readonly string[]
    readonly shown?: readonly { readonly tokens: readonly { id: number; text: string; role: string }[] }[]
  }[]
}

const counts = async (folder: string, ...more: readonly string[]) => {
  const { code, json } = await jolaJson('data', folder, '--model', model, '--json', ...more)
  expect(code).toBe(0)
  return Object.fromEntries((json as Shown).parts.map(p => [p.part, p.examples]))
}

describe('jola data', () => {
  it('shows the tokens of a row by prompt, answer and padding, as training has them', async () => {
    const folder = await folderWith({
      'train.jsonl': lines(
        { prompt: 'a herb is a', answer: ' plant' },
        { prompt: 'a short haircut of the head is a', answer: ' body' },
      ),
      'valid.jsonl': numbered(2),
    })
    const { code, json } = await jolaJson('data', folder, '--model', model, '--show', '1', '--json')
    expect(code).toBe(0)
    const train = (json as Shown).parts.find(p => p.part === 'train')!
    const row = train.shown![0]!.tokens
    expect(row.length).toBe(train.padded_to + 1)
    const text = (role: string) =>
      row
        .filter(t => t.role === role)
        .map(t => t.text)
        .join('')
    expect(text('prompt')).toContain('herb')
    expect(text('answer')).toBe('Ġplant')
    const roles = [...new Set(row.map(t => t.role))]
    expect(roles).toEqual(['prompt', 'answer', 'padding'])
    const shown = await jola('data', folder, '--model', model, '--show', '1')
    expect(shown.code).toBe(0)
    expect(shown.out).toMatch(/train: 2 examples[\s\S]*prompt {3}[\s\S]*answer {3}[\s\S]*padding {2}0 × /)
  })

  it('counts the tokens and the padding of an epoch, and pads a row as its batch is', async () => {
    const long = { prompt: 'a plant and '.repeat(8), answer: ' plant' }
    const folder = await folderWith({
      'train.jsonl': lines({ prompt: 'a', answer: ' b' }, long, { prompt: 'b', answer: ' a' }),
      'valid.jsonl': lines(long),
      'test.jsonl': lines(long),
    })
    const base = ['data', folder, '--model', model, '--set', 'batch=2', '--show', '3', '--json']
    const parts = async (...more: readonly string[]) => {
      const { code, json } = await jolaJson(...base, ...more)
      expect(code).toBe(0)
      return (json as Shown).parts
    }
    const [alike, valid, test] = await parts()
    const [one] = await parts('--set', 'batches=one_length')
    const sizes = (part: Shown['parts'][number]) => part.shown!.map(row => row.tokens.length - 1)
    const most = alike!.padded_to
    expect(most).toBeGreaterThan(16)
    expect(sizes(alike!)).toEqual([8, most, 8])
    expect(sizes(one!)).toEqual([most, most, most])
    const { tokens } = alike!.epoch!
    expect(alike!.epoch).toMatchObject({ batches: 2, positions: 16 + 2 * most, empty_rows: 1 })
    expect(one!.epoch).toMatchObject({ positions: 4 * most, tokens, padding: 4 * most - tokens! })
    expect(one!.epoch!.token_share).toBeCloseTo(tokens! / (4 * most), 12)
    expect(valid!.epoch).toMatchObject({ batches: 1, positions: 2 * most })
    expect(test!.epoch).toBeUndefined()
    const { out } = await jola(...base.slice(0, 6))
    expect(out).toMatch(
      /^ {2}epoch {4}\d+ tokens and \d+ positions of padding \([\d.]+ % and [\d.]+ %\) in 2 batches/m,
    )
  })

  it('refuses what is not understood, with its line', async () => {
    const folder = await folderWith({ 'train.jsonl': lines({ text: 'a', label: 1, weight: 2 }) })
    const { code, err } = await jola('data', folder, '--model', model)
    expect(code).toBe(1)
    expect(err).toContain('train.jsonl:1')
    expect((await jola('data', folder)).code).toBe(2)
  })

  it(
    'splits off what is missing: of the training data, else of the validation data, else ' +
      'of the test data',
    async () => {
      const some = await folderWith({ 'train.jsonl': numbered(9), 'test.jsonl': numbered(3, 20) })
      expect(await counts(some, '--split', '5/2')).toEqual({ train: 5, valid: 2, test: 3 })
      const dev = await folderWith({ 'dev.jsonl': numbered(9), 'test.jsonl': numbered(3, 20) })
      expect(await counts(dev, '--split', '5/2')).toEqual({ train: 5, valid: 2, test: 3 })
      const alone = await folderWith({ 'dev.jsonl': numbered(9) })
      expect(await counts(alone, '--split', '5/2')).toEqual({ train: 5, valid: 2, test: 2 })
      const test = await folderWith({ 'test.jsonl': numbered(9) })
      expect(await counts(test, '--split', '5/2')).toEqual({ train: 5, valid: 2, test: 2 })
      const both = await folderWith({ 'train.jsonl': numbered(9), 'dev.jsonl': numbered(2) })
      const refused = await jola('data', both, '--model', model, '--split', '5/2')
      expect(refused.code).toBe(1)
      expect(refused.err).toContain('there is validation data')
    },
  )

  it('says which part is missing and how to make it', async () => {
    const folder = await folderWith({ 'dev.jsonl': numbered(9), 'test.jsonl': numbered(3, 20) })
    const { code, err } = await jola('data', folder, '--model', model)
    expect(code).toBe(0)
    expect(err).toContain('there is no train data')
    expect(err).toContain('--split 200/200')
  })
})
