import { CsvError, parse } from 'csv-parse/browser/esm/sync'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'

/** A row of a table, by the names in its first line. */
export interface TableRow {
  readonly value: JsonObject
  /** The line it begins on, from 1. */
  readonly line: number
}

const refuse = (file: string, line: number | undefined, why: string): UserError =>
  new UserError({
    what: 'the table cannot be read',
    where: line === undefined ? file : `${file}:${line}`,
    why,
    hint:
      'its first line names the columns, each row has a value for each of them, and a value ' +
      'with the delimiter or a line break stands in double quotes',
  })

/** The line on which each row begins: a quoted value may hold line breaks. */
const beginnings = (ends: readonly number[]): readonly number[] => ends.map((_, i) => (ends[i - 1] ?? 0) + 1)

interface ParsedRow {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

const parsed = (file: string, text: string, delimiter: string): readonly ParsedRow[] => {
  try {
    // With `info` each row has its place, which the package's types do not declare.
    const rows: unknown = parse(text, { delimiter, info: true, skip_empty_lines: true, bom: true })
    return rows as readonly ParsedRow[]
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw refuse(file, typeof error.lines === 'number' ? error.lines : undefined, error.message)
  }
}

/**
 * Reads CSV (RFC 4180, delimiter `,`) or TSV: every value is text. Throws a `UserError` for rows of another
 * length than the first line, for quotes that are never closed, and for columns without a name or with the
 * same one.
 */
export const csvRows = (file: string, text: string, delimiter: ',' | '\t'): readonly TableRow[] => {
  const rows = parsed(file, text, delimiter)
  const [header, ...rest] = rows
  if (header === undefined) return []
  const names = header.record.map(name => name.trim())
  const wrong = names.find((name, i) => name === '' || names.indexOf(name) < i)
  if (wrong !== undefined)
    throw refuse(file, 1, wrong === '' ? 'a column has no name' : `two columns are called '${wrong}'`)
  const lines = beginnings(rows.map(row => row.info.lines))
  return rest.map(({ record }, i) => ({
    value: Object.fromEntries(names.map((name, k) => [name, record[k]!])),
    line: lines[i + 1]!,
  }))
}
