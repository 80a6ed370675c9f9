import type { Span } from '../diagnostics/source.js'

/** A longer quotation would hide the rest of a message. */
const longestQuotation = 48

/** The source of an expression, if it stands on one line and is short enough to be quoted. */
export const sourceText = (span: Span, otherwise: string): string => {
  const text = span.source.text.slice(span.start, span.end).trim()
  return text.length > 0 && text.length <= longestQuotation && !text.includes('\n') ? text : otherwise
}

/** The source of an expression between backquotes, if it can be quoted. */
export const quoteSource = (span: Span, otherwise = 'this'): string => {
  const text = sourceText(span, '')
  return text === '' ? otherwise : `\`${text}\``
}

/** `` `a`, `b` ``. */
export const quoteAll = (names: Iterable<string>): string => [...names].map(n => `\`${n}\``).join(', ')

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth']
/** `first`, `second`, … for a position that counts from 0. */
export const ordinal = (position: number): string => ordinals[position] ?? `${position + 1}th`

const numbers = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
/** `one axis`, `two axes`. */
export const countOf = (n: number, one: string, many = `${one}s`): string =>
  `${numbers[n] ?? n} ${n === 1 ? one : many}`

const indexLetters = 'ijklmn'
/** `i, j, k`: an index for each of so many axes. */
export const indexNames = (axes: number): string => indexLetters.slice(0, axes).split('').join(', ')
