import type { IToken } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { type Fix, hintWithFix } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import type { ParseFailure } from './parse-failure.js'

/** Recognises one construct of another language where a parse failed; undefined where it is not that. */
export type ForeignRule = (failure: ParseFailure) => Diagnostic | undefined

/** The span from one token to another, or of one. */
export const spanOf = ({ source }: ParseFailure, token: IToken, to: IToken = token): Span => ({
  source,
  start: token.startOffset,
  end: to.startOffset + to.image.length,
})

/** A diagnostic about something that other languages have. */
export const refused = (title: string, span: Span, hint: string, fix: Fix | undefined) => ({
  code: 'E0113',
  title,
  labels: [{ span, text: 'not expected here' }],
  ...hintWithFix(hint, fix),
})

/** The title of a diagnostic about a word or mark of another language. */
export const foreign = (word: string): string => `\`${word}\` is not part of the language`
