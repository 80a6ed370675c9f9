import type { Label } from './diagnostic.js'
import { isControl } from './harmless.js'
import { positionOf, type Source } from './source.js'

/** A mark under one line, from the column `start` to `end` as shown, and the remark beside it. */
export interface Mark {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly primary: boolean
}

/** A line of an excerpt: its number, as much of it as fits, and the marks under it. */
export interface ExcerptLine {
  readonly number: number
  readonly text: string
  readonly marks: readonly Mark[]
}

const tab = 4
/** The most columns of a line that are shown. */
const widest = 110
/** The columns before the first mark, where a line is cut. */
const lead = 30

/** Whether a terminal gives a character two columns (East Asian wide characters and emoji). */
const isWide = (code: number): boolean =>
  (code >= 0x1100 && code <= 0x115f) ||
  (code >= 0x2e80 && code <= 0xa4cf) ||
  (code >= 0xac00 && code <= 0xd7a3) ||
  (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0xff00 && code <= 0xff60) ||
  (code >= 0x1f300 && code <= 0x1faff) ||
  (code >= 0x20000 && code <= 0x3fffd)

/**
 * A line as a terminal shows it, and the column of each UTF-16 offset. Tabs become blanks and control
 * characters `�`.
 */
const layout = (line: string): { readonly cells: readonly string[]; readonly columns: readonly number[] } => {
  const cells: string[] = []
  const columns: number[] = []
  for (const character of line) {
    const column = cells.length
    for (let unit = 0; unit < character.length; unit++) columns.push(column)
    const code = character.codePointAt(0)!
    if (character === '\t') {
      do cells.push(' ')
      while (cells.length % tab !== 0)
    } else if (/\p{M}/u.test(character) && column > 0) cells[column - 1] += character
    else if (isControl(character)) cells.push('\ufffd')
    else {
      cells.push(character)
      if (isWide(code)) cells.push('')
    }
  }
  columns.push(cells.length)
  return { cells, columns }
}

interface Segment {
  readonly line: number
  /** UTF-16 offsets in the line. */
  readonly start: number
  readonly end: number
  readonly text: string
  readonly primary: boolean
}

/** The lines on which a label is shown: one, or the first and the last of its span. */
const segmentsOf = (source: Source, lines: readonly string[], label: Label, primary: boolean): Segment[] => {
  const clamp = (offset: number): number => Math.min(Math.max(offset, 0), source.text.length)
  const from = positionOf(source, clamp(label.span.start))
  const to = positionOf(source, clamp(Math.max(label.span.start, label.span.end)))
  const start = from.column - 1
  // A span that ends with a line break ends on the line before.
  const last = to.line > from.line && to.column === 1 ? to.line - 1 : to.line
  const end = last === to.line ? to.column - 1 : lines[last - 1]!.length
  if (from.line === last) return [{ line: from.line, start, end, text: label.text, primary }]
  const indent = lines[last - 1]!.search(/\S|$/)
  return [
    { line: from.line, start, end: lines[from.line - 1]!.length, text: '', primary },
    { line: last, start: Math.min(indent, end), end, text: label.text, primary },
  ]
}

/**
 * The lines of one source that its labels touch, in order; a line too wide for its marks is shown in parts.
 */
export const excerpt = (
  source: Source,
  labels: readonly { readonly label: Label; readonly primary: boolean }[],
): readonly ExcerptLine[] => {
  const lines = source.text.split('\n').map(line => line.replace(/\r$/, ''))
  const segments = labels.flatMap(({ label, primary }) => segmentsOf(source, lines, label, primary))
  const numbers = [...new Set(segments.map(s => s.line))].sort((a, b) => a - b)
  return numbers.flatMap(number => {
    const { cells, columns } = layout(lines[number - 1]!)
    const marks = segments
      .filter(s => s.line === number)
      .map(s => {
        const start = columns[Math.min(s.start, columns.length - 1)]!
        const end = columns[Math.min(s.end, columns.length - 1)]!
        return { start, end: Math.max(end, start + 1), text: s.text, primary: s.primary }
      })
    return cutLine(cells, marks).map(part => ({ number, ...part }))
  })
}

const cutLine = (
  cells: readonly string[],
  marks: readonly Mark[],
): { text: string; marks: readonly Mark[] }[] => {
  if (cells.length <= widest) return [{ text: cells.join(''), marks }]
  const sorted = [...marks].sort((a, b) => a.start - b.start)
  const clusters: Mark[][] = []
  for (const mark of sorted) {
    const cluster = clusters.at(-1)
    if (cluster && mark.end - cluster[0]!.start <= widest - lead) cluster.push(mark)
    else clusters.push([mark])
  }
  return clusters.map(cluster => {
    const from = Math.max(0, Math.min(cluster[0]!.start - lead, cells.length - widest))
    const to = Math.min(cells.length, from + widest)
    const before = from > 0 ? '… ' : ''
    const shift = from - before.length
    return {
      text: `${before}${cells.slice(from, to).join('')}${to < cells.length ? ' …' : ''}`,
      marks: cluster.map(m => ({ ...m, start: m.start - shift, end: Math.min(m.end, to) - shift })),
    }
  })
}
