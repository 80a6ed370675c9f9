import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkSampling, drawAt, drawToken, type Sampling } from '../../src/predict/sampling.js'
import { untilStop } from '../../src/text/stop-text.js'
import { userError } from '../support/user-error.js'

const plain: Sampling = { temperature: 1, seed: 0 }

/** How often each token is drawn in so many draws with evenly spread numbers. */
const sharesOf = (logits: readonly number[], sampling: Sampling, seen: readonly number[] = []): number[] => {
  const draws = 4000
  const counts = logits.map(() => 0)
  for (let i = 0; i < draws; i++) counts[drawToken(logits, seen, sampling, (i + 0.5) / draws)]! += 1 / draws
  return counts
}

/** The probabilities of logits, by their definition. */
const softmax = (logits: readonly number[]): number[] => {
  const weights = logits.map(Math.exp)
  return weights.map(w => w / weights.reduce((a, b) => a + b))
}

const expectShares = (actual: readonly number[], expected: readonly number[]): void => {
  for (const [i, share] of expected.entries()) expect(actual[i]).toBeCloseTo(share, 2)
}

describe('a drawn token', () => {
  const logits = [1, 3, 2, -1]

  it('has the probability that the logits give it', () => {
    expectShares(sharesOf(logits, plain), softmax(logits))
  })

  it('depends on the temperature', () => {
    expectShares(sharesOf(logits, { ...plain, temperature: 2 }), softmax(logits.map(x => x / 2)))
    expect(sharesOf(logits, { ...plain, temperature: 0 })).toEqual([0, expect.closeTo(1), 0, 0])
  })

  it('is one of the k likeliest', () => {
    const [, b, c] = softmax([Number.NEGATIVE_INFINITY, 3, 2, Number.NEGATIVE_INFINITY])
    expectShares(sharesOf(logits, { ...plain, topK: 2 }), [0, b!, c!, 0])
    expect(sharesOf([2, 2, 2], { ...plain, topK: 1 })).toEqual([expect.closeTo(1), 0, 0])
  })

  it('is one of the smallest set that has the probability p', () => {
    const [, b, c] = softmax(logits)
    const two = softmax([3, 2])
    expectShares(sharesOf(logits, { ...plain, topP: b! + c! / 2 }), [0, two[0]!, two[1]!, 0])
    expect(sharesOf(logits, { ...plain, topP: b! / 2 })).toEqual([0, expect.closeTo(1), 0, 0])
  })

  it('is penalised where it stands in the row: positive logits are divided, others multiplied', () => {
    const share = sharesOf(logits, { ...plain, repetitionPenalty: 2 }, [1, 3, 1])
    expectShares(share, softmax([1, 1.5, 2, -2]))
  })

  it('is one that can be, whatever the numbers', () => {
    const logit = fc.oneof(
      fc.double({ min: -50, max: 50, noNaN: true }),
      fc.constant(Number.NEGATIVE_INFINITY),
    )
    fc.assert(
      fc.property(
        fc.array(logit, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(10_000),
        (some, temperature, topP, topK, step) => {
          fc.pre(some.some(Number.isFinite))
          const u = drawAt(7, 3, step)
          expect(u > 0 && u < 1).toBe(true)
          const token = drawToken(some, [0], { temperature, topP, topK, seed: 7 }, u)
          expect(some[token]).toBeGreaterThan(Number.NEGATIVE_INFINITY)
        },
      ),
    )
  })

  it('is refused by the name of a setting outside its range', async () => {
    const wrong: readonly [Partial<Sampling>, string][] = [
      [{ temperature: -1 }, 'the temperature'],
      [{ temperature: Number.NaN }, 'the temperature'],
      [{ topK: 0 }, 'top-k'],
      [{ topK: 1.5 }, 'top-k'],
      [{ topP: 0 }, 'top-p'],
      [{ topP: 1.1 }, 'top-p'],
      [{ repetitionPenalty: 0 }, 'the repetition penalty'],
      [{ seed: 0.5 }, 'the seed'],
    ]
    for (const [some, name] of wrong)
      expect((await userError(() => checkSampling({ ...plain, ...some }))).what).toContain(name)
    checkSampling({ ...plain, topK: 1, topP: 1, repetitionPenalty: 1 })
  })
})

describe('a stop text', () => {
  it('ends a text before it, and holds back an end that may become one', () => {
    expect(untilStop('ab###c', ['###'])).toEqual({ sure: 'ab', ended: true })
    expect(untilStop('ab##', ['###'])).toEqual({ sure: 'ab', ended: false })
    expect(untilStop('ab##c', ['###', 'x'])).toEqual({ sure: 'ab##c', ended: false })
    expect(untilStop('one two', ['two', 'one t'])).toEqual({ sure: '', ended: true })
    expect(untilStop('text', [])).toEqual({ sure: 'text', ended: false })
  })

  it('is found however the text comes in pieces, and nothing shown is taken back', () => {
    const letters = fc.stringMatching(/^[ab#]{0,30}$/)
    const stops = fc.array(fc.stringMatching(/^[ab#]{1,4}$/), { maxLength: 3 })
    fc.assert(
      fc.property(letters, stops, (text, ends) => {
        let shown = ''
        for (let n = 0; n <= text.length; n++) {
          const { sure, ended } = untilStop(text.slice(0, n), ends)
          expect(sure.startsWith(shown)).toBe(true)
          shown = sure
          if (ended) break
        }
        const whole = untilStop(text, ends)
        expect(shown).toBe(whole.sure)
        expect(whole.ended).toBe(ends.some(e => text.includes(e)))
        for (const e of ends) expect(shown).not.toContain(e)
      }),
    )
  })
})
