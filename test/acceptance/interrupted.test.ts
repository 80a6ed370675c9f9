import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Schedule } from '../../compiler/artifact.js'
import { openNodeDevice } from '../../runtime/node.js'
import { openStep } from '../../src/bench/recipe-step.js'
import { openSubject } from '../../src/cli/eval.js'
import type { UserError } from '../../src/errors/user-error.js'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { openRun } from '../../src/runs/open-run.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { train } from '../../src/runs/train-run.js'
import type { RunDescription } from '../../src/train/run-record.js'
import type { TrainWatcher } from '../../src/train/train.js'
import { remember } from '../../src/tune/table.js'
import { jola } from '../cli/support.js'
import { withDevice } from '../support/device.js'
import { stories } from './support.js'
import {
  at,
  atFirst,
  data,
  dataFolder,
  never,
  questions,
  refusalOn,
  request,
  silent,
} from './training-run.js'

const tests = (): void =>
  withDevice('a training run', device => {
    const refusal = refusalOn(device)

    it('keeps its last step if it is interrupted after an epoch, and goes on with validation', async () => {
      const whole = await train(device, request({ out: at('whole') }), silent, never)
      const stop = new AbortController()
      const watcher = { ...silent, epoch: ({ epoch }: { epoch: number }) => epoch === 2 && stop.abort() }
      const stopped = await train(device, request({ out: at('parts') }), watcher as TrainWatcher, stop.signal)
      expect(stopped.end).toBe('stopped')
      const saved = await new RunFolder(at('parts')).load()
      expect(saved!.position.step).toBe(3)
      expect(saved!.history.epochs.length).toBe(2)
      const resumed = await train(device, request({ out: at('parts'), mode: 'resume' }), silent, never)
      expect(resumed.history).toEqual(whole.history)
      expect(await new RunFolder(at('parts')).load()).toEqual(await new RunFolder(at('whole')).load())
    })

    it('is not resumed on rows of another length', async () => {
      const grows = dataFolder('grows', i => `${questions[i]} `)
      const stop = new AbortController()
      await train(device, request({ out: at('length'), data: grows }), atFirst(stop), stop.signal)
      rmSync(grows, { recursive: true })
      dataFolder('grows', i => `${questions[i]} ${'and then '.repeat(8)}`)
      const { why } = await refusal({ out: at('length'), data: grows, mode: 'resume' })
      expect(why).toMatch(/its rows have \d+ tokens, and those of the data have \d+/)
    })

    it('is not resumed on other data of the same length', async () => {
      const swapped = dataFolder('swapped', i => `${questions[i]} `)
      const stop = new AbortController()
      await train(device, request({ out: at('other'), data: swapped }), atFirst(stop), stop.signal)
      rmSync(swapped, { recursive: true })
      dataFolder('swapped', i => `${questions[3 - i]} `)
      const { why } = await refusal({ out: at('other'), data: swapped, mode: 'resume' })
      expect(why).toContain('is not what the run was started with')
    })

    it('is resumed with the settings it was begun with, repeated or left out', async () => {
      const again = (set: readonly string[]) => refusal({ out: at('whole'), mode: 'resume', set })
      expect((await again(['batch=2'])).why).toBe('batch was 4')
      expect((await again(['colour=2'])).what).toBe('there is no setting colour')
      const set = ['batch=4.0', 'learning_rate=0.005']
      await train(device, request({ out: at('whole'), mode: 'resume', set }), silent, never)
    })

    it('goes on with the weights it was begun with, and its adapter with them', async () => {
      const stop = new AbortController()
      const q8 = { out: at('packed'), set: ['batch=4', 'epochs=1'], weights: 'q8' as const }
      await train(device, request(q8), atFirst(stop), stop.signal)
      const { why } = await refusal({ ...q8, mode: 'resume', weights: 'bf16' })
      expect(why).toBe('the weights were q8')
      const { weights: _, ...unsaid } = q8
      const { description } = await train(device, request({ ...unsaid, mode: 'resume' }), silent, never)
      expect(description.weights).toBe('q8')
      const adapter = JSON.parse(readFileSync(at('packed', 'adapter_config.json'), 'utf8')) as object
      expect(adapter).toMatchObject({ weights: 'q8' })
      const opened = await openRun(device, at('packed'))
      expect(opened.model.format).toBe('q8')
      await opened.close()
    })

    it('goes on in the precision it was begun in, and its adapter too', async () => {
      const begin = ['train', 'std.recipes.jola', '--model', stories!, '--data', data, '--out', at('half')]
      const command = [...begin, '--set', 'batch=4', '--set', 'epochs=1']
      const half = await openNodeDevice({ precision: 'f16' })
      const stop = new AbortController()
      const first = request({ out: at('half'), set: ['batch=4', 'epochs=1'] })
      const { precision } = (await train(half, first, atFirst(stop), stop.signal)).description
      half.close()
      expect(precision).toBe(half.traits.precision)
      if (precision === 'f32') return
      expect((await refusal({ ...first, mode: 'resume' })).why).toBe('the precision was f16')
      const refused = await jola(...command, '--resume', '--precision', 'f32')
      expect(refused.err).toContain('the precision was f16')
      expect(await jola(...command, '--resume')).toMatchObject({ code: 0 })
      const adapter = JSON.parse(readFileSync(at('half', 'adapter_config.json'), 'utf8')) as object
      expect(adapter).toMatchObject({ precision: 'f16' })
      for (const asked of [undefined, 'f32'] as const) {
        const o = asked === undefined ? {} : { precision: asked }
        const opened = await openSubject(at('half'), o)
        expect(opened.device.traits.precision).toBe(asked ?? 'f16')
        await opened.close()
      }
    })

    it('goes on with the schedules it was begun with, whatever was measured since', async () => {
      const { sizes } = await new RunFolder(at('whole')).description()
      const shape = { B: sizes.B!, T: sizes.T!, A: sizes.A!, everywhere: false, oneLength: false }
      const { set } = request({})
      const plan = { name: 'step', recipe: { file: 'std.recipes.jola', set }, model: stories!, shape }
      const step = await openStep(device, plan)
      const { kernels } = step.session.compiledStep.executable.artifact
      await step.close()
      const cache = process.env.XDG_CACHE_HOME
      process.env.XDG_CACHE_HOME = at('cache')
      const measured = await openNodeDevice()
      try {
        const sums = kernels.filter(k => k.chosen!.schedule.family !== 'map').slice(0, 4)
        const last = sums.map(({ chosen }) => [chosen!.signature, chosen!.candidates.at(-1)!] as const)
        await remember(measured, new Map(last))
        await train(measured, request({ out: at('tuned') }), silent, never)
        const stop = new AbortController()
        const watcher = { ...silent, epoch: () => stop.abort() }
        const parts = request({ out: at('tuned-parts') })
        const { description } = await train(measured, parts, watcher, stop.signal)
        expect(Object.keys(description.schedules!).length).toBeGreaterThan(0)
        cpSync(at('tuned-parts'), at('tuned-before'), { recursive: true })
        await train(device, { ...parts, mode: 'resume' }, silent, never)
        expect(await new RunFolder(at('tuned-parts')).load()).toEqual(await new RunFolder(at('tuned')).load())
      } finally {
        measured.close()
        if (cache === undefined) delete process.env.XDG_CACHE_HOME
        else process.env.XDG_CACHE_HOME = cache
      }
    })

    it('does not go on where a schedule it was begun with is none any more', async () => {
      const file = at('tuned-before', 'run.json')
      const begun = JSON.parse(readFileSync(file, 'utf8')) as RunDescription
      const [[signature, schedule]] = Object.entries(begun.schedules!) as [[string, Schedule]]
      const schedules = { ...begun.schedules, [signature]: { ...schedule, spread: 3 } }
      writeFileSync(file, JSON.stringify({ ...begun, schedules }))
      const { why } = await refusal({ out: at('tuned-before'), mode: 'resume' })
      expect(why).toContain(`by 1 of the schedules that were measured for it: ${signature}`)
    })

    it('goes on with the memory it was begun with, whatever there is now', async () => {
      const set = ['batch=8', 'epochs=2', 'patience=99']
      const more = { set, data: dataFolder('longer', i => 'and then '.repeat(30) + questions[i]) }
      let wanted = 0
      const weigh = {
        ...silent,
        started: ({ bytes }: { bytes: number }) => {
          wanted = bytes
        },
      }
      const stop = new AbortController()
      await train(device, request({ out: at('free'), ...more }), atFirst(stop, weigh), stop.signal)
      const limited = await openNodeDevice({ memory: Math.round(0.9 * wanted) })
      const again = new AbortController()
      const { description } = await train(
        limited,
        request({ out: at('limited'), ...more }),
        atFirst(again, weigh),
        again.signal,
      )
      expect(wanted).toBeLessThanOrEqual(limited.memory!)
      expect(description).toMatchObject({ memory: limited.memory, budget: limited.memory })
      await train(limited, request({ out: at('limited-whole'), ...more }), silent, never)
      limited.close()
      const resume = request({ out: at('limited'), ...more, mode: 'resume' })
      const other = await openNodeDevice({ memory: 2 * wanted })
      await expect(train(other, resume, silent, never)).rejects.toMatchObject({
        why: expect.stringContaining('the memory was') as string,
      })
      other.close()
      let resumed = 0
      await train(
        device,
        resume,
        {
          ...silent,
          started: ({ bytes }) => {
            resumed = bytes
          },
        },
        never,
      )
      expect(resumed).toBe(wanted)
      expect(await new RunFolder(at('limited')).load()).toEqual(
        await new RunFolder(at('limited-whole')).load(),
      )
    })

    it('refuses other weights under the same name, and a changed program without --force', async () => {
      const stop = new AbortController()
      const stopping = { ...silent, started: () => stop.abort() }
      const model = at('base')
      cpSync(stories!, model, { recursive: true })
      const file = at('mine.jola')
      const source = readFileSync(join(stdlibFolder, 'recipes/jola.jola'), 'utf8')
      writeFileSync(file, source)
      const run = { out: at('based'), model, file, set: ['batch=4', 'epochs=2', 'patience=99'] }
      await train(device, request(run), stopping, stop.signal)
      const weights = join(model, 'model.safetensors')
      const bytes = readFileSync(weights)
      bytes[bytes.length - 2]! ^= 1
      writeFileSync(weights, bytes)
      const hashes = /sha256:([0-9a-f]{12}), and are sha256:(?!\1)[0-9a-f]{12}/
      expect((await refusal({ ...run, mode: 'resume' })).why).toMatch(hashes)
      bytes[bytes.length - 2]! ^= 1
      writeFileSync(weights, bytes)
      writeFileSync(file, source.replace('penalty_warmup = 250.0', 'penalty_warmup = 200.0'))
      const { why, hint } = await refusal({ ...run, mode: 'resume' })
      expect(why).toMatch(/the program has changed since: it was ([0-9a-f]{12}), and is (?!\1)[0-9a-f]{12}$/)
      expect(hint).toContain('--resume --force')
      const told: string[] = []
      const watcher = { ...silent, forced: (differs: readonly string[]) => told.push(...differs) }
      await train(device, request({ ...run, mode: 'resume', force: true }), watcher, never)
      expect(told).toEqual([why])
      await (await openRun(device, at('based'))).close()
      cpSync(model, at('moved'), { recursive: true })
      await (await openRun(device, at('based'), { model: at('moved') })).close()
      const config = join(model, 'config.json')
      writeFileSync(config, readFileSync(config, 'utf8').replace('10000.0', '500000.0'))
      const other = await openRun(device, at('based')).then(
        () => expect.unreachable(),
        (error: UserError) => error,
      )
      expect(other.what).toBe('the adapter was trained on another model')
      expect(other.why).toMatch(/rope_base was 10000, and is 500000/)
    })
  })

if (stories === undefined) describe.skip('interrupted runs (needs stories260K: set JOLA_SHARED)', tests)
else describe('interrupted runs', tests)
