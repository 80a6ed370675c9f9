import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { type TrainRequest, train } from '../../src/index.js'
import type { SequenceModel } from '../../src/predict/sequence-model.js'
import { openRun } from '../../src/runs/open-run.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { withDevice } from '../support/device.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { jola, sharedFolder } from './support.js'

const lines = (examples: readonly object[]): string => examples.map(e => `${JSON.stringify(e)}\n`).join('')
const questions = lines(['ab?', 'ba?', 'cd?', 'dc?'].map((prompt, i) => ({ prompt, answer: 'ef'[i % 2] })))

/** The numbers of all tensors that a run's adapter holds, by name. */
const adapterOf = async (run: string): Promise<Readonly<Record<string, number>>> => {
  const file = await openCheckpoint(join(run, 'adapter_model.safetensors'))
  await file.close()
  return Object.fromEntries([...file.tensors].map(([name, t]) => [name, t.shape.reduce((a, b) => a * b, 1)]))
}

interface Sizes {
  readonly L: number
  readonly E: number
  readonly H: number
  readonly K: number
  readonly D: number
}

/** Each recipe with settings of its own, and what its adapter holds. */
const recipes: readonly (readonly [
  string,
  readonly string[],
  (s: Sizes) => Readonly<Record<string, number>>,
])[] = [
  [
    'lora',
    ['R=3', 'k=true', 'v=false'],
    ({ L, E, H, K, D }) => ({
      'edits.q.down': L * 3 * E,
      'edits.q.up': L * H * D * 3,
      'edits.k.down': L * 3 * E,
      'edits.k.up': L * K * D * 3,
    }),
  ],
  ['bitfit', [], ({ L, H, K, D }) => ({ 'edits.q': L * H * D, 'edits.k': L * K * D, 'edits.v': L * K * D })],
  [
    'ablations',
    ['gating=one', 'kinds=offset', 'place=everywhere'],
    ({ L, E, H, D }) => ({
      'edits.offset': L * H * D,
      'edits.scale_gate': L * H,
      'edits.ff_offset': L * E,
      'edits.ff_scale_gate': L,
    }),
  ],
  ['red', [], ({ L, E }) => ({ 'edits.scale': L * E, 'edits.offset': L * E })],
  [
    'loreft',
    ['R=2', 'first=1', 'last=1'],
    ({ L, E }) => ({ 'edits.rotate': L * 2 * E, 'edits.weight': L * 2 * E, 'edits.bias': L * 2 }),
  ],
  ['lofit', ['heads=2', 'scale_rate=0.05'], ({ L, H, D }) => ({ 'edits.offset': L * H * D })],
  ['post_block', ['form=fixed_vector'], ({ L, E }) => ({ 'trained.edits.write': L * E })],
  [
    'post_block',
    ['joint=true', 'R=1'],
    ({ L, E, H, K, D }) => ({
      'trained.edits.read': L * E,
      'trained.edits.write': L * E,
      'trained.lora.q.down': L * E,
      'trained.lora.q.up': L * H * D,
      'trained.lora.v.down': L * E,
      'trained.lora.v.up': L * K * D,
    }),
  ],
]

