import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject, shownJson, topLevelItems } from '../json/json-values.js'
import { parseJson } from '../json/parse-json.js'
import { csvRows } from './csv-rows.js'

/** One object of a data file. */
export interface DataRecord {
  readonly value: JsonObject
  readonly file: string
  /** The line it begins on, from 1. */
  readonly line: number
}

/** The place of a record, for messages. */
export const placeOf = (record: { readonly file: string; readonly line: number }): string =>
  `${record.file}:${record.line}`

const parseRecord = (file: string, line: number, text: string): DataRecord => {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    throw new UserError({
      what: 'the line is not JSON',
      where: placeOf({ file, line }),
      why: error instanceof Error ? error.message : String(error),
      hint: 'each line holds one object, or the whole file one array of objects',
    })
  }
  if (isJsonObject(value)) return { value, file, line }
  if (typeof value === 'string') return { value: { text: value }, file, line }
  throw new UserError({
    what: 'the entry is not an object',
    where: placeOf({ file, line }),
    why: `it is ${Array.isArray(value) ? 'an array' : shownJson(value)}`,
    hint: 'write objects like {"prompt": "…", "answer": "…"}',
  })
}

const parseArray = (file: string, text: string): readonly DataRecord[] => {
  const items = topLevelItems(text)
  const end = items?.at(-1)?.end ?? text.indexOf('[') + 1
  const rest = text.slice(end).replace(/^\s*\]/, '')
  if (items === undefined || rest.trim() !== '') {
    throw new UserError({
      what: items === undefined ? 'the array is never closed' : 'there is text after the array',
      where: file,
      why: 'the file begins with [, so it should hold one JSON array',
      hint: 'the file may be cut off, or mix an array with lines',
    })
  }
  let line = 1
  let counted = 0
  return items.map(({ start, end: stop }) => {
    for (; counted < start; counted++) if (text[counted] === '\n') line++
    return parseRecord(file, line, text.slice(start, stop))
  })
}

/**
 * The objects in a data file's text: JSON Lines (blank lines are skipped), one JSON array, or, for the
 * endings `.csv` and `.tsv`, a table. A string stands for `{"text": …}`. Throws a `UserError` that names file
 * and line for anything else. An empty file gives no records.
 */
export const parseRecords = (path: string, text: string): readonly DataRecord[] => {
  const table = /\.(csv|tsv)(\.gz)?$/.exec(path)?.[1]
  if (table !== undefined)
    return csvRows(path, text, table === 'csv' ? ',' : '\t').map(row => ({ ...row, file: path }))
  if (text.trimStart().startsWith('[')) return parseArray(path, text)
  return text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [parseRecord(path, i + 1, line)]))
}
