import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BeamSearch } from '../../src/predict/beams.js'
import type { OpenPredictor } from '../../src/predict/open-predictor.js'
import { openBase } from '../../src/runs/open-run.js'
import { withDevice } from '../support/device.js'
import { itWithPython } from '../support/python.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

const rows = [[3], [2, 5, 4, 7, 3, 2, 6], [4, 4, 6]]

const cases = [
  { beams: 4, most: 10, stops: [], lengthPenalty: 1, earlyStopping: false },
  { beams: 4, most: 12, stops: [9, 17, 23], lengthPenalty: 1, earlyStopping: false },
  { beams: 3, most: 12, stops: [9, 17, 23], lengthPenalty: -0.5, earlyStopping: true },
  { beams: 2, most: 12, stops: [17, 30, 31, 5], lengthPenalty: 2, earlyStopping: 'never' },
] as const

const file = fileURLToPath(new URL('../fixtures/torch/beams.json', import.meta.url))
const fixture: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined

describe('a search', () => {
  const log = (...p: readonly number[]): number[] => p.map(Math.log)

  it('finds the likelier text that begins with a less likely token', () => {
    const search = new BeamSearch({ beams: 2 }, [], 2)
    search.step([log(0.6, 0.4)])
    expect(search.running).toEqual([[0], [1]])
    search.step([log(0.5, 0.5), log(0.1, 0.9)])
    expect(search.best).toEqual([1, 1])
    expect(search.running).toEqual([])
  })

  it('ends a text at a stop token, and compares by length', () => {
    const made = (lengthPenalty: number): readonly number[] => {
      const search = new BeamSearch({ beams: 1, lengthPenalty }, [2], 3)
      search.step([log(0.5, 0.1, 0.4)])
      search.step([log(0.8, 0.1, 0.1)])
      if (search.running.length > 0) search.step([log(0.1, 0.1, 0.8)])
      return search.best
    }
    expect(made(1)).toEqual([0, 0])
  })
})

withDevice('beam search', device => {
  let folder: string
  let model: OpenPredictor
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jola-beams-'))
    await writeTinyLlama(join(folder, 'model'))
    model = await openBase(device, join(folder, 'model'), 'std.models.llama')
  })
  afterAll(async () => {
    await model.close()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(cases.map((c, i) => [i, c] as const))(
    'gives the tokens of transformers, alone and in a batch (%i)',
    async (i, { most, stops, ...options }) => {
      const wanted = (fixture as readonly (readonly (readonly number[])[])[])[i]
      expect(await model.sequence.beams(rows, most, { stops }, options)).toEqual(wanted)
      const [alone] = await model.sequence.beams([rows[1]!], most, { stops }, options)
      expect(alone).toEqual(wanted![1])
    },
    120_000,
  )

  it('with one beam is greedy', async () => {
    const found = await model.sequence.beams(rows, 6, { stops: [] }, { beams: 1 })
    expect(found).toEqual(await model.sequence.greedy(rows, 6, { stops: [] }))
  }, 120_000)

  it('refuses a number of beams below 1', async () => {
    const error = await userError(model.sequence.beams(rows, 4, { stops: [] }, { beams: 0 }))
    expect(error.what).toBe('0 beams are asked for')
  })

  itWithPython('has a fixture that transformers still gives', ['torch', 'transformers'], async python => {
    expect(await python('torch/beams.py', { folder: join(folder, 'model'), rows, cases })).toEqual(fixture)
  })
})
