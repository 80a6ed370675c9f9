import { isJsonObject } from './json-values.js'
import { parseJson } from './parse-json.js'

/** A number as a text writes it. */
class WrittenNumber {
  constructor(readonly text: string) {}
}

const memberOf = (like: unknown, name: string): unknown => (isJsonObject(like) ? like[name] : undefined)

const written = (value: unknown, like: unknown, margin: string): string => {
  const inner = `${margin}  `
  if (typeof value === 'number' && like instanceof WrittenNumber && Number(like.text) === value)
    return like.text
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    const others: readonly unknown[] = Array.isArray(like) ? like : []
    return `[\n${value.map((x, i) => `${inner}${written(x, others[i], inner)}`).join(',\n')}\n${margin}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, x]) => x !== undefined)
  if (entries.length === 0) return '{}'
  const lines = entries.map(
    ([name, x]) => `${inner}${JSON.stringify(name)}: ${written(x, memberOf(like, name), inner)}`,
  )
  return `{\n${lines.join(',\n')}\n${margin}}`
}

/**
 * A value as JSON, its numbers written as in a text that has the same number in the same place: `30.0` and
 * `30` are one number here, but Python tells them apart. Throws a `JsonError` where the text is not JSON.
 */
export const jsonLike = (value: unknown, text: string): string =>
  written(value, parseJson(text, { numberOf: digits => new WrittenNumber(digits) }), '')
