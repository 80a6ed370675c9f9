/** A JSON object as parsed: nothing is known of its values. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a parsed JSON value is an object (not an array, not `null`). */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A parsed JSON value for a message; of a long value, the beginning. */
export const shownJson = (value: unknown): string => {
  if (value === undefined) return '(none)'
  const text =
    Array.isArray(value) && value.length > 20
      ? `[${value.slice(0, 20).join(', ')}, …]`
      : JSON.stringify(value)
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}

/** A stretch of a JSON text, `end` exclusive. */
export interface TextSpan {
  readonly start: number
  readonly end: number
}

const isSpace = (c: string | undefined): boolean => c === ' ' || c === '\n' || c === '\r' || c === '\t'

/**
 * The stretches between the commas of the outermost array or object of `text`, without surrounding blanks:
 * the elements of an array, the `"key": value` members of an object. It trusts the brackets, not the content:
 * parse each stretch to know whether it is JSON. Returns `undefined` where the outermost bracket is missing
 * or never closed.
 */
export const topLevelItems = (text: string): readonly TextSpan[] | undefined => {
  let at = 0
  while (isSpace(text[at])) at++
  if (text[at] !== '[' && text[at] !== '{') return undefined
  const spans: TextSpan[] = []
  let start = at + 1
  let depth = 1
  const push = (end: number) => {
    let [s, e] = [start, end]
    while (s < e && isSpace(text[s])) s++
    while (e > s && isSpace(text[e - 1])) e--
    spans.push({ start: s, end: e })
    start = end + 1
  }
  for (let i = at + 1; i < text.length; i++) {
    const c = text[i]
    if (c === '"') {
      i++
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
    } else if (c === '[' || c === '{') depth++
    else if (c === ']' || c === '}') {
      depth--
      if (depth > 0) continue
      push(i)
      const only = spans[0]!
      return spans.length === 1 && only.start === only.end ? [] : spans
    } else if (c === ',' && depth === 1) push(i)
  }
  return undefined
}
