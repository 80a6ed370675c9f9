import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openChat } from '../../src/folders/open-chat.js'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import { mergesByScore } from '../../src/gguf/merges.js'
import type { JsonObject } from '../../src/json/json-values.js'
import { type Tokenizer, tokenizerOf } from '../../src/text/tokenizer.js'
import { sharedPath } from '../support/shared.js'
import { temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'
import { ggufBytes, type Typed } from './support.js'

const metadataFile = (entries: Readonly<Record<string, Typed>>): Promise<string> =>
  temporaryFile(
    'tokens.gguf',
    ggufBytes({ metadata: { 'general.architecture': { text: 'llama' }, ...entries }, tensors: [] }),
  )

const texts = (list: readonly string[]): Typed => ({ list: list.map(text => ({ text })), of: 8 })

const opened = async (entries: Readonly<Record<string, Typed>>): Promise<Tokenizer> =>
  openTokenizer(await metadataFile(entries))

/** A tokenizer.json of byte pairs as llama.cpp's converter writes its metadata. */
const asMetadata = (tokenizer: JsonObject, pre: string): Readonly<Record<string, Typed>> => {
  const { vocab, merges } = tokenizer.model as {
    vocab: Record<string, number>
    merges: (string | readonly [string, string])[]
  }
  const added = tokenizer.added_tokens as { id: number; content: string; special: boolean }[]
  const tokens: string[] = []
  for (const [token, id] of Object.entries(vocab)) tokens[id] = token
  const types = Array.from({ length: tokens.length }, () => 1)
  for (const { id, content, special } of added) {
    tokens[id] = content
    types[id] = special ? 3 : 4
  }
  return {
    'tokenizer.ggml.model': { text: 'gpt2' },
    'tokenizer.ggml.pre': { text: pre },
    'tokenizer.ggml.tokens': texts(Array.from(tokens, (token, i) => token ?? `[PAD${i}]`)),
    'tokenizer.ggml.token_type': { list: Array.from(tokens, (_, i) => ({ i32: types[i] ?? 5 })), of: 5 },
    'tokenizer.ggml.merges': texts(merges.map(m => (typeof m === 'string' ? m : m.join(' ')))),
  }
}

const samples = [
  '',
  'Hello world',
  " It's 12345 o'clock,\n\n  and THEY'LL say:\t\"naïve café\"… ",
  'x = {"a": [1, 2.50]};\r\n// 你好 🙂👩‍👩‍👧 ſ Ω\u0301',
  'internationalisation   \n \n\n of   spaces',
]

const quickstart = JSON.parse(
  readFileSync(new URL('../../examples/quickstart/model/tokenizer.json', import.meta.url), 'utf8'),
) as JsonObject

const same = async (original: JsonObject, pre: string): Promise<void> => {
  const ours = await opened(asMetadata(original, pre))
  const theirs = tokenizerOf(original, {}, {}, 'original')
  for (const text of samples) {
    expect(ours.encodePlain(text)).toEqual(theirs.encodePlain(text))
    expect(ours.decode(ours.encodePlain(text))).toBe(theirs.decode(theirs.encodePlain(text)))
  }
  const many = fc.string({ unit: 'grapheme', maxLength: 40 })
  fc.assert(
    fc.property(many, text => {
      expect(ours.encodePlain(text)).toEqual(theirs.encodePlain(text))
    }),
    { numRuns: 200 },
  )
}

describe('byte pairs in a GGUF file', () => {
  it('are the tokens of the tokenizer.json that they were', async () => {
    await same(quickstart, 'gpt-2')
  })

  it('are composed first in files of GPT-NeoX', async () => {
    await same({ ...quickstart, normalizer: { type: 'NFC' } }, 'olmo')
  })

  for (const [file, pre] of [
    ['llama3', 'llama-bpe'],
    ['qwen', 'qwen2'],
    ['gpt2', 'gpt-2'],
  ] as const) {
    const path = sharedPath('data', 'tokenizers', `${file}.tokenizer.json.gz`)
    it.skipIf(path === undefined)(`are those of ${file}`, async () => {
      await same(JSON.parse(gunzipSync(readFileSync(path!)).toString()) as JsonObject, pre)
    })
  }

  it('begin with begin-of-text where the file, or the kind, says so', async () => {
    const bos: Typed = { u32: 0 }
    const plain = { ...asMetadata(quickstart, 'gpt-2'), 'tokenizer.ggml.bos_token_id': bos }
    expect((await opened(plain)).bos).toBeUndefined()
    expect((await opened({ ...plain, 'tokenizer.ggml.add_bos_token': { bool: true } })).bos).toBe(0)
    const llama = { ...asMetadata(quickstart, 'llama-bpe'), 'tokenizer.ggml.bos_token_id': bos }
    expect((await opened(llama)).bos).toBe(0)
    expect((await opened({ ...llama, 'tokenizer.ggml.add_bos_token': { bool: false } })).bos).toBeUndefined()
  })
})

/**
 * Of all neighbours that together are a piece, those of the highest score are joined, the first ones among
 * equals.
 */
const mergedByHand = (text: string, scores: ReadonlyMap<string, number>): readonly string[] => {
  const parts = [...text]
  for (;;) {
    let best = -1
    let most = Number.NEGATIVE_INFINITY
    for (let i = 0; i + 1 < parts.length; i++) {
      const score = scores.get(parts[i]! + parts[i + 1]!)
      if (score !== undefined && score > most) [best, most] = [i, score]
    }
    if (best < 0) return parts
    parts.splice(best, 2, parts[best]! + parts[best + 1]!)
  }
}

const letters = [...'▁abc']
const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)

