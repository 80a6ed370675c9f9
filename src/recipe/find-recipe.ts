import type { CoreRecipe, Program } from '../../compiler/core/core.js'
import { UserError } from '../errors/user-error.js'

/** The recipe of a module. Its name is needed only if the module has several. */
export const findRecipe = (program: Program, module: string, name?: string): CoreRecipe => {
  const recipes = [...(program.modules.get(module)?.recipes ?? [])]
  const found =
    name === undefined && recipes.length === 1 ? recipes[0] : recipes.find(([local]) => local === name)
  const recipe = found === undefined ? undefined : program.recipes.get(found[1])
  if (recipe !== undefined) return recipe
  throw new UserError({
    what:
      name === undefined
        ? `the module ${module} has ${recipes.length === 0 ? 'no recipe' : 'several recipes'}`
        : `the module ${module} has no recipe ${name}`,
    hint:
      recipes.length === 0
        ? 'write recipe Name(model: …) { … }, or name another file'
        : `choose one of ${recipes.map(([local]) => local).join(', ')} by --recipe`,
    exitCode: 2,
  })
}
