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

/** The names of the tensors that a run's adapter holds. */
const adapterOf = async (run: string): Promise<readonly string[]> => {
  const file = await openCheckpoint(join(run, 'adapter_model.safetensors'))
  await file.close()
  return [...file.tensors.keys()]
}

withDevice('recipes of the standard library', device => {
  let folder: string
  beforeAll(async () => {
    folder = await sharedFolder({
      'train.jsonl': questions,
      'valid.jsonl': questions,
      'test.jsonl': questions,
    })
    await writeTinyLlama(join(folder, 'model'))
  })

  const common = ['epochs=6', 'batch=4', 'warmup=0', 'learning_rate=0.05']

  const command = (recipe: string, run: string, settings: readonly string[]) => [
    ...['train', `std.recipes.${recipe}`, '--model', join(folder, 'model'), '--data', folder, '--out', run],
    ...settings.flatMap(s => ['--set', s]),
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

  it.each([
    ['loreft', [...common, 'R=2', 'first=1', 'last=1'], ['edits.bias', 'edits.rotate', 'edits.weight']],
    ['lofit', [...common, 'heads=2', 'scale_rate=0.05'], ['edits.offset']],
    ['iti', ['epochs=2', 'batch=4', 'N=4', 'heads=2', 'strength=1'], ['edits.offset']],
  ] as const)('%s runs, and its adapter holds what its model reads', async (recipe, settings, holds) => {
    const run = join(folder, recipe)
    const { code, err } = await jola(...command(recipe, run, settings))
    expect({ code, err }).toMatchObject({ code: 0 })
    const { history, position } = (await new RunFolder(run).load())!
    expect(position.best!.loss).toBe(Math.min(...history.epochs.map(e => e.loss)))
    expect((await adapterOf(run)).toSorted()).toEqual(holds)
  })

  it('continues rows of unequal length as if each were computed anew', async () => {
    const { sequence, model, close } = await openRun(device, join(folder, 'loreft'))
    const prompts = [[3], [2, 5, 4, 7, 3, 2, 6], [4, 4, 6]]
    const found = await sequence.greedy(prompts, 2, { stops: [] })
    const anew: (readonly number[])[] = []
    for (const prompt of prompts)
      anew.push(await likeliest(sequence, prompt, Number(model.config.vocab_size)))
    await close()
    expect(found).toEqual(anew)
  })

  it('lofit, interrupted before it chooses heads, goes on to the same bits', async () => {
    const whole = await new RunFolder(join(folder, 'lofit')).load()
    const out = join(folder, 'interrupted')
    const request = (mode: 'new' | 'resume'): TrainRequest => ({
      file: 'std.recipes.lofit',
      model: join(folder, 'model'),
      data: folder,
      out,
      set: [...common, 'heads=2', 'scale_rate=0.05'],
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
    const { code, err } = await jola('eval', join(folder, 'iti'))
    expect({ code, err }).toMatchObject({ code: 0 })
  })

  it('finetune begins with the model and lowers its loss', async () => {
    const run = join(folder, 'finetune-run')
    const { code, err } = await jola(
      ...command('finetune', run, ['epochs=6', 'batch=4', 'warmup=0', 'learning_rate=0.01']),
    )
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
