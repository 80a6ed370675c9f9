import type { Mark } from './excerpt.js'

/** Paints a mark and its text. */
export type Paint = (text: string, primary: boolean) => string

/** A row under a line: pieces at columns, from the left. */
type Piece = { readonly at: number; readonly text: string; readonly primary: boolean }

const overlap = (a: Mark, b: Mark): boolean => a.start < b.end && b.start < a.end

/**
 * The rows under a line. Marks that do not overlap share a row, the rightmost with its text beside it, the
 * others with theirs below; a mark that overlaps another gets rows of its own.
 */
export const underlines = (marks: readonly Mark[], paint: Paint): readonly string[] => {
  const layers: Mark[][] = []
  for (const mark of marks) {
    const layer = layers.find(l => l.every(other => !overlap(mark, other)))
    if (layer) layer.push(mark)
    else layers.push([mark])
  }
  return layers.flatMap(layer =>
    layerRows([...layer].sort((a, b) => a.start - b.start)).map(row => join(row, paint)),
  )
}

const layerRows = (marks: readonly Mark[]): Piece[][] => {
  const rule = (m: Mark): Piece => ({
    at: m.start,
    text: (m.primary ? '^' : '-').repeat(m.end - m.start),
    primary: m.primary,
  })
  const last = marks.at(-1)!
  const first = marks.map(rule)
  if (last.text !== '') first.push({ at: last.end + 1, text: last.text, primary: last.primary })
  const rows = [first]
  const hanging = marks.slice(0, -1).filter(m => m.text !== '')
  const bars = (some: readonly Mark[]): Piece[] =>
    some.map(m => ({ at: m.start, text: '|', primary: m.primary }))
  if (hanging.length > 0) rows.push(bars(hanging))
  for (let at = hanging.length - 1; at >= 0; at--) {
    const mark = hanging[at]!
    rows.push([...bars(hanging.slice(0, at)), { at: mark.start, text: mark.text, primary: mark.primary }])
  }
  return rows
}

const join = (row: readonly Piece[], paint: Paint): string => {
  let column = 0
  let text = ''
  for (const piece of row) {
    text += `${' '.repeat(Math.max(0, piece.at - column))}${paint(piece.text, piece.primary)}`
    column = Math.max(column, piece.at) + piece.text.length
  }
  return text
}
