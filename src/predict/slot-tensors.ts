import type { CoreRecipe } from '../../compiler/core/core.js'
import { type EditSlot, slotInputs } from '../../compiler/specialise/edits.js'
import { UserError } from '../errors/user-error.js'
import type { AdapterConfig } from './adapter.js'
import type { OpenAdapter } from './adapter-tensors.js'

/** Settings that decide what a program computes: all but those that are f32. */
const fixedSettings = (recipe: CoreRecipe, { settings }: AdapterConfig) =>
  recipe.settings.flatMap(s => {
    const isInput = s.type.kind === 'scalar' && s.type.dtype === 'f32'
    const value = settings[s.name]
    return isInput || value === undefined ? [] : [[s.name, value] as const]
  })

/** The settings of training alone: they change nothing of a trained adapter. */
const ofTraining = new Set(['epochs', 'batch', 'context', 'patience', 'end_of_text'])

/**
 * A text that two adapters share if one slot can hold both: of one recipe, with equal settings and shapes.
 */
export const kindOfAdapter = (recipe: CoreRecipe, { adapter }: Pick<OpenAdapter, 'adapter'>): string =>
  JSON.stringify([
    recipe.id,
    fixedSettings(recipe, adapter).filter(([name]) => !ofTraining.has(name)),
    Object.entries(adapter.tensors).sort(([a], [b]) => (a < b ? -1 : 1)),
  ])

/** A slot for adapters of one kind. */
export const slotOf = (
  recipe: CoreRecipe,
  adapters: readonly Pick<OpenAdapter, 'adapter'>[],
  sizes: ReadonlyMap<string, number>,
): EditSlot => ({
  recipe,
  settings: new Map(fixedSettings(recipe, adapters[0]!.adapter)),
  sizes,
  count: adapters.length,
})

/** Numbers for an input, and their shape. */
export interface InputValues {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const out = new Float32Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const lacks = (what: string, { directory, adapter }: OpenAdapter): UserError =>
  new UserError({
    what: `the adapter lacks ${what}, which the program asks for`,
    where: directory,
    why: `${adapter.program} may have changed since it was trained`,
    hint: 'take the program as it was, or train again',
  })

/**
 * The numbers of an input of the slots: tensors of the adapters' states and f32 settings, one adapter after
 * the other; `undefined` for a name that is none of theirs. Rejects with a `UserError` where an adapter lacks
 * one.
 */
export const slotValues = async (
  name: string,
  slots: readonly (readonly OpenAdapter[])[],
): Promise<InputValues | undefined> => {
  for (const [i, adapters] of slots.entries()) {
    const inputs = slotInputs(i)
    const setting = inputs.setting('')
    if (name.startsWith(setting)) {
      const key = name.slice(setting.length)
      const data = adapters.map(a => {
        const value = a.adapter.settings[key]
        if (value === undefined) throw lacks(`the setting ${key}`, a)
        return Number(value)
      })
      return { shape: [data.length], data: Float32Array.from(data) }
    }
    if (!name.startsWith(`${inputs.state}.`)) continue
    const key = name.slice(inputs.state.length + 1)
    const parts: Float32Array[] = []
    for (const a of adapters) {
      if (!a.checkpoint.tensors.has(key)) throw lacks(`\`${key}\``, a)
      parts.push(await a.checkpoint.readF32(key))
    }
    const { shape } = adapters[0]!.checkpoint.tensors.get(key)!
    return { shape: [adapters.length, ...shape], data: joined(parts) }
  }
  return undefined
}
