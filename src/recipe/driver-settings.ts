import type { CoreRecipe, CoreSetting } from '../../compiler/core/core.js'
import { type BatchKind, batchKinds } from '../data/batch.js'

/** A setting of the training driver, which every recipe has without declaring it. */
export interface DriverSetting extends Pick<CoreSetting, 'name' | 'type' | 'isSize'> {
  readonly doc: string
  readonly standard: string
}

const batches: DriverSetting = {
  name: 'batches',
  type: { kind: 'choice', names: batchKinds },
  doc: 'examples of like length share a batch, or any; or all batches have one length',
  standard: 'alike',
}

/** The driver's settings that a recipe does not declare itself. */
export const driverSettingsOf = (recipe: CoreRecipe): readonly DriverSetting[] =>
  [batches].filter(d => !recipe.settings.some(s => s.name === d.name))

/**
 * How examples are put into batches: the setting `batches`. Batches have one length where there is no such
 * setting, in a run that was begun before there was one, and where the recipe declares a setting of this name
 * for something else.
 */
export const batchesSetting = (settings: ReadonlyMap<string, unknown>): BatchKind => {
  const value = settings.get(batches.name)
  return batchKinds.find(kind => kind === value) ?? 'one_length'
}

/** The settings of a run that was begun earlier, with those that its version of Jola did not know. */
export const begunSettings = <A>(
  settings: Readonly<Record<string, A>>,
): Readonly<Record<string, A | BatchKind>> => ({ [batches.name]: batchesSetting(new Map()), ...settings })
