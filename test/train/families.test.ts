import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openRun, type TrainRequest, type TrainWatcher, train } from '../../src/index.js'
import { argmax } from '../../src/predict/logits.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'
import { writeTinyFamily } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

const silent: TrainWatcher = {
  preparing: () => undefined,
  compiled: () => undefined,
  started: () => undefined,
  step: () => undefined,
  epoch: () => undefined,
}

/** A request to train on a fixture of a family. */
const requestFor = async (name: string, more: Partial<TrainRequest> = {}): Promise<TrainRequest> => {
  const folder = await temporaryDirectory()
  const [model, data] = [join(folder, 'model'), join(folder, 'data')]
  await writeTinyFamily(model, name)
  await mkdir(data)
  const lines = ['a', 'b', 'c', 'd'].map(x => JSON.stringify({ prompt: `${x}${x}?`, answer: x }))
  for (const part of ['train', 'valid']) await writeFile(join(data, `${part}.jsonl`), `${lines.join('\n')}\n`)
  return {
    ...{ file: 'std.recipes.lora', model, data, out: join(folder, 'run'), seed: 0, mode: 'new' },
    set: ['epochs=2', 'batch=2', 'learning_rate=0.05', 'warmup=1', 'up=true'],
    ...{ dropLong: false, saveEvery: 1e9, bf16: false },
    ...more,
  }
}

withDevice('a run on a model of another family', device => {
  it.each([['gpt2-by-layer', 'std.models.gpt2']])(
    '%s is of %s, which it keeps, and its cached decoder gives what computing anew gives',
    async (name, module) => {
      const request = await requestFor(name)
      const { best, description } = await train(device, request, silent, new AbortController().signal)
      expect(description.modelProgram).toBe(module)
      expect(Number.isFinite(best?.loss)).toBe(true)
      expect((await new RunFolder(request.out).description()).modelProgram).toBe(module)
      const { sequence, close } = await openRun(device, request.out)
      const start = [2, 2, 10]
      const [continued] = await sequence.greedy([start], 6, { stops: [] })
      const anew = [...start]
      for (let i = 0; i < 6; i++) anew.push(argmax((await sequence.next([anew]))[0]!))
      expect(continued).toEqual(anew.slice(start.length))
      await close()
    },
  )
})

describe('a model of an unknown family', () => {
  it('is refused with the families that are known, where a recipe asks for the model', async () => {
    const request = await requestFor('refused-mixtral')
    const unreachable = {} as Parameters<typeof train>[0]
    const error = await userError(train(unreachable, request, silent, new AbortController().signal))
    expect(error.what).toContain("the family 'mixtral'")
    expect(error.why).toContain('llama, mistral, qwen2')
    expect(error.hint).toContain(`jola new --from ${request.model}`)
  })
})
