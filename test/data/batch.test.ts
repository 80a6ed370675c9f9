import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BatchKind,
  exampleBatches,
  longestAnswer,
  packedBatches,
  paddedLength,
  rowLength,
} from '../../src/data/batch.js'
import { epochAsJson, epochInWords } from '../../src/data/epoch-counts.js'
import { permutation, random32 } from '../../src/data/random.js'
import { tokenised } from '../support/data-set.js'

const rowsOf = (values: Int32Array | Float32Array, T: number): readonly (readonly number[])[] =>
  Array.from({ length: values.length / T }, (_, row) => [...values.subarray(row * T, row * T + T)])

describe('the batches of examples', () => {
  const examples = [tokenised([5, 6, 7, 8], 2), tokenised([9, 10], 1), tokenised([11, 12, 13, 14, 15], 4)]

  it('have the answers as targets, each after its position, and padding on the right', () => {
    const stream = exampleBatches(examples, { batchSize: 2, length: 4, answer: 2, batches: 'any' })
    expect([stream.stepsPerEpoch, stream.B, stream.T, stream.A, stream.size]).toEqual([2, 2, 4, 2, 3])
    const first = stream.at(0, 0)
    expect(rowsOf(first.tokens, 4)).toEqual([
      [5, 6, 7, 8],
      [9, 10, 0, 0],
    ])
    expect(rowsOf(first.position, 2)).toEqual([
      [1, 2],
      [0, 0],
    ])
    expect(rowsOf(first.target, 2)).toEqual([
      [7, 8],
      [10, 0],
    ])
    expect(rowsOf(first.weight, 2)).toEqual([
      [1, 1],
      [1, 0],
    ])
  })

  it('fill the last batch with rows of no weight, and predict a last token beyond the row', () => {
    const last = exampleBatches(examples, { batchSize: 2, length: 4, answer: 2, batches: 'any' }).at(0, 1)
    expect(last.rows).toBe(1)
    expect(rowsOf(last.tokens, 4)).toEqual([
      [11, 12, 13, 14],
      [0, 0, 0, 0],
    ])
    expect(rowsOf(last.position, 2)[0]).toEqual([3, 0])
    expect(rowsOf(last.target, 2)[0]).toEqual([15, 0])
    expect(rowsOf(last.weight, 2)).toEqual([
      [1, 0],
      [0, 0],
    ])
  })

  it('are padded to a multiple of 8 within the context', () => {
    expect(paddedLength(examples, 512)).toBe(8)
    expect(paddedLength([tokenised(Array(10).fill(1), 1)], 512)).toBe(16)
    expect(paddedLength([tokenised(Array(10).fill(1), 1)], 12)).toBe(12)
  })

  it('have lengths that are multiples of 8, unless the context ends before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), (n, context) => {
        const length = rowLength(Math.min(n, context), context)
        expect(length).toBeGreaterThanOrEqual(Math.min(n, context))
        expect(length).toBeLessThanOrEqual(Math.min(context, n + 7))
        expect(length === context || length % 8 === 0).toBe(true)
      }),
    )
  })

  it('hold every example once an epoch, and are as long as their longest, whatever their kind', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 200 })
    const kinds = fc.constantFrom<BatchKind>('alike', 'any', 'one_length')
    const given = fc.record({
      lengths,
      kind: kinds,
      batchSize: fc.integer({ min: 1, max: 9 }),
      seed: fc.option(fc.nat(), { nil: undefined }),
    })
    fc.assert(
      fc.property(given, fc.nat({ max: 3 }), ({ lengths, kind, batchSize, seed }, epoch) => {
        const rows = lengths.map((n, i) => tokenised([...Array(n).fill(i + 1), 1], n))
        const length = paddedLength(rows, 90)
        const options = { batchSize, length, answer: 1, batches: kind, shuffleSeed: seed }
        const stream = exampleBatches(rows, options)
        const seen: number[] = []
        for (let step = 0; step < stream.stepsPerEpoch; step++) {
          const batch = stream.at(epoch, step)
          const items = [...batch.example.subarray(0, batch.rows)]
          seen.push(...items)
          expect(batch.rows === batchSize || step === stream.stepsPerEpoch - 1).toBe(true)
          const longest = Math.max(...items.map(i => lengths[i]!))
          expect(batch.length).toBe(kind === 'one_length' ? length : rowLength(longest, length))
          expect(kind === 'one_length' || stream.lengths.includes(batch.length)).toBe(true)
          expect(batch.tokens.length).toBe(batchSize * batch.length)
          for (const [row, item] of items.entries())
            expect(batch.tokens[row * batch.length + lengths[item]! - 1]).toBe(item + 1)
        }
        expect(seen.sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i))
        const all = Array.from({ length: stream.stepsPerEpoch }, (_, step) => stream.at(epoch, step))
        const [positions, tokens] = [
          all.reduce((n, batch) => n + batch.tokens.length, 0),
          lengths.reduce((n, length) => n + length, 0),
        ]
        expect(stream.counts(epoch)).toEqual({
          batches: all.length,
          positions,
          tokens,
          padding: positions - tokens,
          emptyRows: all.reduce((n, batch) => n + batchSize - batch.rows, 0),
        })
      }),
    )
  })

  it('of examples of like length are shuffled, and hold little padding', () => {
    const lengths = Array.from({ length: 400 }, (_, i) => 1 + (random32(3, 0, i) % 300))
    const rows = lengths.map((n, i) => tokenised([...Array(n).fill(i + 1), 1], n))
    const paddingOf = (batches: BatchKind): number => {
      const stream = exampleBatches(rows, {
        batchSize: 8,
        length: 320,
        answer: 1,
        batches,
        shuffleSeed: 1,
      })
      const all = Array.from({ length: stream.stepsPerEpoch }, (_, step) => stream.at(0, step).length * 8)
      return all.reduce((a, b) => a + b, 0) / lengths.reduce((a, b) => a + b, 0)
    }
    expect(paddingOf('alike')).toBeLessThan(1.3)
    expect(paddingOf('any')).toBeGreaterThan(1.6)
    expect(paddingOf('one_length')).toBeGreaterThan(2)
    const stream = exampleBatches(rows, { batchSize: 8, length: 320, answer: 1, shuffleSeed: 1 })
    const order = (epoch: number) =>
      Array.from({ length: stream.stepsPerEpoch }, (_, step) => stream.at(epoch, step).length)
    const rising = order(0).filter((n, i, all) => i > 0 && n >= all[i - 1]!).length
    expect(rising).toBeLessThan(0.75 * stream.stepsPerEpoch)
    expect(order(0)).not.toEqual(order(1))
    expect(order(1)).toEqual(order(1))
  })

  it('have room for the longest answer', () => {
    expect(longestAnswer(examples)).toBe(2)
    expect(longestAnswer([tokenised([1, 2, 3, 4, 5], 1), ...examples])).toBe(4)
  })

  it('show every example once an epoch, in an order of the epoch and the seed alone', () => {
    const many = Array.from({ length: 23 }, (_, i) => tokenised([i + 1, 1], 1))
    const epoch = (seed: number, e: number) => {
      const stream = exampleBatches(many, { batchSize: 4, length: 1, answer: 1, shuffleSeed: seed })
      return Array.from({ length: stream.stepsPerEpoch }, (_, step) => {
        const batch = stream.at(e, step)
        return [...batch.tokens.subarray(0, batch.rows)]
      }).flat()
    }
    expect([...epoch(1, 0)].sort((a, b) => a - b)).toEqual(many.map((_, i) => i + 1))
    expect(epoch(1, 0)).toEqual(epoch(1, 0))
    expect(epoch(1, 1)).not.toEqual(epoch(1, 0))
    expect(epoch(2, 0)).not.toEqual(epoch(1, 0))
    const stream = exampleBatches(many, { batchSize: 4, length: 1, answer: 1, shuffleSeed: 1 })
    stream.at(0, 0)
    expect([...stream.at(3, 2).tokens]).toEqual(epoch(1, 3).slice(8, 12))
  })
})

