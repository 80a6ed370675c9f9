import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { BatchKind } from '../../src/data/batch.js'
import type { EpochCounts } from '../../src/data/epoch-counts.js'
import { type TrainRequest, type TrainResult, train } from '../../src/index.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import type { DataSet } from '../../src/train/data-set.js'
import { sharedFolder } from '../cli/support.js'
import { examplesIn } from '../docs/examples.js'
import { withDevice } from '../support/device.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

/** Prompts of 3 to 6 and of 13 letters, short and long in turn: batches of 8 and of 16 positions. */
const prompts = Array.from(
  { length: 7 },
  (_, i) => `${'abcd'.repeat(3).slice(0, i % 2 === 0 ? 2 + i / 2 : 12)}?`,
)
const rows = prompts.map((prompt, i) => ({ prompt, answer: 'ef'[i % 2]!, wrong: ['gh'[i % 2]!] }))
const lines = (some: readonly object[]): string => some.map(row => `${JSON.stringify(row)}\n`).join('')

const done = () => undefined
const silent = { preparing: done, compiled: done, started: done, step: done, epoch: done }
const never = new AbortController().signal

withDevice('batches of unlike lengths', device => {
  let folder: string
  beforeAll(async () => {
    folder = await sharedFolder({ 'train.jsonl': lines(rows), 'valid.jsonl': lines(rows) })
    await writeTinyLlama(join(folder, 'model'))
    const prefer = examplesIn('language.md').find(e => e.text.includes('recipe Prefer('))!.text
    const twice = prefer.replace('setting epochs = 3', 'setting epochs = 2\n  setting batch = 2')
    await writeFile(join(folder, 'prefer.jola'), twice)
  })

  const request = (out: string, set: readonly string[], more: Partial<TrainRequest> = {}): TrainRequest => ({
    file: 'std.recipes.jola',
    model: join(folder, 'model'),
    data: folder,
    out: join(folder, out),
    set,
    seed: 9,
    mode: 'new',
    dropLong: false,
    saveEvery: 1e9,
    bf16: false,
    ...more,
  })
  const jola = ['batch=2', 'epochs=2', 'warmup=0', 'patience=9']

  /** Stops a run after some steps, within an epoch, and goes on with it. */
  const inParts = async (asked: TrainRequest, after: number, between = async () => {}): Promise<void> => {
    const stop = new AbortController()
    const watcher = { ...silent, step: ({ step }: { step: number }) => step === after && stop.abort() }
    const { end } = await train(device, asked, watcher as never, stop.signal)
    expect(end).toBe('stopped')
    await between()
    await train(device, { ...asked, mode: 'resume' }, silent, never)
  }

  const stateOf = (out: string) => new RunFolder(join(folder, out)).load()

  it('interrupted within an epoch go on to the same bits, in other lengths each epoch', async () => {
    const lengths: number[][] = []
    const read = ({ train: stream }: DataSet): void => {
      for (const epoch of [0, 1])
        lengths.push(Array.from({ length: stream.stepsPerEpoch }, (_, i) => stream.at(epoch, i).length))
    }
    const before = device.residentBytes
    const { epoch } = await train(device, request('whole', jola), { ...silent, read }, never)
    expect(device.residentBytes).toBe(before)
    expect(lengths.map(some => new Set(some))).toEqual([new Set([8, 16]), new Set([8, 16])])
    expect(lengths[0]).not.toEqual(lengths[1])
    const expected: EpochCounts = {
      batches: 4,
      positions: 2 * lengths[0]!.reduce((a, b) => a + b, 0),
      tokens: prompts.reduce((n, p) => n + p.length, 0),
      padding: epoch.positions - epoch.tokens,
      emptyRows: 1,
    }
    expect(epoch).toEqual(expected)
    expect((await new RunFolder(join(folder, 'whole')).description()).epoch).toEqual(expected)
    await inParts(request('parts', jola), 3)
    expect(await stateOf('parts')).toEqual(await stateOf('whole'))
  })

  it('are one length in a run that was begun before there was a choice', async () => {
    const old = [...jola, 'batches=one_length']
    await train(device, request('old', old), silent, never)
    const file = join(folder, 'old-parts', 'run.json')
    const asked = request('old-parts', old)
    await inParts(asked, 3, async () => {
      const begun = JSON.parse(await readFile(file, 'utf8')) as { settings: Record<string, unknown> }
      expect(begun.settings.batches).toBe('one_length')
      delete begun.settings.batches
      await writeFile(file, JSON.stringify(begun))
      const other = { ...asked, set: ['batches=any'], mode: 'resume' } as const
      const { why } = await userError(train(device, other, silent, never))
      expect(why).toBe('batches was one_length')
    })
    expect(await stateOf('old-parts')).toEqual(await stateOf('old'))
  })

  describe.each([
    ['rows', 'std.recipes.jola', [...jola, 'learning_rate=0', 'gate_rate=0']],
    ['pairs to learn from', 'std.recipes.caa', ['batch=2', 'layer=1']],
    ['pairs', 'prefer.jola', ['learning_rate=0']],
  ])('of %s', (_, file, set) => {
    it('give an epoch the same loss as batches of one length, to rounding', async () => {
      const name = file.replace('.', '-')
      await mkdir(join(folder, name))
      const results = new Map<BatchKind, TrainResult>()
      for (const kind of ['alike', 'any', 'one_length'] as const) {
        const asked = request(join(name, kind), [...set, `batches=${kind}`], {
          file: file === 'prefer.jola' ? join(folder, file) : file,
        })
        results.set(kind, await train(device, asked, silent, never))
      }
      const one = results.get('one_length')!
      const losses = ({ history }: TrainResult) => history.epochs.map(e => e.loss)
      const steps = ({ history }: TrainResult) => history.steps.flatMap(s => Object.values(s))
      expect(results.get('any')!.epoch.positions).toBeLessThan(one.epoch.positions)
      expect(results.get('alike')!.epoch.positions).toBeLessThan(results.get('any')!.epoch.positions)
      for (const kind of ['alike', 'any'] as const) {
        expect(results.get(kind)!.epoch.tokens).toBe(one.epoch.tokens)
        for (const [i, loss] of losses(results.get(kind)!).entries())
          expect(Math.abs(loss - losses(one)[i]!)).toBeLessThan(1e-5)
      }
      for (const [i, loss] of steps(results.get('any')!).entries())
        expect(Math.abs(loss - steps(one)[i]!)).toBeLessThan(1e-5)
    })
  })
})
