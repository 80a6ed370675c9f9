import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { withDevice } from '../support/device.js'
import { sharedPath } from '../support/shared.js'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const recipe = join(root, 'stdlib', 'recipes', 'jola.jola')
const model = sharedPath('data', 'models', 'stories260K')

const work = mkdtempSync(join(tmpdir(), 'jola-training-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))
const at = (...parts: readonly string[]): string => join(work, ...parts)

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/**
 * Runs the command line in a process of its own; `meanwhile` may wait for something and end it by a signal.
 */
const jola = (
  args: readonly string[],
  meanwhile?: (
    kill: (signal: NodeJS.Signals) => void,
    said: (text: string) => Promise<void>,
  ) => Promise<void>,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { cwd: root })
    let out = ''
    let err = ''
    child.stdout.on('data', (d: Buffer) => {
      out += d.toString()
    })
    child.stderr.on('data', (d: Buffer) => {
      err += d.toString()
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, out, err }))
    const said = async (text: string): Promise<void> => {
      while (!err.includes(text)) await once(child.stderr, 'data')
    }
    meanwhile?.(signal => child.kill(signal), said).catch(reject)
  })

const lines = (examples: readonly object[]): string => `${examples.map(e => JSON.stringify(e)).join('\n')}\n`
const questions = [
  'What is a big dog?',
  'Where did Lily play?',
  'Who saw the ball?',
  'How many cats are there?',
]
const example = (i: number) => ({ prompt: `${questions[i % 4]} `, answer: 'ABCD'[i % 4] })

/** A folder with both splits. */
const dataFolder = (name: string, train: string, valid = lines([example(0), example(1)])): string => {
  mkdirSync(at(name))
  writeFileSync(at(name, 'train.jsonl'), train)
  writeFileSync(at(name, 'valid.jsonl'), valid)
  return at(name)
}

const epochs = 10
const steps = 3 * epochs

/** `jola train` on the small data, 6 examples and 3 steps an epoch. */
const train = (out: string, more: readonly string[] = [], data = at('data'), base = model!): string[] => [
  'train',
  recipe,
  '--model',
  base,
  '--data',
  data,
  '--out',
  at(out),
  ...['--set', 'batch=2', '--set', `epochs=${epochs}`, '--set', 'patience=99', '--set', 'warmup=2'],
  ...more,
]

/** Digests of all that a run leaves: equal only where every byte is. */
const filesOf = (run: string): Promise<readonly string[]> =>
  Promise.all(
    ['adapter_model.safetensors', 'best.safetensors', 'state.safetensors'].map(async f =>
      createHash('sha256')
        .update(await readFile(at(run, f)))
        .digest('hex'),
    ),
  )

/** The state's file with position and history, as far as the run had come. */
const position = async (run: string): Promise<{ readonly step: number; readonly done: boolean }> => {
  const file = await openCheckpoint(at(run, 'state.safetensors'))
  await file.close()
  return JSON.parse(file.metadata.position!) as { readonly step: number; readonly done: boolean }
}

/** Waits until the saved state has come so far. */
const reached = async (run: string, step: number): Promise<void> => {
  for (;;) {
    const now = await position(run).catch(() => undefined)
    if (now !== undefined && now.step >= step) return
    await delay(5)
  }
}

