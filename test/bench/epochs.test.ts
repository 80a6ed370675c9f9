import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  allLengths,
  epochBatches,
  epochTime,
  equalLength,
  equalRowsTime,
  lengthsToTime,
  stepTime,
} from '../../src/bench/epochs/epoch-time.js'
import { measureEpochs } from '../../src/bench/epochs/measure-epochs.js'
import { type EpochPlan, epochPlans } from '../../src/bench/epochs/sources.js'
import { peersFolder } from '../../src/bench/peers/programs.js'
import { llamaConfig } from '../../src/bench/random-model.js'
import { type BenchReport, disagreements } from '../../src/bench/show.js'
import { showEpochs } from '../../src/bench/show-epochs.js'
import { batchKinds } from '../../src/data/batch.js'
import { withDevice } from '../support/device.js'
import { pythonWith } from '../support/python.js'
import { sharedPath } from '../support/shared.js'

describe('the time of an epoch', () => {
  const times = { lengths: [8, 16, 32], milliseconds: [10, 12, 20] }

  it('is that of its steps, on straight lines between those that were timed', () => {
    expect([4, 8, 12, 16, 24, 32, 40].map(length => stepTime(times, length))).toEqual([
      10, 10, 11, 12, 16, 20, 20,
    ])
    expect(epochTime(times, [8, 24, 24])).toBe(42)
    expect(equalRowsTime(times, 16, 8 * 16 * 5)).toBe(60)
  })

  it('is worked out from few lengths, the least and the greatest among them', () => {
    expect(lengthsToTime([8, 16, 24, 32, 40, 48, 56], 3, [24])).toEqual([8, 24, 32, 56])
    expect(lengthsToTime([8, 16], 6, [8])).toEqual([8, 16])
    expect(lengthsToTime([64], 6, [])).toEqual([64])
    expect(equalLength([5, 30, 40], 64)).toBe(24)
    expect(equalLength([1], 64)).toBe(8)
    expect(equalLength([60], 60)).toBe(60)
  })
})

it('the batches of an epoch hold the same tokens however they are put together', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 120 })
  fc.assert(
    fc.property(lengths, some => {
      const [alike, any, one] = epochBatches(some, 100)
      expect([alike, any, one].map(b => b!.kind)).toEqual(batchKinds)
      const known = allLengths(some, 100)
      for (const { exact, rounded, tokens, share } of [alike!, any!, one!]) {
        expect(tokens).toBe(some.reduce((a, b) => a + b, 0))
        expect(share).toBeCloseTo(tokens / rounded.reduce((n, length) => n + 8 * length, 0), 12)
        expect(exact.every((length, i) => length <= rounded[i]!)).toBe(true)
        expect(Math.max(...exact)).toBe(Math.max(...some))
        expect(rounded.every(length => known.includes(length))).toBe(true)
      }
      expect(new Set(one!.rounded)).toEqual(new Set([known.at(-1)]))
    }),
  )
})

describe('the data sets of `jola bench data`', () => {
  const shared = sharedPath('data', 'tasks', 'trec.train.jsonl.xz') !== undefined
  const [trec, sst2, quickstart] = epochPlans()

  it("include the quickstart's task, which is always there", async () => {
    expect(quickstart!.missing).toBeUndefined()
    const found = await quickstart!.lengths()
    expect(found.length).toBe(200)
    expect(Math.max(...found)).toBeLessThanOrEqual((await quickstart!.model()).context)
  })

  it.skipIf(!shared)('have the lengths of the real data (needs the shared folder)', async () => {
    expect(trec!.missing).toBeUndefined()
    expect((await trec!.lengths()).length).toBe(4952)
    const found = await sst2!.lengths()
    expect(found.length).toBe(6920)
    const mean = found.reduce((a, b) => a + b, 0) / found.length
    expect([Math.round(mean), Math.max(...found)]).toEqual([62, 170])
  })
})

withDevice('epochs', device => {
  const config = llamaConfig({
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    vocab_size: 16,
    max_position_embeddings: 16,
  })
  const plan = (missing?: string): EpochPlan => ({
    name: missing === undefined ? 'small' : 'elsewhere',
    missing,
    model: async () => ({ name: 'a small model', config, context: 16 }),
    lengths: async () => [5, 6, 16, 7, 12, 40, 3, 8, 4, 14],
  })
  const peer = (as: string) => ({
    name: as,
    commands: [[process.execPath, new URL('fixtures/peer.mjs', import.meta.url).pathname, as]] as [
      [string, ...string[]],
    ],
    install: 'install it',
  })

  it('are measured by us alone where the peer is missing or differs, and say what was left out', async () => {
    const found = await measureEpochs(device, [plan(), plan('/no/file')], peer('wrong'), { runs: 2 })
    expect(found.missing).toEqual([{ name: 'elsewhere', why: 'there is no /no/file' }])
    expect(found.wrong).toEqual([expect.stringMatching(/^a wrong peer on a small model: it gives 1 numbers/)])
    expect(disagreements({ data: found } as BenchReport)).toEqual(found.wrong)
    const [set] = found.sets
    expect(set).toMatchObject({
      examples: 9,
      left: 1,
      longest: 16,
      lengths: [8, 16],
      timed: [8, 16],
      equal: 8,
    })
    expect(set!.epochs.map(e => [e.by, e.batches])).toEqual(
      [...batchKinds, 'equal'].map(kind => ['Jola', kind]),
    )
    for (const { rate, share } of set!.epochs) {
      expect(rate.least).toBeGreaterThan(0)
      expect(share).toBeLessThanOrEqual(1)
    }
    expect(set!.kernels.one).toBeGreaterThan(1)
    expect(set!.kernels.all).toBeGreaterThanOrEqual(set!.kernels.one)
    const blocks = showEpochs(found)
    expect(blocks.filter(b => typeof b !== 'string').length).toBe(1)
    expect(blocks.at(-1)).toBe('elsewhere was not measured: there is no /no/file')
  })

  const python = pythonWith(['torch', 'numpy'])
  const title = 'agree with PyTorch at every length (needs JOLA_PYTHON, a Python with torch and numpy)'
  it.skipIf(python === undefined)(title, async () => {
    const program = {
      ...peer('PyTorch'),
      commands: [[python!, `${peersFolder}/peer_torch.py`]] as [[string, ...string[]]],
    }
    const { wrong, missing, sets } = await measureEpochs(device, [plan()], program, { runs: 1 })
    expect({ wrong, missing }).toEqual({ wrong: [], missing: [] })
    const theirs = sets[0]!.epochs.filter(e => e.by.startsWith('PyTorch'))
    expect(theirs.map(e => e.batches)).toEqual(['alike', 'any', 'equal'])
    expect(theirs[1]!.toPeer).toMatchObject({ median: 1 })
  })
})
