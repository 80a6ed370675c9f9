import type { IToken, TokenType } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Source, Span } from '../diagnostics/source.js'
import { deepest } from './base-rules.js'
import { nestedTooDeeply } from './grammar-errors.js'
import * as t from './tokens.js'

const closers = new Map<TokenType, TokenType>([
  [t.LParen, t.RParen],
  [t.LBracket, t.RBracket],
  [t.LBrace, t.RBrace],
])
const closing = new Set(closers.values())

/** Whether the token opens a bracket: +1, closes one: -1, or neither: 0. */
export const bracketStep = (token: IToken): number =>
  closers.has(token.tokenType) ? 1 : closing.has(token.tokenType) ? -1 : 0

export interface Pairs {
  /** From an opening bracket to the token after its partner. */
  readonly after: ReadonlyMap<IToken, IToken | undefined>
  /** From a closing bracket to its partner. */
  readonly opener: ReadonlyMap<IToken, IToken>
  readonly errors: readonly Diagnostic[]
}

/** Pairs the brackets of one declaration; the first disagreement is the only error. */
export const pairBrackets = (source: Source, tokens: readonly IToken[]): Pairs => {
  const after = new Map<IToken, IToken | undefined>()
  const opener = new Map<IToken, IToken>()
  const open: IToken[] = []
  const spanOf = (token: IToken): Span => ({ source, start: token.startOffset, end: token.startOffset + 1 })
  const failed = (error: Diagnostic): Pairs => ({ after, opener, errors: [error] })

  for (const [at, token] of tokens.entries()) {
    const step = bracketStep(token)
    if (step === 1) {
      open.push(token)
      if (open.length > deepest) return failed(nestedTooDeeply(spanOf(token)))
    }
    if (step !== -1) continue
    const partner = open.pop()
    if (!partner) {
      return failed({
        code: 'E0104',
        title: `this \`${token.image}\` closes nothing`,
        labels: [{ span: spanOf(token), text: 'no bracket is open here' }],
        hint: `remove it, or open it where it should begin`,
      })
    }
    if (closers.get(partner.tokenType) !== token.tokenType) {
      return failed({
        code: 'E0104',
        title: `\`${partner.image}\` is closed by \`${token.image}\``,
        labels: [
          { span: spanOf(token), text: `expected \`${closerOf(partner)}\` before this` },
          { span: spanOf(partner), text: 'for the bracket that opens here' },
        ],
        hint: `close \`${partner.image}\` with \`${closerOf(partner)}\``,
      })
    }
    after.set(partner, tokens[at + 1])
    opener.set(token, partner)
  }
  const partner = open.at(-1)
  if (!partner) return { after, opener, errors: [] }
  const last = tokens.at(-1)!
  const end = last.startOffset + last.image.length
  return failed({
    code: 'E0104',
    title: `\`${partner.image}\` is never closed`,
    labels: [
      {
        span: { source, start: end, end },
        text: `expected \`${closerOf(partner)}\` before the declaration ends here`,
      },
      { span: spanOf(partner), text: 'for the bracket that opens here' },
    ],
    hint: `close \`${partner.image}\` with \`${closerOf(partner)}\``,
  })
}

const closerOf = (open: IToken): string => closers.get(open.tokenType)!.PATTERN as string
