import type { IToken } from 'chevrotain'
import type { Source } from '../diagnostics/source.js'
import { bracketStep } from './brackets.js'
import * as t from './tokens.js'

const heads = [t.ImportKeyword, t.SizeKeyword, t.ConstKeyword, t.RecordKeyword, t.FnKeyword, t.RecipeKeyword]

/**
 * Cuts the tokens of a file where declarations begin, so that an error in one does not hide those in the
 * others: at a word that declares, first on its line and either at the margin or outside all brackets.
 */
export const cutDeclarations = (source: Source, tokens: readonly IToken[]): readonly IToken[][] => {
  const parts: IToken[][] = []
  let depth = 0
  tokens.forEach((token, at) => {
    const begins =
      parts.length === 0 ||
      ((depth === 0 || token.startColumn === 1) &&
        declares(token, tokens[at + 1], tokens[at + 2]) &&
        t.startsLine(source.text, token))
    if (begins) {
      parts.push([])
      depth = 0
    }
    parts.at(-1)!.push(token)
    depth = Math.max(0, depth + bracketStep(token))
  })
  return parts
}

const declares = (token: IToken, next: IToken | undefined, afterNext: IToken | undefined): boolean => {
  if (heads.includes(token.tokenType)) return ![t.Colon, t.Comma, t.Equals].includes(next?.tokenType ?? t.Dot)
  if (!next) return false
  if (token.tokenType === t.TypeKeyword) {
    // An expression may begin with a name `type`: two names alone on a line are a declaration.
    return t.isName(next) && next.startLine === token.startLine && afterNext?.startLine !== token.startLine
  }
  return (
    token.tokenType === t.TestKeyword && (next.tokenType === t.StringToken || next.tokenType === t.OpenString)
  )
}
