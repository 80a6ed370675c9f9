import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lower } from '../../../compiler/pipeline.js'
import { specialiseFn } from '../../../compiler/specialise/specialise.js'
import { type Device, download, load, upload } from '../../../runtime/index.js'
import type { Batch } from '../../data/batch.js'
import type { LoadedProgram } from '../../folders/load-program.js'
import { writeSafetensors } from '../../folders/write-safetensors.js'
import type { TensorData } from '../../safetensors/encode.js'
import { type OpenStep, place, seed } from '../recipe-step.js'

/** The number of steps whose noise the peers get; later steps repeat it. */
const noiseSteps = 16

/** The noise from which JoLA samples its gates at a step: what std.edits.jola makes of the step's key. */
const noiseOf = async (device: Device, { program }: LoadedProgram, sizes: ReadonlyMap<string, number>) => {
  const fn = program.fns.get('std.edits.jola.noise')!
  const artifact = lower(specialiseFn(program, fn, { sizes }), device.traits, { name: fn.name })
  const executable = await load(device, artifact)
  const key = upload(device, 'u32', [2], Uint32Array.of(0, 0))
  const kinds = ['scale', 'offset'] as const
  const noise = { scale: [] as number[], offset: [] as number[] }
  for (let i = 0; i < noiseSteps; i++) {
    key.write(Uint32Array.of(seed, place.at + i + 1))
    const out = executable.run({ [artifact.inputs[0]!.name]: key })
    const values = await download(
      device,
      kinds.map(kind => out[kind]!),
    )
    for (const [j, kind] of kinds.entries()) noise[kind].push(...values[j]!)
    for (const t of Object.values(out)) t.destroy()
  }
  key.destroy()
  executable.destroy()
  return noise
}

export const editNames = ['scale', 'offset', 'scale_gate', 'offset_gate'] as const

/** Writes the first edits and the noise of the steps for the peers: `step.safetensors`. */
const writeEdits = async (
  device: Device,
  folder: string,
  { session, loaded }: Pick<OpenStep, 'session' | 'loaded'>,
): Promise<void> => {
  const states = editNames.map(name => session.state[`edits.${name}`]!)
  const values = await download(device, states)
  const tensors = new Map<string, TensorData>(
    editNames.map((name, i) => [
      name,
      { dtype: 'F32', shape: states[i]!.shape, data: values[i] as Float32Array },
    ]),
  )
  const [L, H, D] = states[0]!.shape as readonly [number, number, number]
  const noise = await noiseOf(device, loaded, new Map(Object.entries({ L, H, D })))
  const shape = [noiseSteps, L, H]
  for (const kind of ['scale', 'offset'] as const)
    tensors.set(`noise_${kind}`, { dtype: 'F32', shape, data: Float32Array.from(noise[kind]) })
  await writeSafetensors(join(folder, 'step.safetensors'), tensors)
}

const batchAsJson = ({ length, tokens, target, rows }: Batch) => ({
  B: rows,
  T: length,
  tokens: Array.from(tokens),
  targets: Array.from(target),
})

/**
 * Writes the files of a training step for the peers, next to the model: `step.json` with the batch, the
 * settings and the position in training, and `step.safetensors` with the first edits and the noise of the
 * steps. `batches` are those of other lengths, of which only the last token of each row is followed by one
 * that is to be learned.
 */
export const writeStep = async (
  device: Device,
  folder: string,
  opened: OpenStep,
  batches: readonly Batch[] = [],
): Promise<void> => {
  await writeEdits(device, folder, opened)
  const { batch, settings } = opened
  const step = {
    ...batchAsJson(batch),
    settings: Object.fromEntries(settings),
    ...place,
    batches: batches.map(batchAsJson),
  }
  await writeFile(join(folder, 'step.json'), JSON.stringify(step))
}
