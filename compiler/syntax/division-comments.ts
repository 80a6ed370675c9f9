import type { IToken } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Source } from '../diagnostics/source.js'
import * as t from './tokens.js'

/**
 * Comments that are a division of whole numbers in Python: an operand stands before `//`, and nothing but a
 * number or a size behind. Without this error, the program would mean its dividend in silence.
 */
export const divisionComments = (
  source: Source,
  tokens: readonly IToken[],
  comments: readonly IToken[],
): readonly Diagnostic[] =>
  comments.flatMap(comment => {
    const [, divisor, rest = ''] = /^\/\/\s*(\d+|[A-Z][A-Z0-9]*)\s*([)\],]*)\s*$/.exec(comment.image) ?? []
    const at = tokens.findLastIndex(w => w.startOffset < comment.startOffset)
    const last = tokens[at]
    if (divisor === undefined || last === undefined || last.endLine !== comment.startLine) return []
    const closes = last.tokenType === t.RParen
    if (!closes && !t.isName(last) && last.tokenType !== t.NumberToken) return []
    const start = closes ? openingOf(tokens, at) : last.startOffset
    const dividend = source.text.slice(start, last.startOffset + last.image.length)
    const plain = closes ? dividend.slice(1, -1) : dividend
    const written = `div(${plain}, ${divisor})`
    const whole = { source, start, end: comment.startOffset + comment.image.trimEnd().length }
    return [
      {
        code: 'E0113',
        title: '`//` begins a comment and does not divide',
        labels: [
          {
            span: { source, start: comment.startOffset, end: comment.startOffset + 2 },
            text: 'the rest of the line is not read',
          },
        ],
        ...hintWithFix(
          `whole numbers are divided by \`${written}\`; a comment says more than \`${divisor}\``,
          replaceBy(whole, `${written}${rest}`, { title: `write \`${written}\`` }),
        ),
      },
    ]
  })

/** The start of the parentheses that end at a token. */
const openingOf = (tokens: readonly IToken[], close: number): number => {
  let depth = 0
  for (let i = close; i >= 0; i--) {
    if (tokens[i]!.tokenType === t.RParen) depth++
    if (tokens[i]!.tokenType === t.LParen && --depth === 0) return tokens[i]!.startOffset
  }
  return tokens[close]!.startOffset
}
