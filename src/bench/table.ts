/** A column: its heading, and whether it holds numbers, which stand flush right. */
export interface Column {
  readonly head: string
  readonly numbers?: true
}

/** Characters as they stand on a terminal: marks that sit on another character take no room. */
const width = (text: string): number => [...text.replaceAll(/\p{Mn}/gu, '')].length

/** Rows of text under headings, aligned, two blanks between columns, no blanks at the ends of lines. */
export const table = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  const widths = columns.map((c, i) => Math.max(width(c.head), ...rows.map(r => width(r[i] ?? ''))))
  const line = (cells: readonly string[]): string =>
    columns
      .map((c, i) => {
        const text = cells[i] ?? ''
        const room = ' '.repeat(widths[i]! - width(text))
        return c.numbers ? room + text : text + room
      })
      .join('  ')
      .trimEnd()
  return [line(columns.map(c => c.head)), ...rows.map(line)].join('\n')
}

/** Three significant digits, never in powers of ten. */
export const three = (x: number): string =>
  !Number.isFinite(x)
    ? '–'
    : Math.abs(x) >= 100
      ? x.toFixed(0)
      : Math.abs(x) >= 10
        ? x.toFixed(1)
        : x.toFixed(2)
