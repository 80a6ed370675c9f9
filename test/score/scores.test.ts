import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  firstLetter,
  firstOption,
  likeliest,
  mean,
  optionsInInstruction,
  shareOf,
  standardDeviation,
} from '../../src/score/scores.js'
import { corpusBleu, longestCommonSubsequence, rougeL, tokenise13a } from '../../src/score/text-scores.js'

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/python/sacrebleu.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly { hypotheses: string[]; references: string[][]; bleu: number }[] }

describe('accuracy', () => {
  it('is the share that is right', () => {
    expect(shareOf([true, false, false])).toEqual({ correct: 1, total: 3, accuracy: 1 / 3 })
    expect(shareOf([])).toEqual({ correct: 0, total: 0, accuracy: 0 })
  })
})

describe('the first option in a text', () => {
  it('is a word of its own, whatever its case', () => {
    expect(firstOption('the correct answer is True, not false', ['true', 'false'])).toBe('true')
    expect(firstOption('untrue, so false', ['true', 'false'])).toBe('false')
    expect(firstOption('answer12 or answer2', ['answer1', 'answer2'])).toBe('answer2')
    expect(firstOption('a+b is it', ['a', 'a+b'])).toBe('a+b')
    expect(firstOption('no idea', ['true', 'false'])).toBeUndefined()
  })

  it('is among those that the instruction ends with', () => {
    expect(optionsInInstruction('… Answer format: true/false')).toEqual(['true', 'false'])
    expect(optionsInInstruction('Answer format: ending1/ending2/ending3/ending4')).toHaveLength(4)
    expect(optionsInInstruction('Say it.')).toBeUndefined()
  })

  it('may be a letter', () => {
    expect(firstLetter('the Answer is (D). E')).toBe('D')
    expect(firstLetter('DNA and K')).toBeUndefined()
  })
})

describe('the likelihood score', () => {
  it('is by the mean over tokens, not the sum', () => {
    expect(likeliest(['long', 'short'], [[1, 1, 1, 1], [2]])).toBe('long')
    expect(likeliest(['a', 'b'], [[1], [1]])).toBe('a')
    expect(likeliest([], [])).toBeUndefined()
  })

  it('prefers what goes on to what begins it, where both are sure', () => {
    expect(likeliest(['New', 'New York'], [[0], [0, 0]])).toBe('New York')
    expect(likeliest(['New', 'New York'], [[0], [0, 9]])).toBe('New')
  })

  it('is none of losses that are not numbers', () => {
    expect(() => likeliest(['a', 'b'], [[Number.NaN], [1]])).toThrow('no number')
  })
})

describe('mean and deviation', () => {
  it('are those of a sample', () => {
    expect(mean([1, 2, 6])).toBe(3)
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12)
    expect(standardDeviation([3])).toBe(0)
  })
})

describe('BLEU', () => {
  it('splits words as 13a does', () => {
    expect(tokenise13a('It costs 1,000.5 (net), "or" so-so.')).toEqual([
      'It',
      'costs',
      '1,000.5',
      '(',
      'net',
      ')',
      ',',
      '"',
      'or',
      '"',
      'so-so',
      '.',
    ])
  })

  it('is what a hand computes', () => {
    // Words 5 of 6, pairs 3 of 5, triples 2 of 4, quadruples 1 of 3, same length.
    const one = 100 * ((5 / 6) * (3 / 5) * (2 / 4) * (1 / 3)) ** 0.25
    expect(corpusBleu(['the cat sat on the mat'], [['the cat sat on a mat']])).toBeCloseTo(one, 10)
    expect(corpusBleu(['a b c d e'], [['a b c d e']])).toBeCloseTo(100, 10)
    expect(corpusBleu(['a b c d'], [['a b c d e f']])).toBeCloseTo(100 * Math.exp(1 - 6 / 4), 10)
    expect(corpusBleu(['a b c'], [['x y z']])).toBe(0)
  })

  it('clips by the reference that has most, takes the nearest length, and adds up over the corpus', () => {
    // Text 1: 'the' ×4 with at most 2 allowed; 2 of 4, pairs 1 of 3, triples and quadruples 0. Text 2: all
    // match.
    const texts = ['the the the the', 'a b c d e']
    const references = [['the the end', 'the cat sat down'], ['a b c d e']]
    const expected = 100 * ((7 / 9) * (5 / 7) * (3 / 5) * (2 / 3)) ** 0.25
    expect(corpusBleu(texts, references)).toBeCloseTo(expected, 10)
  })
})

describe('BLEU as sacreBLEU has it', () => {
  it.each(fixture.cases.map((c, i) => [i, c] as const))('corpus %i', (_, c) => {
    expect(corpusBleu(c.hypotheses, c.references)).toBeCloseTo(c.bleu, 8)
  })
})

describe('ROUGE-L', () => {
  it('has words of any script, and texts without any', () => {
    expect(rougeL(['Привет, мир'], [['привет мир']])).toBe(1)
    expect(rougeL(['café'], [['caf']])).toBe(0)
    expect(rougeL(['?!', '?'], [['?!'], ['!']])).toBe(0.5)
  })

  it('is what a hand computes', () => {
    expect(longestCommonSubsequence([...'abcbdab'], [...'bdcaba'])).toBe(4)
    // 'police the gunman': common 'the gunman' is 2 of 4 and 2 of 4 words.
    expect(rougeL(['The gunman kill police!'], [['police killed the gunman']])).toBeCloseTo(0.5, 12)
    expect(rougeL(['a b', 'x'], [['a b c d', 'b'], ['y']])).toBeCloseTo((2 / 3 + 0) / 2, 12)
    expect(rougeL([''], [['a']])).toBe(0)
  })
})
