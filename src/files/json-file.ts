import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileError, systemCode, UserError } from '../errors/user-error.js'
import { foreignFile, foreignModel, refusePointer } from '../folders/foreign.js'
import { isJsonObject, type JsonObject, shownJson } from '../json/json-values.js'
import { parseJson } from '../json/parse-json.js'
import { readTextFile } from './text-file.js'

const parseObject = (path: string, text: string): JsonObject => {
  refusePointer(path, text.slice(0, 64))
  let parsed: unknown
  try {
    parsed = parseJson(text)
  } catch (error) {
    throw new UserError({
      what: 'the file is not JSON',
      where: path,
      why: error instanceof Error ? error.message : String(error),
      hint: 'mend it, or fetch it again',
    })
  }
  if (isJsonObject(parsed)) return parsed
  throw new UserError({
    what: 'the file does not hold a JSON object',
    where: path,
    why: `it holds ${Array.isArray(parsed) ? 'an array' : shownJson(parsed)}`,
    hint: 'it should begin with {',
  })
}

/**
 * Reads a file that holds one JSON object; `undefined` if there is no such file. Throws a `UserError` if it can't be
 * read, is not JSON, or not an object.
 */
export const readJsonObjectIfAny = async (path: string): Promise<JsonObject | undefined> => {
  try {
    return parseObject(path, await readTextFile(path))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError('read the file', path, error)
  }
}

/** Reads a file that holds one JSON object. Throws a `UserError` if it is missing, not JSON, or not an object. */
export const readJsonObject = async (path: string): Promise<JsonObject> => {
  try {
    return parseObject(path, await readTextFile(path))
  } catch (error) {
    throw fileError('read the file', path, error)
  }
}

/** A model's `config.json`, as it stands. Throws a `UserError` if the directory has none or it is broken. */
export const readConfig = async (directory: string): Promise<JsonObject> => {
  const path = join(directory, 'config.json')
  const found = await stat(directory).catch(() => undefined)
  if (found === undefined)
    throw new UserError({
      what: 'there is no such model',
      where: directory,
      why: 'there is no folder of this name',
      hint: 'check the path; a model is a folder in the Hugging Face layout on this machine',
    })
  if (found.isFile()) {
    const folder = dirname(directory)
    const isModel = await stat(join(folder, 'config.json')).then(
      f => f.isFile(),
      () => false,
    )
    throw new UserError({
      what: 'a model is a folder, and this is a file',
      where: directory,
      hint: `name the folder that holds it: ${folder}`,
      ...(isModel ? {} : foreignFile(directory, folder)),
    })
  }
  const config = await readJsonObjectIfAny(path)
  if (config !== undefined) return config
  throw new UserError({
    what: 'the model has no config.json',
    where: path,
    why: 'it gives the sizes of the model',
    hint: 'name the directory of a model in the Hugging Face layout',
    ...(await foreignModel(directory)),
  })
}
