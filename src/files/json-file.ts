import { refusePointer } from '../errors/git-lfs.js'
import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject, shownJson } from '../json/json-values.js'
import { parseJson } from '../json/parse-json.js'
import { fileError, systemCode } from './file-error.js'
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
 * Reads a file that holds one JSON object; `undefined` if there is no such file. Throws a `UserError` if it
 * can't be read, is not JSON, or not an object.
 */
export const readJsonObjectIfAny = async (path: string): Promise<JsonObject | undefined> => {
  try {
    return parseObject(path, await readTextFile(path))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError('read the file', path, error)
  }
}

/**
 * Reads a file that holds one JSON object. Throws a `UserError` if it is missing, not JSON, or not an object.
 */
export const readJsonObject = async (path: string): Promise<JsonObject> => {
  try {
    return parseObject(path, await readTextFile(path))
  } catch (error) {
    throw fileError('read the file', path, error)
  }
}