describe('the counts of an epoch', () => {
  it('are of both sides of pairs, whose last tokens are read too', () => {
    const pair = (right: number, wrong: number) => ({
      ...tokenised(Array(right).fill(1), 1),
      wrong: { tokens: Array<number>(wrong).fill(1), answerStart: 1 },
    })
    const stream = exampleBatches([pair(3, 5), pair(9, 2)], {
      batchSize: 3,
      length: 16,
      answer: 8,
      batches: 'any',
    })
    const counts = { batches: 1, positions: 2 * 3 * 16, tokens: 19, padding: 77, emptyRows: 1 }
    expect(stream.counts(0)).toEqual(counts)
    expect(epochInWords(counts)).toBe(
      '19 tokens and 77 positions of padding (19.8 % and 80.2 %) in 1 batch, ' +
        'where 1 empty row fills the last',
    )
    expect(epochAsJson(counts)).toEqual({
      batches: 1,
      positions: 96,
      tokens: 19,
      token_share: 19 / 96,
      padding: 77,
      padding_share: 77 / 96,
      empty_rows: 1,
    })
  })
})

describe('packed batches', () => {
  it('predict every token but the first exactly once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 9 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        (documents, T, B) => {
          const stream = packedBatches(documents, 0, { batchSize: B, length: T })
          const whole = documents.flatMap(d => [...d, 0])
          const predicted: number[] = []
          for (let step = 0; step < stream.stepsPerEpoch; step++) {
            const { tokens, position, target, weight } = stream.at(0, step)
            expect(stream.A).toBe(T)
            for (let i = 0; i < tokens.length; i++) {
              if (weight[i] === 0) continue
              expect(position[i]).toBe(i % T)
              expect(tokens[i]).toBe(whole[predicted.length])
              predicted.push(target[i]!)
            }
          }
          expect(predicted).toEqual(whole.slice(1))
          const { tokens, positions, emptyRows } = stream.counts(0)
          expect(tokens).toBe(whole.length - 1)
          expect(positions).toBe(stream.stepsPerEpoch * B * T)
          expect(emptyRows).toBe(stream.stepsPerEpoch * B - stream.size)
        },
      ),
    )
  })
})

describe('the generator', () => {
  it('permutes evenly', () => {
    const counts = new Map<string, number>()
    for (let epoch = 0; epoch < 6000; epoch++) {
      const order = permutation(5, epoch, 3).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    // Five degrees of freedom: beyond 20.5 once in a thousand seeds, and the seed is fixed.
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)
    expect(chi).toBeLessThan(20.5)
  })

  it('gives the numbers it always gave, so that a run can be resumed by a later version', () => {
    expect([
      random32(0, 0, 0),
      random32(1, 0, 0),
      random32(0, 1, 0),
      random32(0, 0, 1),
    ]).toMatchInlineSnapshot(`
      [
        1239484813,
        1005336573,
        421944037,
        771759032,
      ]
    `)
    expect([...permutation(42, 3, 8)]).toMatchInlineSnapshot(`
      [
        2,
        7,
        0,
        3,
        5,
        4,
        1,
        6,
      ]
    `)
  })
})
