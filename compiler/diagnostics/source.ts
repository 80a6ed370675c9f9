/** One source file. `name` is what diagnostics show; `text` its whole content. */
export interface Source {
  readonly name: string
  readonly text: string
}

/** A half-open range of UTF-16 offsets in one source. */
export interface Span {
  readonly source: Source
  readonly start: number
  readonly end: number
}

/** The smallest span that covers both; they must lie in the same source. */
export const cover = (a: Span, b: Span): Span => ({
  source: a.source,
  start: Math.min(a.start, b.start),
  end: Math.max(a.end, b.end),
})

/** One-based line and column of an offset. */
export const positionOf = (source: Source, offset: number): { line: number; column: number } => {
  const before = source.text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - before.lastIndexOf('\n') }
}
