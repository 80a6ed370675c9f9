import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/folders/open-model.js'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import { isJsonObject, type JsonObject } from '../../src/json/json-values.js'
import { encodeOptions } from '../../src/score/encode-options.js'
import { type Tokenizer, tokenizerOf } from '../../src/text/tokenizer.js'
import { sharedPath } from '../support/shared.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

/** A small byte-level BPE: 256 bytes, a merge across a blank and one across a line's end, an end-of-text. */
const byteLevel = (): JsonObject => {
  const printable = [...Array(256).keys()].map(byte => {
    const isPlain = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    return isPlain ? String.fromCodePoint(byte) : undefined
  })
  let next = 256
  const alphabet = printable.map(c => c ?? String.fromCodePoint(next++))
  const pieces = [...alphabet, 'ĠA', ':Ċ', 'ĊĊ']
  return {
    added_tokens: [{ id: pieces.length, content: '<|end|>', special: true, normalized: false }],
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(pieces.map((piece, i) => [piece, i])),
      merges: ['Ġ A', 'Ċ Ċ', ': Ċ'],
    },
  }
}

/** A post-processor that puts a token before a text. */
const begins = (token: string, id: number): JsonObject => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
})

const small = (settings: JsonObject = {}) =>
  tokenizerOf(byteLevel(), { eos_token: '<|end|>', ...settings }, {}, 'here')

/** The texts before and after the border that the tokenizer drew. */
const parts = (tokenizer: Tokenizer, prompt: string, answer: string): readonly [string, string] => {
  const { tokens, answerStart } = tokenizer.encodeExample(prompt, answer, false)
  return [tokenizer.decode(tokens.slice(0, answerStart)), tokenizer.decode(tokens.slice(answerStart))]
}

describe('the span of the answer', () => {
  it('refuses an eos_token_id that is no token, naming the file', () => {
    for (const wrong of [-1, 2.5, '2', true, [1, -1], [1, 'é']])
      expect(() => tokenizerOf(byteLevel(), {}, { eos_token_id: wrong as never }, 'here')).toThrow(
        'here, "eos_token_id"',
      )
    for (const none of [undefined, null, []])
      expect(tokenizerOf(byteLevel(), {}, { eos_token_id: none as never }, 'here').stops).toEqual([])
  })

  it('begins where the answer begins', () => {
    expect(parts(small(), 'What? ', 'B')).toEqual(['What? ', 'B'])
    expect(parts(small(), 'hi ', '😀')).toEqual(['hi ', '😀'])
    expect(parts(small(), '😀', '😀')).toEqual(['😀', '😀'])
    expect(parts(small(), '', 'B')).toEqual(['', 'B'])
  })

  it('follows the tokens that the prompt has alone, though together they would merge', () => {
    expect(parts(small(), 'What? ', 'A')).toEqual(['What? ', 'A'])
    expect(parts(small(), 'Response:\n', '\nno')).toEqual(['Response:\n', '\nno'])
    const asked = small().encode('What? ')
    expect(small().encodeExample('What? ', 'A', false).tokens.slice(0, asked.length)).toEqual(asked)
  })

  it('takes a token across the border where nothing else gives back the text', () => {
    expect(parts(small(), 'caf\u0065', '\u0301s')).toEqual(['caf', 'és'])
  })

  it('finds the border of a prompt that is not in normal form', () => {
    expect(parts(small(), 'cafe\u0301 ', 'B')).toEqual(['café ', 'B'])
  })

  it('never gives the answer less than its text', () => {
    const tokenizer = small()
    const text = fc.string({ unit: fc.constantFrom(' ', 'A', 'B', ':', '\n', 'é', '😀', 'ß'), maxLength: 12 })
    fc.assert(
      fc.property(text, text, (prompt, answer) => {
        const [before, after] = parts(tokenizer, prompt, answer)
        expect(before + after).toBe(prompt + answer)
        expect(prompt.startsWith(before)).toBe(true)
        expect(prompt.length - before.length).toBeLessThanOrEqual(2)
      }),
    )
  })
})

describe('special tokens', () => {
  it('stand around the text only where the model has them', () => {
    const plain = small()
    expect([plain.bos, plain.eos]).toEqual([undefined, 259])
    expect(plain.encode('A')).toEqual([plain.encodePlain('A')[0]])
    const begun = tokenizerOf(
      { ...byteLevel(), post_processor: begins('<|end|>', 259) },
      { eos_token: '<|end|>' },
      {},
      'here',
    )
    expect(begun.encode('A')).toEqual([259, ...begun.encodePlain('A')])
    const encoded = begun.encodeExample('B', 'C', true)
    expect(encoded.tokens[0]).toBe(259)
    expect(encoded.tokens.at(-1)).toBe(259)
    expect([encoded.answerStart, encoded.tokens.length]).toEqual([2, 4])
    expect(begun.decode(encoded.tokens)).toBe('BC')
    expect(begun.decode([])).toBe('')
    expect(begun.size).toBe(260)
  })
})

