import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Packing } from '../../compiler/artifact.js'
import { download, rounded } from '../../runtime/index.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { bindParam } from '../../src/model/bind.js'
import type { Model } from '../../src/model/model.js'
import type { WeightFormat } from '../../src/model/weight-format.js'
import { packingOf, readBound, uploadWeights } from '../../src/model/weights.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'

const text = `
size E, F, L
record Layer { w: f32[E, F] from "w", norm: f32[E] from "norm" }
record Model {
  embed: f32[F, E] from "embed"
  layers: Layer[L] from "layers.{}."
  head: f32[F, E] from "head" else "embed"
}
fn f(m: Model) -> f32 = sum f, e -> m.embed[f, e]
`

/** A checkpoint of layers with 15 weights each, so that neither words nor blocks end where layers do. */
const model = async (
  dtypeOf: (name: string) => 'F32' | 'F16' | 'BF16',
  format: WeightFormat,
  [E, F, L]: readonly [number, number, number] = [3, 5, 5],
) => {
  const tensors = new Map<string, TensorData>()
  const add = (name: string, ...shape: readonly number[]): void => {
    const dtype = dtypeOf(name)
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      Math.fround(Math.sin(1 + i + 7 * tensors.size) * (1 + tensors.size)),
    )
    if (dtype !== 'F16') tensors.set(name, { dtype, shape, data })
    else {
      // The rounded values' own bits: those of a half in the upper places of a float.
      const half = rounded('f16', data)
      tensors.set(name, { dtype, shape, data: Uint16Array.from(half, bitsOfHalf) })
    }
  }
  add('embed', F, E)
  for (let l = 0; l < L; l++) {
    add(`layers.${l}.w`, E, F)
    add(`layers.${l}.norm`, E)
  }
  const path = join(await temporaryDirectory(), 'model.safetensors')
  await writeSafetensors(path, tensors)
  const checkpoint = await openCheckpoint(path)
  const { program } = loadProgram([await temporaryFile('m.jola', text)])
  const sizes = new Map(Object.entries({ E, F, L }))
  const bound = bindParam(program.fns.get('m.f')!.params[0]!, sizes, checkpoint)
  const opened: Model = {
    directory: path,
    config: {},
    checkpoint,
    format,
    tokenizer: undefined,
    context: 1,
  }
  return { bound, checkpoint, opened }
}

/** The bits of a number that is a normal half, or 0. */
const bitsOfHalf = (x: number): number => {
  if (x === 0) return 0
  const exponent = Math.floor(Math.log2(Math.abs(x)))
  const fraction = (Math.abs(x) / 2 ** exponent - 1) * 1024
  return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction
}

withDevice('weights on the device', device => {
  const expectUploaded = async ({ bound, checkpoint, opened }: Awaited<ReturnType<typeof model>>) => {
    const packing = packingOf(bound, opened)
    const names = new Set(bound.tensors.map(t => t.spec.name))
    const tensors = await uploadWeights(device, opened, bound, names)
    for (const t of bound.tensors) {
      const { name } = t.spec
      const p = packing(name)
      const values = await readBound(checkpoint, t)
      expect(tensors[name]!.packing, name).toBe(p)
      const [actual] = await download(device, [tensors[name]!])
      const expected = p === undefined ? values : rounded(p, values)
      expect(actual!.length).toBe(expected.length)
      expect(
        actual!.findIndex((x, i) => x !== expected[i]),
        `${name} as ${p}`,
      ).toBe(-1)
    }
    expect(tensors['m.head']).toBe(tensors['m.embed'])
    for (const t of Object.values(tensors)) t.destroy()
    await checkpoint.close()
    return Object.fromEntries([...names].map(n => [n, packing(n)]))
  }
  const matrices = (packing: Packing | undefined, vectors?: Packing) => ({
    'm.embed': packing,
    'm.head': packing,
    'm.layers.w': packing,
    'm.layers.norm': vectors,
  })

  it('are as the checkpoint stores them, unless said', async () => {
    expect(await expectUploaded(await model(() => 'F32', 'auto'))).toEqual(matrices(undefined))
    expect(await expectUploaded(await model(() => 'BF16', 'auto'))).toEqual(matrices('bf16', 'bf16'))
    expect(await expectUploaded(await model(() => 'F16', 'auto'))).toEqual(matrices('f16', 'f16'))
  })

  it('are f32 where the parts of one tensor are stored in several ways', async () => {
    const mixed = (name: string) => (name === 'layers.1.w' ? 'F16' : 'BF16')
    const found = await expectUploaded(await model(mixed, 'auto'))
    expect(found).toEqual({ ...matrices('bf16', 'bf16'), 'm.layers.w': undefined })
  })

  it('are what is asked for, but for vectors', async () => {
    for (const stored of ['F32', 'BF16', 'F16'] as const) {
      const vectors = { F32: undefined, BF16: 'bf16', F16: 'f16' } as const
      for (const format of ['f16', 'bf16', 'q8'] as const)
        expect(await expectUploaded(await model(() => stored, format))).toEqual(
          matrices(format, vectors[stored]),
        )
      expect(await expectUploaded(await model(() => stored, 'f32'))).toEqual(matrices(undefined))
    }
  })

  it('come in pieces', { timeout: 60_000 }, async () => {
    for (const format of ['auto', 'q8', 'f16'] as const)
      await expectUploaded(await model(() => 'BF16', format, [1021, 1031, 2]))
  })
})
