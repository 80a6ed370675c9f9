import { formatWidth } from './layout.js'
import type { Written } from './written.js'

/** A declaration of one line that shares columns with its neighbours. */
export interface ColumnLine {
  /** The tokens with which its columns begin, the first one its own. */
  readonly starts: readonly number[]
  readonly last: number
  /** How many tokens at its end are not written. */
  readonly dropped?: number
}

/** Lines that follow one another without an empty line or a comment between them. */
const blocksOf = (w: Written, lines: readonly ColumnLine[]): readonly (readonly ColumnLine[])[] => {
  const blocks: ColumnLine[][] = []
  for (const line of lines) {
    const before = blocks.at(-1)?.at(-1)
    const first = line.starts[0]!
    const apart =
      before === undefined ||
      before.last + 1 !== first ||
      w.comments[first]!.some(c => c.ownLine) ||
      emptyLineBefore(w, first)
    if (apart) blocks.push([line])
    else blocks.at(-1)!.push(line)
  }
  return blocks
}

const emptyLineBefore = (w: Written, token: number): boolean => {
  const end = w.tokens[token - 1]!.startOffset
  return /\n[ \t\r]*\n/.test(w.source.text.slice(end, w.tokens[token]!.startOffset))
}

/**
 * Pads the columns of lines that follow one another, and the comments behind them. Columns that are `spread`
 * stand two blanks apart.
 */
export const alignColumns = (w: Written, lines: readonly ColumnLine[], spread = false): void => {
  for (const block of blocksOf(w, lines)) alignBlock(w, block, spread)
}

const alignBlock = (w: Written, block: readonly ColumnLine[], spread: boolean): void => {
  const cell = (line: ColumnLine, at: number): string =>
    w.text(line.starts[at]!, (line.starts[at + 1] ?? line.last + 1 - (line.dropped ?? 0)) - 1)
  const columns = Math.max(...block.map(l => l.starts.length))
  const widths = block.map(() => 0)
  for (let at = 0; at < columns; at++) {
    const having = block.map((line, i) => ({ line, i })).filter(({ line }) => line.starts.length > at)
    if (at > 0) {
      const apart = spread && having.length > 1 ? 1 : 0
      const least = Math.max(...having.map(({ i }) => widths[i]!)) + apart
      for (const { line, i } of having) {
        w.padding.set(line.starts[at]!, least - widths[i]!)
        widths[i] = least + 1
      }
    }
    for (const { line, i } of having) widths[i] = widths[i]! + cell(line, at).length
  }
  const documented = block
    .map((line, i) => ({ line, i }))
    .filter(({ line }) => w.comments[line.last + 1]?.some(c => !c.ownLine))
  // A line whose comment would be too far to the right does not share the column.
  const lengthAt = (i: number): number => w.comments[block[i]!.last + 1]![0]!.text.length
  const candidates = [...new Set(documented.map(({ i }) => widths[i]!))].sort((a, b) => b - a)
  const column = candidates.find(c =>
    documented.every(({ i }) => widths[i]! > c || c + 4 + lengthAt(i) <= formatWidth),
  )
  for (const { line, i } of documented)
    w.commentPadding.set(line.last, Math.max(0, (column ?? 0) - widths[i]!))
}
