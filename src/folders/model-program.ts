import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_MODEL, MODEL_MODULE } from '../../compiler/names/modules.js'
import { parsePartly } from '../../compiler/syntax/parse.js'
import { UserError } from '../errors/user-error.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import { byteLimits, readTextFileNow } from '../files/text-file.js'
import type { JsonObject } from '../json/json-values.js'
import { pathsOf } from '../model/config-reader.js'
import type { ModelProgram } from './load-program.js'
import { readConfig } from './open-model.js'

/** The families that a module computes: the choices of its constant that is read from `model_type`. */
const familiesIn = (file: string): readonly string[] => {
  const source = { name: file, text: readTextFileNow(file, byteLimits.program, 'read the program') }
  const items = parsePartly(source).module.items
  return items.flatMap(item =>
    item.kind === 'const' && item.from !== undefined && pathsOf(item.from).includes('model_type')
      ? (item.choices ?? []).map(choice => choice.text)
      : [],
  )
}

let known: ReadonlyMap<string, string> | undefined

/** The module of `std.models` that computes each family, by the family's name in `model_type`. */
export const familyModules = (): ReadonlyMap<string, string> => {
  const folder = join(stdlibFolder, 'models')
  known ??= new Map(
    readdirSync(folder)
      .filter(file => file.endsWith('.jola'))
      .sort()
      .flatMap(file =>
        familiesIn(join(folder, file)).map(
          family => [family, `std.models.${file.slice(0, -'.jola'.length)}`] as const,
        ),
      ),
  )
  return known
}

const unknownFamily = (directory: string, config: JsonObject): UserError => {
  const { model_type: family } = config
  const names = [...familyModules().keys()].join(', ')
  return new UserError({
    what:
      typeof family === 'string'
        ? `no program computes models of the family '${family}'`
        : 'the model does not say of which family it is',
    where: `${directory}, "model_type"`,
    why: `it is ${JSON.stringify(family) ?? 'missing'}, and the families known are ${names}`,
    hint:
      `jola new --from ${directory} writes a program for it as far as it can; name it, or ` +
      'another, by --program',
  })
}

/**
 * The program that computes a model, by the family that its configuration names. For an unknown family there
 * is none: {@link loadProgram} refuses it where a program imports `std.model`. `where` is the model's folder,
 * for that message.
 */
export const familyProgram = (
  config: JsonObject,
  where: string,
  allow: readonly string[] = [],
): ModelProgram => {
  if (allow.includes('model_type')) return DEFAULT_MODEL
  const { model_type: family } = config
  const module = typeof family === 'string' ? familyModules().get(family) : undefined
  return module ?? { unknown: () => unknownFamily(where, config) }
}

/** The program that a user names, else that of the model's family; undefined where there is no model. */
export const chosenModelProgram = async ({
  program,
  model,
  allow,
}: {
  readonly program?: string | undefined
  readonly model?: string | undefined
  readonly allow?: readonly string[] | undefined
}): Promise<ModelProgram | undefined> => {
  if (program !== undefined && program !== MODEL_MODULE) return program
  if (model === undefined || !existsSync(model)) return undefined
  return familyProgram(await readConfig(model), model, allow)
}
