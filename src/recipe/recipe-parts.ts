import type { CoreFn, CoreRecipe } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import type { Type } from '../../compiler/core/type.js'
import { DATA_MODULE } from '../../compiler/names/modules.js'
import { UserError } from '../errors/user-error.js'

/** The recipe's state as a type at the recipe's own sizes. */
export const stateType = (recipe: CoreRecipe): Type => ({
  kind: 'record',
  record: recipe.state,
  instance: { sizes: new Map(recipe.state.sizes.map(s => [s, sizeName(s)])), types: new Map() },
})

/** A recipe's method. Throws a `UserError` if it has none of the name. */
export const methodOf = (recipe: CoreRecipe, name: string): CoreFn => {
  const fn = recipe.methods.get(name)
  if (fn === undefined)
    throw new UserError({ what: `the recipe ${recipe.name} has no ${name}`, hint: `write ${name}(…) = …` })
  return fn
}

/** Whether a method (`step` or `validate`) declares its batch as pairs of right and wrong answers. */
export const wantsPairs = (recipe: CoreRecipe, name: 'step' | 'validate'): boolean => {
  const type = recipe.methods.get(name)?.params[1]?.type
  return type?.kind === 'record' && type.record.id === `${DATA_MODULE}.Pairs`
}

/** Whether `step` or `validate` wants pairs. */
export const isPaired = (recipe: CoreRecipe): boolean =>
  wantsPairs(recipe, 'step') || wantsPairs(recipe, 'validate')

/** What a method calls its batch, or the two batches of its pairs, the right one first. */
export const batchInputs = (recipe: CoreRecipe, name: 'step' | 'validate'): readonly string[] => {
  const batch = methodOf(recipe, name).params[1]!.name
  return wantsPairs(recipe, name) ? [`${batch}.right`, `${batch}.wrong`] : [batch]
}
