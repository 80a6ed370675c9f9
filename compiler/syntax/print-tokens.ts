import type { Span } from '../diagnostics/source.js'
import { lex } from './parse.js'

/** A token as a listing shows it; lines and columns count from 1. */
export interface ListedToken {
  readonly line: number
  readonly column: number
  /** The lexer's name of its kind: `Identifier`, `Keyword_let`, `Number`. */
  readonly kind: string
  readonly text: string
}

/** The tokens of a part of a source, in order, without comments. */
export const tokensIn = ({ source, start, end }: Span): readonly ListedToken[] =>
  lex(source).tokens.flatMap(t =>
    t.startOffset < start || t.startOffset >= end
      ? []
      : [{ line: t.startLine!, column: t.startColumn!, kind: t.tokenType.name, text: t.image }],
  )

/** One token a line: its place, its kind, its text. */
export const printTokens = (tokens: readonly ListedToken[]): string => {
  const places = tokens.map(t => `${t.line}:${t.column}`)
  const width = (texts: readonly string[]): number => Math.max(0, ...texts.map(t => t.length))
  const [placeWidth, kindWidth] = [width(places), width(tokens.map(t => t.kind))]
  return tokens
    .map((t, i) => `${places[i]!.padEnd(placeWidth)}  ${t.kind.padEnd(kindWidth)}  ${t.text}`)
    .join('\n')
}