withDevice('recipes of the standard library', device => {
  let folder: string
  let sizes: Sizes
  beforeAll(async () => {
    folder = await sharedFolder({
      'train.jsonl': questions,
      'valid.jsonl': questions,
      'test.jsonl': questions,
    })
    await writeTinyLlama(join(folder, 'model'))
    const config = JSON.parse(await readFile(join(folder, 'model', 'config.json'), 'utf8')) as Record<
      string,
      number
    >
    const H = config.num_attention_heads!
    const E = config.hidden_size!
    const D = config.head_dim ?? E / H
    sizes = { L: config.num_hidden_layers!, E, H, K: config.num_key_value_heads ?? H, D }
  })

  const common = (settings: readonly string[]) => [
    ...['epochs=6', 'batch=4', 'warmup=0', 'learning_rate=0.05'],
    ...settings,
  ]

  const command = (recipe: string, run: string, settings: readonly string[]) => [
    ...['train', `std.recipes.${recipe}`, '--model', join(folder, 'model'), '--data', folder, '--out', run],
    ...common(settings).flatMap(s => ['--set', s]),
  ]

  /** The tokens that are likeliest after a prompt, by the losses of all tokens, computed anew for each. */
  const likeliest = async (
    sequence: SequenceModel,
    prompt: readonly number[],
    vocabulary: number,
  ): Promise<readonly number[]> => {
    const written: number[] = []
    for (let i = 0; i < 2; i++) {
      const rows = Array.from({ length: vocabulary }, (_, v) => ({
        tokens: [...prompt, ...written, v],
        from: prompt.length,
      }))
      const losses = await sequence.losses(rows)
      written.push(losses.indexOf(Math.min(...losses)))
    }
    return written
  }

  it.each(recipes)(
    '%s %j learns, is read back, and continues rows of unequal length as if each were computed anew',
    async (recipe, settings, holds) => {
      const run = join(folder, `${recipe}-${settings.length}-run`)
      const { code, err } = await jola(...command(recipe, run, settings))
      expect({ code, err }).toMatchObject({ code: 0 })
      const { history } = (await new RunFolder(run).load())!
      expect(history.steps.at(-1)!.loss).toBeLessThan(history.steps[0]!.loss)
      expect(await adapterOf(run)).toEqual(holds(sizes))
      const { sequence, model, close } = await openRun(device, run)
      const prompts = [[3], [2, 5, 4, 7, 3, 2, 6], [4, 4, 6]]
      const found = await sequence.greedy(prompts, 2, { stops: [] })
      const anew: (readonly number[])[] = []
      for (const prompt of prompts)
        anew.push(await likeliest(sequence, prompt, Number(model.config.vocab_size)))
      await close()
      expect(found).toEqual(anew)
    },
  )

  it('lofit, interrupted before it chooses heads, goes on to the same bits', async () => {
    const whole = await new RunFolder(join(folder, 'lofit-2-run')).load()
    const out = join(folder, 'interrupted')
    const request = (mode: 'new' | 'resume'): TrainRequest => ({
      file: 'std.recipes.lofit',
      model: join(folder, 'model'),
      data: folder,
      out,
      set: common(['heads=2', 'scale_rate=0.05']),
      seed: 0,
      mode,
      dropLong: false,
      saveEvery: 1e9,
      bf16: false,
    })
    const done = () => undefined
    const silent = { preparing: done, compiled: done, started: done, step: done, epoch: done }
    const second = ({ epoch }: { readonly epoch: number }) => {
      if (epoch === 2) throw new Error('interrupted')
    }
    const signal = new AbortController().signal
    await expect(train(device, request('new'), { ...silent, epoch: second }, signal)).rejects.toThrow(
      'interrupted',
    )
    expect((await new RunFolder(out).load())!.position).toMatchObject({ step: 2, steps: 6 })
    await train(device, request('resume'), silent, signal)
    expect(await new RunFolder(out).load()).toEqual(whole)
  })

  it('eval reads a run back', async () => {
    const { code, err } = await jola('eval', join(folder, 'bitfit-0-run'))
    expect({ code, err }).toMatchObject({ code: 0 })
  })

  it('finetune begins with the model and lowers its loss', async () => {
    const run = join(folder, 'finetune-run')
    const { code, err } = await jola(...command('finetune', run, ['learning_rate=0.01']))
    expect({ code, err }).toMatchObject({ code: 0 })
    const { history } = (await new RunFolder(run).load())!
    expect(history.steps.at(-1)!.loss).toBeLessThan(history.steps[0]!.loss)
    const evaluated = await jola('eval', '--model', join(run, 'model'), '--data', folder)
    expect(evaluated.code, evaluated.err).toBe(0)
  })

  it('refuses a rank below 1', async () => {
    const { code, err } = await jola(...command('lora', join(folder, 'none'), ['R=0']))
    expect(code).toBe(2)
    expect(err).toContain("the setting R cannot be '0'")
  })
})
