import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { bindParam } from '../../src/model/bind.js'
import { readBound } from '../../src/model/weights.js'
import { storedTensors } from '../../src/runs/export-state.js'
import type { Checkpoint } from '../../src/safetensors/checkpoint.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

const text = `
size H, D, E, L
record Layer {
  wq: f32[H, D, E] from "q.weight" as [H * D, E]
  wo: f32[E, H, D] from "o.weight" as [E, H * D]
  bq: f32[H, D] from "q.bias" as [H * D] else 0
  norm: f32[E] from "norm.weight"
}
record Model { layers: Layer[L] from "layers.{}." }
fn f(w: Model) -> f32 = sum l, e -> w.layers[l].norm[e]
`
const sizes = new Map(Object.entries({ H: 2, D: 3, E: 5, L: 2 }))

const parameter = async () => {
  const { program } = loadProgram([await temporaryFile('m.jola', text)])
  return program.fns.get('m.f')!.params[0]!
}

const numbers = (shape: readonly number[], first = 0) => ({
  dtype: 'F32' as const,
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
})

const opened: Checkpoint[] = []
afterEach(async () => {
  for (const checkpoint of opened.splice(0)) await checkpoint.close()
})

const saved = async (tensors: ReadonlyMap<string, TensorData>) => {
  const path = join(await temporaryDirectory(), 'model.safetensors')
  await writeSafetensors(path, tensors)
  const checkpoint = await openCheckpoint(path)
  opened.push(checkpoint)
  return checkpoint
}

const layer = (l: number, wq: readonly number[]): readonly (readonly [string, TensorData])[] => [
  [`layers.${l}.q.weight`, numbers(wq, 100 * l)],
  [`layers.${l}.o.weight`, numbers([5, 6], 100 * l + 50)],
  [`layers.${l}.norm.weight`, numbers([5])],
]

describe('a field with a stored shape', () => {
  it('is read in that shape or in its own', async () => {
    const param = await parameter()
    for (const shape of [
      [6, 5],
      [2, 3, 5],
    ]) {
      const checkpoint = await saved(new Map([...layer(0, shape), ...layer(1, shape)]))
      const bound = bindParam(param, sizes, checkpoint)
      const wq = bound.tensors.find(t => t.spec.name === 'w.layers.wq')!
      expect(wq.shape).toEqual([2, 2, 3, 5])
      expect([...(await readBound(checkpoint, wq))]).toEqual([
        ...numbers([30]).data,
        ...numbers([30], 100).data,
      ])
      expect(bound.absent).toEqual(new Map([['w.layers.bq', 0]]))
    }
  })

  it('refuses other shapes of as many elements, and names the stored one', async () => {
    const param = await parameter()
    for (const shape of [[5, 6], [30], [2, 15]]) {
      const checkpoint = await saved(new Map([...layer(0, [6, 5]), ...layer(1, shape)]))
      const error = await userError(() => bindParam(param, sizes, checkpoint))
      expect(error.why).toContain(
        `layers.1.q.weight is [${shape.join(', ')}], but \`w.layers.wq\` wants [6, 5]`,
      )
    }
  })

  it('is written in that shape, so that what was written binds again', async () => {
    const param = await parameter()
    const specs = inputsOf(param.name, param.type)
    const state = new Map<string, ReturnType<typeof numbers>>([
      ['w.layers.wq', numbers([2, 2, 3, 5])],
      ['w.layers.wo', numbers([2, 5, 2, 3], 500)],
      ['w.layers.bq', numbers([2, 2, 3], 1)],
      ['w.layers.norm', numbers([2, 5])],
    ])
    const written = storedTensors(specs, state, { sizes, dtype: 'F32' })
    expect(Object.fromEntries([...written].map(([name, t]) => [name, t.shape]))).toEqual({
      'layers.0.q.weight': [6, 5],
      'layers.0.o.weight': [5, 6],
      'layers.0.q.bias': [6],
      'layers.0.norm.weight': [5],
      'layers.1.q.weight': [6, 5],
      'layers.1.o.weight': [5, 6],
      'layers.1.q.bias': [6],
      'layers.1.norm.weight': [5],
    })
    const checkpoint = await saved(written)
    for (const t of bindParam(param, sizes, checkpoint).tensors)
      expect([...(await readBound(checkpoint, t))], t.spec.name).toEqual([...state.get(t.spec.name)!.data])
  })

  it('leaves out biases that are zero', async () => {
    const param = await parameter()
    const specs = inputsOf(param.name, param.type).filter(s => s.name === 'w.layers.bq')
    const zero = { shape: [2, 2, 3], data: new Float32Array(12) }
    expect(storedTensors(specs, new Map([['w.layers.bq', zero]]), { sizes, dtype: 'F32' })).toEqual(new Map())
  })
})
