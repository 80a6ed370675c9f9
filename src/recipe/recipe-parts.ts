import type { CoreFn, CoreRecipe } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import type { Type } from '../../compiler/core/type.js'
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