describe('options', () => {
  it('share a prefix up to where their tokens differ', () => {
    const tokenizer = small()
    const { shared, continuations } = encodeOptions(tokenizer, 'Q? ', ['A', 'B'])
    expect(tokenizer.decode(shared)).toBe('Q? ')
    expect(continuations.map(tokens => tokenizer.decode(tokens))).toEqual(['A', 'B'])
  })

  it('of equal length share the tokens that all of them begin with', () => {
    const tokenizer = small()
    const texts = (options: readonly string[]) => {
      const { shared, beginning, continuations } = encodeOptions(tokenizer, 'Q?', options)
      return [shared, beginning, ...continuations].map(tokens => tokenizer.decode(tokens))
    }
    expect(texts(['BA', 'BC'])).toEqual(['Q?', 'B', 'A', 'C'])
    // Another number of tokens has another mean.
    expect(texts(['BA', 'BCC'])).toEqual(['Q?', '', 'BA', 'BCC'])
    // Nothing is left to tell them apart by the beginning alone.
    expect(texts(['BA', 'BA'])).toEqual(['Q?', 'B', 'A', 'A'])
  })
})

describe('a tokenizer that cannot be used', () => {
  it('says which file and why', async () => {
    const folder = await temporaryDirectory()
    expect((await userError(openTokenizer(folder))).where).toBe(join(folder, 'tokenizer.json'))
    await writeFile(join(folder, 'tokenizer.json'), '{"model": 3}')
    expect((await userError(openTokenizer(folder))).what).toBe('the tokenizer cannot be used')
    await writeFile(join(folder, 'tokenizer.json'), '{"model"')
    expect((await userError(openTokenizer(folder))).what).toBe('the file is not JSON')
  })
})

describe('config.json', () => {
  it('is read as it stands, or refused', async () => {
    const path = await temporaryFile('config.json', '{"hidden_size": 64}')
    expect(await readConfig(join(path, '..'))).toEqual({ hidden_size: 64 })
    await writeFile(path, '[1]')
    expect((await userError(readConfig(join(path, '..')))).what).toContain('JSON object')
    const folder = await temporaryDirectory()
    expect((await userError(readConfig(folder))).what).toBe('the model has no config.json')
    await mkdir(join(folder, 'config.json'))
    expect((await userError(readConfig(folder))).why).toContain('directory')
  })
})

const stories = sharedPath('data', 'models', 'stories260K')

describe.skipIf(stories === undefined)('stories260K', () => {
  it('gives the golden tokens', async () => {
    const tokenizer = await openTokenizer(stories!)
    const golden: unknown = JSON.parse(await readFile(join(stories!, 'golden.json'), 'utf8'))
    expect(isJsonObject(golden) && golden.ids).toEqual(tokenizer.encode('Once upon a time'))
    expect(tokenizer.encode('Once upon a time')).toEqual([1, 403, 407, 261, 378])
    expect(tokenizer.decode([1, 403, 407, 261, 378])).toBe('Once upon a time')
    expect([tokenizer.size, tokenizer.bos, tokenizer.eos, tokenizer.stops]).toEqual([512, 1, 2, [2]])
  })

  it(
    'draws the border after the blank of a prompt, for letters that merge with it and ' + 'others alike',
    async () => {
      const tokenizer = await openTokenizer(stories!)
      for (const letter of 'ABCDEF') {
        const { tokens, answerStart } = tokenizer.encodeExample('What is a witch ? ', letter, false)
        expect(tokens.length - answerStart).toBe(1)
        expect(tokens.slice(0, answerStart)).toEqual(tokenizer.encode('What is a witch ? '))
        expect(tokenizer.decode(tokens)).toBe(`What is a witch ? ${letter}`)
      }
    },
  )
})

const goldens = {
  llama3: [12805, 5304, 264, 892],
  qwen: [12522, 5193, 264, 882],
  gpt2: [7454, 2402, 257, 640],
} as const

for (const name of ['llama3', 'qwen', 'gpt2'] as const) {
  const path = sharedPath('data', 'tokenizers', `${name}.tokenizer.json.gz`)
  describe.skipIf(path === undefined)(`the tokenizer of ${name}`, () => {
    const open = () => {
      const parsed: unknown = JSON.parse(gunzipSync(readFileSync(path!)).toString('utf8'))
      if (!isJsonObject(parsed)) throw new Error('not an object')
      return tokenizerOf(parsed, {}, {}, path!)
    }

    it('gives known tokens, and draws the border where the prompt ends also where they would merge', () => {
      const tokenizer = open()
      expect(tokenizer.encode('Once upon a time')).toEqual(goldens[name])
      expect(parts(tokenizer, '### Response:\n', 'true')).toEqual(['### Response:\n', 'true'])
      expect(parts(tokenizer, 'What ? ', 'A')).toEqual(['What ? ', 'A'])
      expect(parts(tokenizer, '### Response:\n', '\nfoo')).toEqual(['### Response:\n', '\nfoo'])
      expect(parts(tokenizer, '🦜', '🦜')).toEqual(['🦜', '🦜'])
    })
  })
}
