import { join } from 'node:path'
import { nearest } from '../../compiler/names/suggest.js'
import type { MethodDeclaration, SettingValues } from '../compare/plan.js'
import { UserError } from '../errors/user-error.js'
import { readJsonObject } from '../files/json-file.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import { loadProgram, programName } from '../folders/load-program.js'
import { isJsonObject, type JsonObject, shownJson } from '../json/json-values.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { settingsOf } from '../recipe/settings.js'

const isValues = (value: unknown): value is SettingValues =>
  isJsonObject(value) && Object.values(value).every(v => ['number', 'boolean', 'string'].includes(typeof v))

const refuse = (path: string, name: string, why: string): UserError =>
  new UserError({
    what: `the method ${name} is not declared rightly`,
    where: path,
    why,
    hint:
      'write {"my-method": {"title": "…", "program": "my.jola", "settings": {…}, ' +
      '"tries": [{"learning_rate": 0.001}, …]}}',
  })

const names = ['title', 'program', 'recipe', 'settings', 'tries']

const methodOf = (path: string, name: string, found: unknown): MethodDeclaration => {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name))
    throw refuse(path, name, 'a name has lower-case letters, digits and - only')
  if (!isJsonObject(found)) throw refuse(path, name, `it is ${shownJson(found)}`)
  const unknown = Object.keys(found).find(key => !names.includes(key))
  if (unknown !== undefined) throw refuse(path, name, `nothing reads "${unknown}"`)
  const { title = name, program, recipe, settings = {}, tries = [] } = found
  if (typeof title !== 'string') throw refuse(path, name, '"title" must be a text')
  if (program !== undefined && typeof program !== 'string')
    throw refuse(path, name, '"program" must be a module or a path')
  if (recipe !== undefined && typeof recipe !== 'string') throw refuse(path, name, '"recipe" must be a name')
  if (!isValues(settings)) throw refuse(path, name, '"settings" must be values by their names')
  if (!Array.isArray(tries) || !tries.every(isValues))
    throw refuse(path, name, '"tries" must be a list of settings')
  return {
    name,
    title,
    ...(program === undefined ? {} : { program: programName(program) }),
    ...(recipe === undefined ? {} : { recipe }),
    settings,
    tries,
  }
}

const methodsIn = (path: string, found: JsonObject): readonly MethodDeclaration[] =>
  Object.entries(found).map(([name, value]) => methodOf(path, name, value))

/** The methods that come with Jola. */
export const knownMethods = async (): Promise<readonly MethodDeclaration[]> => {
  const path = join(stdlibFolder, 'methods.json')
  return methodsIn(path, await readJsonObject(path))
}

/** The factors by which the learning rate of a method without a declaration is tried. */
const factors = [1, 5, 0.2, 25]

/** The methods of a name: one that comes with Jola, those of a .json file, or the recipe of a .jola file. */
export const methodsNamed = async (name: string): Promise<readonly MethodDeclaration[]> => {
  if (name.endsWith('.json')) return methodsIn(name, await readJsonObject(name))
  if (name.endsWith('.jola')) return [recipeMethod(name)]
  const known = await knownMethods()
  if (name === 'all') return known
  const found = known.find(m => m.name === name)
  if (found !== undefined) return [found]
  const meant = nearest(
    name,
    known.map(m => m.name),
  )
  throw new UserError({
    what: `there is no method ${name}`,
    hint:
      `${meant === undefined ? '' : `did you mean ${meant}? `}the methods are ` +
      `${known.map(m => m.name).join(', ')}; or name a .jola file with a recipe, or a .json file that ` +
      'declares methods',
    exitCode: 2,
  })
}

const recipeMethod = (file: string): MethodDeclaration => {
  const { program, modules } = loadProgram([file])
  const recipe = findRecipe(program, modules[0]!)
  const rate = settingsOf(program, recipe, []).get('learning_rate')
  return {
    name: recipe.name.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
    title: recipe.name,
    program: programName(file),
    settings: {},
    tries:
      typeof rate === 'number'
        ? factors.map(f => ({ learning_rate: Number((rate * f).toPrecision(4)) }))
        : [],
  }
}
