import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { specials, trainBpe } from '../../../examples/quickstart/bpe.js'

const texts = ['the cat sat on the mat', 'the cats sat', 'that hat — naïve', "don’t, or don't; 1999"]
const load = (json: object) => new Tokenizer(json, {})

describe('trainBpe', () => {
  it('merges the most frequent pair first', () => {
    const { merges, vocab } = trainBpe(['aab aab aab ab'], 261).model
    // "ab" occurs four times, then " aab" is built from what is left.
    expect(merges.slice(0, 2)).toEqual([
      ['a', 'b'],
      ['a', 'ab'],
    ])
    expect(vocab.ab).toBe(258)
  })

  it('stops where no pair occurs twice', () => {
    expect(trainBpe(['abc'], 400).model.merges).toEqual([])
  })

  it('gives the same tokenizer for the same documents', () => {
    expect(trainBpe(texts, 300)).toEqual(trainBpe([...texts], 300))
  })

  it('gives back any text it encodes', () => {
    const tokenizer = load(trainBpe(texts, 300))
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.constantFrom(...texts)),
        text => {
          const { ids } = tokenizer.encode(text, { add_special_tokens: false })
          expect(tokenizer.decode(ids, { clean_up_tokenization_spaces: false })).toBe(text)
        },
      ),
    )
  })

  it('starts every text with the first special, and reads the second in a text as one token', () => {
    const tokenizer = load(trainBpe(texts, 300))
    const { ids } = tokenizer.encode(`cat${specials[1]}`)
    expect(ids[0]).toBe(0)
    expect(ids.at(-1)).toBe(1)
  })
})
