import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Builder } from '../../compiler/ir/builder.js'
import { index, read } from '../../compiler/ir/expr.js'
import { packInputs } from '../../compiler/pipeline.js'
import { rounded } from '../../runtime/index.js'
import { deviceEngine } from '../../src/engine/engine.js'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import type { WeightFormat } from '../../src/model/weight-format.js'
import { openBase } from '../../src/runs/open-run.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'
import { withStories, worstDifference } from './support.js'

/** A copy of a model whose tensors are what `change` makes of them. */
const copyOf = async (
  directory: string,
  change: (shape: readonly number[], data: Float32Array) => TensorData,
): Promise<string> => {
  const out = await temporaryDirectory()
  for (const file of ['config.json', 'tokenizer.json']) await copyFile(join(directory, file), join(out, file))
  const checkpoint = await openCheckpoint(directory)
  const tensors = new Map<string, TensorData>()
  for (const [name, { shape }] of checkpoint.tensors)
    tensors.set(name, change(shape, await checkpoint.readF32(name)))
  await checkpoint.close()
  await writeSafetensors(join(out, 'model.safetensors'), tensors)
  return out
}

withDevice('packed inputs', device =>
  it('are to the interpreter what they are to the device', async () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [70])
    const i = b.axis('i', 70)
    const body = read(x, 'f32', [index(i)])
    b.output('y', b.compute({ dtype: 'f32', dims: [[i]], body, origin: { label: 'y' } }))
    const data = Float32Array.from({ length: 70 }, (_, n) => Math.sin(n))
    for (const packing of ['f16', 'bf16', 'q8'] as const) {
      const graph = packInputs(b.finish(), () => packing)
      for (const engine of [interpreterEngine, deviceEngine(device)]) {
        const out = await engine.run(graph, new Map([['x', { dtype: 'f32', shape: [70], data }]]))
        expect([...out.get('y')!.data], `${packing} on ${engine.name}`).toEqual([...rounded(packing, data)])
      }
    }
  }),
)

withStories('stories260K', stories =>
  withDevice('with packed weights', device => {
    const story = async (directory: string, format: WeightFormat) => {
      const { sequence, tokenizer, close } = await openBase(device, directory, 'std.models.llama', {
        weights: format,
      })
      try {
        const prompt = tokenizer.encode('Once upon a time')
        const [tokens] = await sequence.greedy([prompt], 60, tokenizer)
        const [logits] = await sequence.next([prompt])
        return { tokens: tokens!, logits: logits! }
      } finally {
        await close()
      }
    }

    for (const format of ['f16', 'bf16', 'q8'] as const)
      it(`tells the story that the same weights rounded beforehand tell: ${format}`, {
        timeout: 240_000,
      }, async () => {
        const copy = await copyOf(stories, (shape, data) => ({
          dtype: 'F32',
          shape,
          data: shape.length >= 2 ? rounded(format, data) : data,
        }))
        const [packed, plain] = [await story(stories, format), await story(copy, 'f32')]
        expect(packed.tokens).toEqual(plain.tokens)
        expect(worstDifference(packed.logits, plain.logits)).toBeLessThan(1e-4)
      })

    it('takes a checkpoint in bf16 as it is', { timeout: 240_000 }, async () => {
      const copy = await copyOf(stories, (shape, data) => ({ dtype: 'BF16', shape, data }))
      const [auto, plain] = [await story(copy, 'auto'), await story(copy, 'f32')]
      expect(auto.tokens).toEqual(plain.tokens)
      expect(worstDifference(auto.logits, plain.logits)).toBeLessThan(1e-4)
    })
  }),
)
