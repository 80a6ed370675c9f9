import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { corpus, documentOf } from '../../../examples/quickstart/corpus.js'
import {
  categories,
  type Entry,
  type Example,
  entries,
  task,
  taskEntries,
} from '../../../examples/quickstart/wordnet.js'

const here = join(import.meta.dirname, '../../../examples/quickstart')
const json = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(here, name), 'utf8'))
const all = entries()
const { train, valid } = corpus(1, all)

const dog: Entry = {
  words: ['dog', 'domestic dog'],
  pos: 'noun',
  category: 'animal',
  definition: 'a member of the genus Canis',
  examples: ['the dog barked'],
  instance: false,
}

describe('documents', () => {
  it('are laid out in three ways', () => {
    expect([0.1, 0.6, 0.9].map(u => documentOf(dog, u))).toEqual([
      'dog, domestic dog: a member of the genus Canis = animal; e.g. the dog barked',
      'dog, domestic dog = animal: a member of the genus Canis; e.g. the dog barked',
      'a member of the genus Canis: dog, domestic dog',
    ])
  })

  it('are none that the words of the task would give', () => {
    const seen = new Set([...train, ...valid])
    const held = taskEntries(all).flatMap(e => [0.1, 0.6, 0.9].map(u => documentOf(e, u)))
    expect(held.filter(text => seen.has(text))).toEqual([])
  })

  it('differ between what is learned and what is measured, and by the seed', () => {
    const seen = new Set(train)
    expect(valid.filter(text => seen.has(text)).length).toBeLessThan(5)
    expect(train.length).toBeGreaterThan(100_000)
    expect(corpus(2, all).train[0]).not.toBe(train[0])
  })
})

describe('the committed files', () => {
  it('hold the task as it is made', () => {
    for (const [part, examples] of Object.entries(task(all)) as [string, readonly Example[]][]) {
      const lines = readFileSync(join(here, 'task', `${part}.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
      expect(lines.map(line => JSON.parse(line))).toEqual(examples)
    }
  })

  it('name every category with one token, and fit every question into the context', () => {
    const config = json('model/config.json')
    const tokenizer = new Tokenizer(json('model/tokenizer.json'), json('model/tokenizer_config.json'))
    const plain = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids
    expect(categories.map(c => plain(` ${c}`).length)).toEqual(categories.map(() => 1))
    expect(tokenizer.get_vocab().size).toBe(config.vocab_size)
    expect(tokenizer.token_to_id('<|bos|>')).toBe(config.bos_token_id)
    expect(tokenizer.token_to_id('<|end|>')).toBe(config.eos_token_id)
    for (const { prompt, answer } of Object.values(task(all)).flat())
      expect(tokenizer.encode(prompt + answer).ids.length).toBeLessThanOrEqual(
        config.max_position_embeddings as number,
      )
  })
})
