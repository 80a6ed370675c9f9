import { describe, expect, it } from 'vitest'
import type { Tokenizer } from '../../src/text/tokenizer.js'
import { withinVocabulary } from '../../src/text/vocabulary.js'

const letters: Tokenizer = {
  size: 26,
  bos: undefined,
  eos: undefined,
  stops: [],
  encode: text => [...text].map(c => c.charCodeAt(0) - 97),
  encodePlain: text => letters.encode(text),
  tokenText: token => String(token),
  decode: tokens => String.fromCharCode(...tokens.map(t => t + 97)),
  encodeExample: (prompt, answer) => ({
    tokens: letters.encode(prompt + answer),
    answerStart: prompt.length,
  }),
}

describe('tokens within the vocabulary', () => {
  const small = withinVocabulary(letters, 3, 'model')

  it('lets those through that the model has', () => {
    expect(small.encode('abc')).toEqual([0, 1, 2])
    expect(small.encodeExample('ab', 'c', false)).toEqual({ tokens: [0, 1, 2], answerStart: 2 })
  })

  it('refuses the first that it has not, wherever text enters', () => {
    for (const f of [
      () => small.encode('bad'),
      () => small.encodePlain('ad'),
      () => small.encodeExample('a', 'd', false),
    ])
      expect(f).toThrow("the token 3 ('d') is not in the model's vocabulary")
  })
})
