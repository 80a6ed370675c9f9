import type { CoreRecipe, CoreSetting, Program } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import { nearest } from '../../compiler/names/suggest.js'
import type { SizeEquation } from '../../compiler/specialise/solve-sizes.js'
import { type GivenValue, settingDefault } from '../../compiler/specialise/specialise.js'
import { numberRanges } from '../../compiler/types/number-ranges.js'
import { UserError } from '../errors/user-error.js'
import { driverSettingsOf } from './driver-settings.js'

/** A recipe's settings with the values they have in a run. */
export type Settings = ReadonlyMap<string, GivenValue>

const parseValue = (s: Pick<CoreSetting, 'name' | 'type' | 'isSize' | 'doc'>, text: string): GivenValue => {
  const refuse = (want: string): never => {
    throw new UserError({
      what: `the setting ${s.name} cannot be '${text}'`,
      why: `it wants ${want}`,
      hint: s.doc === undefined ? `write --set ${s.name}=…` : `${s.name}: ${s.doc}`,
      exitCode: 2,
    })
  }
  if (s.type.kind === 'choice')
    return s.type.names.includes(text) ? text : refuse(`one of ${s.type.names.join(', ')}`)
  const dtype = s.type.kind === 'scalar' ? s.type.dtype : 'f32'
  if (dtype === 'bool') return text === 'true' ? true : text === 'false' ? false : refuse('true or false')
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value)) return refuse('a number')
  if (dtype !== 'f32' && !Number.isInteger(value)) return refuse('a whole number')
  const [lowest, greatest] = numberRanges[dtype]
  const least = s.isSize ? 1 : lowest
  return value >= least && value <= greatest ? value : refuse(`a number from ${least} to ${greatest}`)
}

/**
 * The defaults, changed by `--set name=value`. Throws a `UserError` for a name or value that does not fit.
 */
export const settingsOf = (program: Program, recipe: CoreRecipe, given: readonly string[]): Settings => {
  const driver = driverSettingsOf(recipe)
  const values = new Map<string, GivenValue>([
    ...recipe.settings.map(s => [s.name, settingDefault(program, s)] as const),
    ...driver.map(d => [d.name, d.standard] as const),
  ])
  const all = [...recipe.settings, ...driver]
  for (const entry of given) {
    const [name, text] = [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]
    const setting = all.find(s => s.name === name)
    if (!entry.includes('=') || setting === undefined) {
      const names = all.map(s => s.name)
      const meant = entry.includes('=') ? nearest(name, names) : undefined
      throw new UserError({
        what: entry.includes('=') ? `there is no setting ${name}` : `'${entry}' sets nothing`,
        hint:
          meant === undefined
            ? `write --set name=value; ${recipe.name} has ${names.join(', ')}`
            : `did you mean ${meant}?`,
        exitCode: 2,
      })
    }
    values.set(name, parseValue(setting, text))
  }
  return values
}

/** The sizes that a recipe's settings choose: `setting R: size = 8` tells R. */
export const settingEquations = (
  recipe: CoreRecipe,
  settings: ReadonlyMap<string, GivenValue>,
): readonly SizeEquation[] =>
  recipe.settings.flatMap(s => {
    const value = s.isSize ? settings.get(s.name) : undefined
    return typeof value === 'number'
      ? [{ size: sizeName(s.name), value, source: `the setting ${s.name}` }]
      : []
  })

/**
 * A setting that the training driver reads, if the recipe has it. Throws a `UserError` unless it is a whole
 * number of at least 1, since a run has at least one epoch, and a batch at least one row.
 */
export const countSetting = (settings: Settings, name: string, otherwise: number): number => {
  const value = settings.get(name)
  if (typeof value !== 'number') return otherwise
  if (Number.isInteger(value) && value >= 1) return value
  throw new UserError({
    what: `the setting ${name} cannot be ${value}`,
    why: 'it is a number of things: 1, 2, 3, …',
    hint: `write --set ${name}=1 or more`,
    exitCode: 2,
  })
}
