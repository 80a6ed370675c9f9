import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../src/json/json-values.js'
import { familyFixture, writeFamily } from './families.js'

const special = (id: number, content: string) => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
})

/**
 * Writes a tokenizer with a token for each of these letters, after those of what is unknown and of an end.
 */
export const writeLetters = async (directory: string, letters: string): Promise<void> => {
  const words = ['<unk>', '</s>', ...letters]
  const tokenizer = {
    version: '1.0',
    added_tokens: [special(0, '<unk>'), special(1, '</s>')],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      vocab: Object.fromEntries(words.map((w, i) => [w, i])),
      merges: [],
    },
  }
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeFile(
    join(directory, 'tokenizer_config.json'),
    JSON.stringify({ eos_token: '</s>', unk_token: '<unk>' }),
  )
}

/** Writes a fixture of a family as a model's folder, with a tokenizer of letters. */
export const writeTinyFamily = async (directory: string, name: string): Promise<void> => {
  await writeFamily(familyFixture(name), directory)
  await writeLetters(directory, 'abcdefgh?')
}

/**
 * Writes the fixture of Llama as a model's folder, with more entries of `config.json` and a tokenizer of
 * letters.
 */
export const writeTinyLlama = async (directory: string, more: JsonObject = {}): Promise<void> => {
  const fixture = familyFixture('llama')
  await writeFamily({ ...fixture, config: { ...fixture.config, ...more } }, directory)
  await writeLetters(directory, 'abcdefgh?')
}