const tests = (): void => {
  beforeAll(async () => {
    dataFolder('data', lines([0, 1, 2, 3, 4, 5].map(example)))
    const ended = await jola(train('whole'))
    expect(ended.code, ended.err).toBe(0)
  })

  it('trains 720 numbers and writes an adapter', async () => {
    const run = JSON.parse(await readFile(at('whole', 'run.json'), 'utf8')) as { readonly trainable: number }
    expect(run.trainable).toBe(720)
    const adapter = await openCheckpoint(at('whole', 'adapter_model.safetensors'))
    await adapter.close()
    const sizes = [...adapter.tensors.values()].map(t => t.shape.reduce((a, b) => a * b, 1))
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(720)
    expect(await position('whole')).toMatchObject({ step: steps, done: true })
  })

  it('gives the same bits from the same seed, and others from another', async () => {
    expect((await jola(train('again'))).code).toBe(0)
    expect(await filesOf('again')).toEqual(await filesOf('whole'))
    expect((await jola(train('other', ['--seed', '1']))).code).toBe(0)
    expect((await filesOf('other'))[0]).not.toEqual((await filesOf('whole'))[0])
  })

  it('goes on after kill -9 to the bits of the undisturbed run', async () => {
    const killed = await jola(train('killed', ['--save-every', '0.001']), async kill => {
      await reached('killed', 4)
      kill('SIGKILL')
    })
    expect(killed.signal, killed.err).toBe('SIGKILL')
    const before = await position('killed')
    expect(before.done).toBe(false)
    const resumed = await jola(train('killed', ['--resume']))
    expect(resumed.code, resumed.err).toBe(0)
    expect(resumed.err).toContain(`going on after step ${before.step}`)
    expect(await filesOf('killed')).toEqual(await filesOf('whole'))
  })

  it(
    'saves at Ctrl-C, SIGTERM and SIGHUP, tells which by its exit code, and goes on to ' + 'the same bits',
    async () => {
      let last = 0
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
        ['SIGHUP', 129],
      ] as const) {
        const resumed = last === 0 ? [] : ['--resume']
        const stopped = await jola(train('stopped', [...resumed, '--save-every', '0.001']), async kill => {
          await reached('stopped', last + 1)
          kill(signal)
        })
        expect(stopped.code, stopped.err).toBe(code)
        expect(stopped.err).toContain('--resume')
        const before = await position('stopped')
        expect(before.step).toBeGreaterThan(last)
        expect(before.done).toBe(false)
        last = before.step
      }
      expect((await jola(train('stopped', ['--resume']))).code).toBe(0)
      expect(await filesOf('stopped')).toEqual(await filesOf('whole'))
    },
  )

  it('ends at once at Ctrl-C while it compiles, and leaves nothing half-written', async () => {
    const ended = await jola(train('compiling'), (kill, said) =>
      said('compiling for the device').then(() => kill('SIGINT')),
    )
    // As a shell has it, 130: the process ends by the signal itself, which needs no turn of a busy event
    // loop.
    expect(ended).toMatchObject({ code: null, signal: 'SIGINT', out: '' })
    // The lock of a process that is gone counts for nothing, and the next run removes it.
    const isLock = (name: string) => name.startsWith('.jola-lock.')
    expect((await readdir(at('compiling'))).filter(name => !isLock(name))).toEqual([])
    expect((await jola(train('compiling'))).code).toBe(0)
    expect((await readdir(at('compiling'))).filter(isLock)).toEqual([])
    expect(await filesOf('compiling')).toEqual(await filesOf('whole'))
  })

  it('stops at a loss that is not a number through `relu` and `max`, where the state is one', async () => {
    const text = `import std.nn
import std.data (Batch)

size V from "vocab_size"

recipe Falling {
  setting epochs = 5
  setting batch = 2
  state { x: f32 }
  init(key) = { x: 2.0 }
  step(s, batch, key, at) =
    let loss = nn.relu(max b, t -> log(s.x) + 0.0 * f32(i32(batch.tokens[b, t])))
    ({ x: s.x - 1.5 }, { loss })
  validate(s, batch) = mean b, t -> f32(i32(batch.tokens[b, t])) * 0
  predict(s, tokens) = for t, v: V -> s.x
}
`
    writeFileSync(at('falling.jola'), text)
    const [, , ...rest] = train('falling')
    const ended = await jola(['train', at('falling.jola'), ...rest.slice(0, rest.indexOf('--set'))])
    expect(ended.code).toBe(1)
    expect(ended.err).toContain('training stopped at step 3: loss is not a number')
  })

  it('stops at a loss that is no number: the step is named, the last good state is kept', async () => {
    const rate = ['--set', 'learning_rate=3e38', '--set', 'warmup=0']
    const ended = await jola(train('nan', rate))
    expect(ended.code).toBe(1)
    expect(ended.err).toMatch(/training stopped at step \d+: .* is (not a number|-?Infinity)/)
    expect(ended.err).toContain('learning_rate')
    expect((await position('nan')).step).toBeLessThan(2)
    const file = await openCheckpoint(at('nan', 'state.safetensors'))
    for (const name of file.tensors.keys())
      if (name.startsWith('edits.'))
        expect((await file.readF32(name)).every(Number.isFinite), name).toBe(true)
    await file.close()
  })

  describe('refuses', () => {
    /** The message and exit code of a run that must not begin. */
    const refused = async (args: readonly string[]): Promise<string> => {
      const ended = await jola(args)
      expect(ended.code, ended.err).toBe(1)
      expect(ended.err).not.toContain('internal error')
      return ended.err
    }

    it('an example longer than the context, by its line', async () => {
      const long = { prompt: 'one day '.repeat(400), answer: 'A' }
      const data = dataFolder('long', lines([example(0), long]))
      const err = await refused(train('long-run', [], data))
      expect(err).toContain('train.jsonl:2')
      expect(err).toMatch(/the setting context is \d+/)
    })

    it('empty data', async () => {
      expect(await refused(train('empty-run', [], dataFolder('empty', '')))).toContain('train.jsonl')
    })

    it('a folder without data', async () => {
      mkdirSync(at('nothing'))
      expect(await refused(train('nothing-run', [], at('nothing')))).toContain('train')
    })

    it('a run that is there already', async () => {
      const before = await filesOf('whole')
      expect(await refused(train('whole'))).toContain('--resume')
      expect(await filesOf('whole')).toEqual(before)
    })

    it("a file where the run's folder should be, and a folder where a file should be", async () => {
      await writeFile(at('file'), 'x')
      expect(await refused(train('file'))).toContain(at('file'))
      mkdirSync(at('folders'))
      mkdirSync(at('folders', 'train.jsonl'))
      await writeFile(at('folders', 'valid.jsonl'), lines([example(0)]))
      expect(await refused(train('folders-run', [], at('folders')))).toContain('train.jsonl')
    })

    /** The model with its tensors changed. */
    const changed = async (
      name: string,
      change: (tensors: Map<string, { dtype: 'F32'; shape: readonly number[]; data: Float32Array }>) => void,
    ): Promise<string> => {
      const folder = at(name)
      cpSync(model!, folder, { recursive: true })
      const file = await openCheckpoint(folder)
      const tensors = new Map<string, { dtype: 'F32'; shape: readonly number[]; data: Float32Array }>()
      for (const [k, t] of file.tensors)
        tensors.set(k, { dtype: 'F32', shape: t.shape, data: await file.readF32(k) })
      await file.close()
      change(tensors)
      await writeSafetensors(join(folder, 'model.safetensors'), tensors)
      return folder
    }

    it('missing weights and wrong shapes, all at once', async () => {
      const folder = await changed('broken', tensors => {
        tensors.delete('model.norm.weight')
        tensors.delete('model.layers.3.mlp.up_proj.weight')
        tensors.set('model.layers.1.self_attn.q_proj.weight', {
          dtype: 'F32',
          shape: [64, 63],
          data: new Float32Array(64 * 63),
        })
      })
      const err = await refused(train('broken-run', [], at('data'), folder))
      expect(err).toContain('model.norm.weight')
      expect(err).toContain('model.layers.3.mlp.up_proj.weight')
      expect(err).toContain('model.layers.1.self_attn.q_proj.weight')
      expect(err).toContain('[64, 63]')
    })

    it('a truncated checkpoint', async () => {
      cpSync(model!, at('short'), { recursive: true })
      const bytes = readFileSync(join(model!, 'model.safetensors'))
      await writeFile(at('short', 'model.safetensors'), bytes.subarray(0, bytes.length - 1000))
      expect(await refused(train('short-run', [], at('data'), at('short')))).toContain('model.safetensors')
    })

    it('a token that the model does not know', async () => {
      // A vocabulary of 300 beside a tokenizer of 512.
      const folder = await changed('small', tensors => {
        const embed = tensors.get('model.embed_tokens.weight')!
        tensors.set('model.embed_tokens.weight', {
          ...embed,
          shape: [300, 64],
          data: embed.data.slice(0, 300 * 64),
        })
        tensors.delete('lm_head.weight')
      })
      const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, vocab_size: 300 }))
      const err = await refused(train('small-run', [], at('data'), folder))
      expect(err).toMatch(/token/)
      expect(err).toContain('300')
    })

    it('a disk that is full, and keeps what is there', async context => {
      const disk = at('disk')
      mkdirSync(disk)
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24k', 'tmpfs', disk], { stdio: 'ignore' })
      } catch {
        context.skip('only root may mount a small disk')
      }
      try {
        const err = await refused(train('disk/run'))
        expect(err).toMatch(/no space|full/i)
        await expect(stat(at('disk', 'run', 'adapter_model.safetensors'))).rejects.toThrow()
      } finally {
        execFileSync('umount', [disk])
      }
    })
  })
}

if (model === undefined) describe.skip('training (needs stories260K: set JOLA_SHARED)', tests)
else withDevice('training on stories260K', tests)
