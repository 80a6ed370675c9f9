import type { IToken, TokenType } from 'chevrotain'
import type { Source, Span } from '../diagnostics/source.js'
import * as t from './tokens.js'

/** The declaration in which the parse failed. */
export interface FailedDeclaration {
  readonly source: Source
  readonly tokens: readonly IToken[]
  readonly opener: ReadonlyMap<IToken, IToken>
}

/** The state of the parser at a failure: the token, its place and the open rules. */
export interface ParseFailure extends FailedDeclaration {
  readonly found: IToken | undefined
  readonly previous: IToken | undefined
  readonly at: Span
  readonly rules: readonly string[]
  /** The only kind of token that could have stood here, where there was only one. */
  readonly expected: TokenType | undefined
}

/** How messages name a kind of token. */
export const describeTokenType = (type: TokenType): string => type.LABEL ?? type.name

/** How messages name a token that was found. */
export const describeToken = (token: IToken | undefined): string => {
  if (!token) return 'the end of the declaration'
  if (t.keywords.has(token.image)) return `the keyword \`${token.image}\``
  if (t.isName(token)) return `the name \`${token.image}\``
  if (token.tokenType === t.NumberToken) return `the number \`${token.image}\``
  if (token.tokenType === t.StringToken) return `the string ${token.image}`
  return `\`${token.image}\``
}
