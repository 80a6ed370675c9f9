import type { CoreRecipe } from '../../compiler/core/core.js'
import { type Device, type DeviceTensor, upload } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { requireFinite } from '../model/finite.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import type { AdapterConfig } from './adapter.js'

/** An open adapter: its description and its tensors. */
export interface OpenAdapter {
  /** Its folder, for messages. */
  readonly directory: string
  readonly adapter: AdapterConfig
  readonly checkpoint: Checkpoint
}

/**
 * Throws a `UserError` if a tensor of an adapter holds a number that is not finite, unless the user allows
 * it.
 */
export const checkFinite = async (checkpoint: Checkpoint, allow: readonly string[] = []): Promise<void> => {
  for (const name of checkpoint.tensors.keys()) {
    if (allow.includes(name)) continue
    const { buffer, byteOffset, byteLength } = await checkpoint.readF32(name)
    requireFinite(new Uint8Array(buffer, byteOffset, byteLength), 'F32', { checkpoint, name, at: 0 })
  }
}

/**
 * Uploads the settings and the parts of the state that a recipe's `predict` reads. Rejects with a `UserError`
 * if the adapter lacks one. `hash` is that of the present program.
 */
export const adapterTensors = (
  device: Device,
  recipe: CoreRecipe,
  { directory, adapter, checkpoint }: OpenAdapter,
  hash: string,
): ((names: ReadonlySet<string>) => Promise<Readonly<Record<string, DeviceTensor>>>) => {
  const prefix = `${recipe.methods.get('predict')!.params[0]!.name}.`
  const settings = new Map(Object.entries(adapter.settings))
  const lacks = (what: string): UserError =>
    new UserError({
      what: `the adapter lacks ${what}, which the program asks for`,
      where: directory,
      ...(hash === adapter.program_hash
        ? {}
        : { why: `${adapter.program} has changed since it was trained` }),
      hint: 'take the program as it was, or train again',
    })
  return async (names: ReadonlySet<string>) => {
    const out: Record<string, DeviceTensor> = Object.create(null)
    for (const name of names) {
      if (name.startsWith('settings.')) {
        const setting = name.slice('settings.'.length)
        const value = settings.get(setting)
        if (value === undefined) throw lacks(`the setting ${setting}`)
        out[name] = upload(device, { dtype: 'f32', label: name }, [], Float32Array.of(Number(value)))
      } else if (name.startsWith(prefix)) {
        const key = name.slice(prefix.length)
        const entry = checkpoint.tensors.get(key)
        if (entry === undefined) throw lacks(`\`${key}\``)
        out[name] = upload(device, { dtype: 'f32', label: name }, entry.shape, await checkpoint.readF32(key))
      }
    }
    return out
  }
}