const sentencePiece = (
  pieces: readonly string[],
  more: Readonly<Record<string, Typed>> = {},
): Readonly<Record<string, Typed>> => {
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...letters, ...pieces]
  const types = tokens.map((_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1))
  const scores = tokens.map((_, i) => (i < 259 + letters.length ? 0 : 259 - i))
  return {
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.tokens': texts(tokens),
    'tokenizer.ggml.scores': { list: scores.map(f32 => ({ f32 })) },
    'tokenizer.ggml.token_type': { list: types.map(i32 => ({ i32 })) },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
    'tokenizer.ggml.unknown_token_id': { u32: 0 },
    ...more,
  }
}

const pieceList = fc.uniqueArray(
  fc.array(fc.constantFrom(...letters), { minLength: 2, maxLength: 4 }).map(l => l.join('')),
  { maxLength: 12 },
)

describe("SentencePiece's pieces in a GGUF file", () => {
  it('merge by their scores', async () => {
    const text = fc.array(fc.constantFrom(...'abc '), { minLength: 1, maxLength: 24 }).map(l => l.join(''))
    await fc.assert(
      fc.asyncProperty(pieceList, fc.array(text, { minLength: 1, maxLength: 8 }), async (pieces, list) => {
        // A piece that its parts can't make is never joined; by hand it would be.
        const made = pieces.filter(
          p =>
            [...p].length === 2 ||
            [...p].some(
              (_, i) => i > 0 && [p.slice(0, i), p.slice(i)].every(h => h.length === 1 || pieces.includes(h)),
            ),
        )
        const tokenizer = await opened(sentencePiece(made))
        const scores = new Map(made.map((p, i) => [p, -i]))
        for (const one of list)
          expect(tokenizer.encodePlain(one).map(t => tokenizer.tokenText(t))).toEqual(
            mergedByHand(`▁${one.replaceAll(' ', '▁')}`, scores),
          )
      }),
      { numRuns: 60 },
    )
  })

  it('are bytes where no piece is, and give back the text', async () => {
    const tokenizer = await opened(sentencePiece(['▁a', 'bc', '▁abc']))
    expect(tokenizer.encode('abc').map(t => tokenizer.tokenText(t))).toEqual(['<s>', '▁abc'])
    expect(tokenizer.encodePlain('é').map(t => tokenizer.tokenText(t))).toEqual(['▁', '<0xC3>', '<0xA9>'])
    for (const text of [' a  bc\n', 'é 🙂 b', '']) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    expect(tokenizer.encode('a</s>b')).toContain(2)
    expect(tokenizer.stops).toEqual([2])
  })

  it('begin without a space where the file says so', async () => {
    const tokenizer = await opened(
      sentencePiece(['▁a'], { 'tokenizer.ggml.add_space_prefix': { bool: false } }),
    )
    expect(tokenizer.encodePlain('a a').map(t => tokenizer.tokenText(t))).toEqual(['a', '▁a'])
    expect(tokenizer.decode(tokenizer.encodePlain('a a'))).toBe('a a')
  })

  it('have every way to part a piece as a merge, by score and then by the parts', () => {
    const tokens = ['a', 'b', 'c', 'ab', 'bc', 'abc', 'x']
    expect(mergesByScore(tokens, [0, 0, 0, -2, -1, -3, 0], id => id < 6)).toEqual([
      ['b', 'c'],
      ['a', 'b'],
      ['a', 'bc'],
      ['ab', 'c'],
    ])
  })

  it('end where any of the file says that a text or a turn ends', async () => {
    const tokenizer = await opened(sentencePiece([], { 'tokenizer.ggml.eot_token_id': { u32: 5 } }))
    expect(tokenizer.stops).toEqual([2, 5])
  })
})

describe("a GGUF file's tokenizer is refused by the entry", () => {
  const refused = async (entries: Readonly<Record<string, Typed>>): Promise<string> => {
    const { where, why } = await userError(openTokenizer(await metadataFile(entries)))
    return `${where}: ${why}`
  }
  const spm = sentencePiece(['ab'])
  const without = (key: string) => Object.fromEntries(Object.entries(spm).filter(([k]) => k !== key))

  it('that is missing or wrong', async () => {
    expect(await refused(without('tokenizer.ggml.tokens'))).toContain('tokenizer.ggml.tokens: it is missing')
    expect(await refused(without('tokenizer.ggml.scores'))).toContain('264 tokens and no scores')
    expect(await refused({ ...spm, 'tokenizer.ggml.model': { text: 't5' } })).toContain("it is 't5'")
    expect(await refused({ ...spm, 'tokenizer.ggml.eos_token_id': { u32: 264 } })).toContain('it is 264')
    expect(await refused({ ...spm, 'tokenizer.ggml.add_bos_token': { u32: 1 } })).toContain('true or false')
    expect(await refused({ ...spm, 'tokenizer.ggml.token_type': { list: [{ i32: 1 }] } })).toContain(
      '1 types',
    )
    const bpe = asMetadata(quickstart, 'gpt-2')
    expect(await refused({ ...bpe, 'tokenizer.ggml.pre': { text: 'default' } })).toContain("it is 'default'")
    expect(await refused({ ...bpe, 'tokenizer.ggml.merges': { text: 'x' } })).toContain('a list of texts')
  })
})

describe("a GGUF file's chat template", () => {
  it('writes conversations with its special tokens', async () => {
    const template = "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + eos_token }}{% endfor %}"
    const path = await metadataFile(sentencePiece([], { 'tokenizer.chat_template': { text: template } }))
    const chat = await openChat(path)
    expect(chat.render([{ role: 'user', content: 'Hi' }], true)).toBe('<|user|>Hi</s>')
    const none = await openChat(await metadataFile(sentencePiece([])))
    expect((await userError(() => none.render([], true))).what).toBe('the model has no chat template')
  })
})
