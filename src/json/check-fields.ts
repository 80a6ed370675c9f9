import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject, shownJson } from './json-values.js'

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

/** Whether all values of an object are of one kind. */
const all =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    isJsonObject(value) && Object.values(value).every(is)

/** The kinds of fields in a file. */
const kinds = {
  text: (value: unknown) => typeof value === 'string',
  count: isCount,
  counts: all(isCount),
  object: isJsonObject,
  epoch: (value: unknown) =>
    isJsonObject(value) &&
    ['batches', 'positions', 'tokens', 'padding', 'emptyRows'].every(name => isCount(value[name])),
  settings: all(value => ['number', 'boolean', 'string'].includes(typeof value)),
  shapes: all(value => Array.isArray(value) && value.every(isCount)),
  schedules: all(value => isJsonObject(value) && typeof value.family === 'string'),
  format: (value: unknown) => ['auto', 'f32', 'f16', 'bf16', 'q8'].includes(value as string),
  precision: (value: unknown) => value === 'f32' || value === 'f16',
} as const

/**
 * A kind of field: `count` is a whole number, `counts` an object of them; with `?` the field may be missing.
 */
export type FieldKind = keyof typeof kinds | `${keyof typeof kinds}?`

/**
 * Checks an object that a program wrote: each required field is present and each field is of its kind. Throws
 * a `UserError` that names the first wrong field.
 */
export const checkFields = (
  path: string,
  object: JsonObject,
  fields: Readonly<Record<string, FieldKind>>,
): void => {
  for (const [name, kind] of Object.entries(fields)) {
    const value = object[name]
    if (kind.endsWith('?') && value === undefined) continue
    if (kinds[kind.replace('?', '') as keyof typeof kinds](value)) continue
    throw new UserError({
      what: 'the file is not what was written by `jola train`',
      where: path,
      why: `"${name}" is ${value === undefined ? 'missing' : shownJson(value)}`,
      hint: 'fetch it again, or train again',
    })
  }
}
