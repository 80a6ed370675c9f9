/** A column: its heading, and whether it holds numbers, which stand flush right. */
export interface Column {
  readonly head: string
  readonly numbers?: true
}

/** Rows of text under headings. */
export interface Table {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
}

/** Something to show: lines of text, or a table. */
export type Block = string | Table

/** A column of words. */
export const text = (head: string): Column => ({ head })

/** A column of numbers. */
export const number = (head: string): Column => ({ head, numbers: true })

/** The width of a text on a terminal: combining marks take no room. */
const width = (text: string): number => [...text.replaceAll(/\p{Mn}/gu, '')].length

/** Aligned for a terminal, two blanks between columns, no blanks at the ends of lines. */
export const plainTable = ({ columns, rows }: Table): string => {
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

/** The same in Markdown. */
export const markdownTable = ({ columns, rows }: Table): string => {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = columns.map(c => (c.numbers ? '---:' : '---'))
  return [columns.map(c => c.head), rule, ...rows.map(r => columns.map((_, i) => r[i] ?? ''))]
    .map(line)
    .join('\n')
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
