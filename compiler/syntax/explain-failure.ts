import { EOF, type IRecognitionException, type IToken, type TokenType } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import { declarationFix, declarationHint, explainMistake } from './common-mistakes.js'
import { explainForeignSyntax } from './foreign-syntax.js'
import { withoutResult } from './grammar-errors.js'
import {
  describeToken,
  describeTokenType,
  type FailedDeclaration,
  type ParseFailure,
} from './parse-failure.js'
import { hintFor } from './rule-hints.js'
import * as t from './tokens.js'

/** The part that each rule of the grammar reads, for a failure where no alternative fits. */
const wanted: Readonly<Record<string, string>> = {
  operand: 'an expression',
  atom: 'an expression',
  sizeOperand: 'a size (a name, a whole number or arithmetic over them)',
  type: 'a type',
  valueType: 'a type',
  typeArgument: 'a type or a size',
  pattern: 'a name or a pattern in parentheses',
  binder: 'the name of an index',
  binders: 'the name of an index',
  entry: 'the name of an entry of config.json, in quotes',
  statement: '`let` or `expect`',
  postfix: 'a field, a call or an index',
  lambda: 'the parameters of a function',
}

/** Where a list or block could go on as well as end, what else could have stood there. */
const continuation: Readonly<Record<string, string>> = {
  postfix: '`,` or ',
  atom: 'an operator, `,` or ',
  params: '`,` or ',
  recordFields: '`,` or ',
  guard: '`,` or ',
  tupleType: '`,` or ',
  functionType: '`,` or ',
  namedType: '`,` or ',
  valueType: '`,` or ',
  fields: 'a field or ',
  recipe: '`setting`, `state`, a function or ',
  test: '`let`, `expect` or ',
}

/**
 * Turns a failure of the grammar into a message that says what was expected, what was found, and what to do.
 */
export const explainFailure = (error: IRecognitionException, failed: FailedDeclaration): Diagnostic => {
  const found = error.token.tokenType === EOF ? undefined : error.token
  const index = found ? failed.tokens.indexOf(found) : failed.tokens.length
  const previous = failed.tokens[index - 1]
  const end = previous ? previous.startOffset + previous.image.length : 0
  const at: Span = found
    ? { source: failed.source, start: found.startOffset, end: found.startOffset + found.image.length }
    : { source: failed.source, start: end, end }
  const rules = error.context.ruleStack
  const expected = expectedToken(error)
  const situation: ParseFailure = { ...failed, found, previous, at, rules, expected }

  const foreign = explainForeignSyntax(situation)
  if (foreign !== undefined) return foreign
  if (index === 0) return notADeclaration(situation)
  if (rules.at(-1) === 'fn' && expected === t.Arrow) {
    return withoutResult(failed.tokens[1]!.image, at, describeToken(found))
  }
  if (found && t.keywords.has(found.image) && wantsName(situation)) return keywordAsName(situation)
  const special = explainMistake(situation)
  if (special) return special

  if (error.name === 'NotAllInputParsedException') return leftOver(situation)
  const rule = rules.at(-1) ?? ''
  const phrase =
    expected && error.name === 'MismatchedTokenException'
      ? `${continuationBefore(situation)}${describeTokenType(expected)}`
      : (wanted[rule] ?? (expected ? describeTokenType(expected) : 'something else'))
  return {
    code: 'E0105',
    title: `expected ${phrase}, found ${describeToken(found)}`,
    labels: [{ span: at, text: `expected ${phrase}` }, ...openingLabel(situation)],
    ...hintFor(situation),
  }
}

/** A mismatch keeps the expected token only in its message, which the parser was told to make of its name. */
const expectedToken = (error: IRecognitionException): TokenType | undefined => {
  if (error.name !== 'MismatchedTokenException') return undefined
  return t.vocabulary.find(type => type.name === error.message)
}

const closes = (type: TokenType | undefined): boolean =>
  type === t.RParen || type === t.RBracket || type === t.RBrace

const continuationBefore = ({ rules, expected }: ParseFailure): string =>
  closes(expected) ? (continuation[rules.at(-1) ?? ''] ?? '') : ''

/** The bracket that is still open where its end was expected. */
const openingLabel = ({ expected, tokens, found, opener, source }: ParseFailure): Diagnostic['labels'] => {
  if (!closes(expected) || !found) return []
  const index = tokens.indexOf(found)
  const closed = new Set<IToken>()
  for (const token of tokens.slice(0, index).reverse()) {
    const partner = opener.get(token)
    if (partner) closed.add(partner)
    const opens = [t.LParen, t.LBracket, t.LBrace].includes(token.tokenType)
    if (opens && !closed.has(token)) {
      const span = { source, start: token.startOffset, end: token.startOffset + 1 }
      return [{ span, text: `to close this \`${token.image}\`` }]
    }
  }
  return []
}

const notADeclaration = (situation: ParseFailure): Diagnostic => ({
  code: 'E0106',
  title: `no declaration begins with ${describeToken(situation.found)}`,
  labels: [{ span: situation.at, text: 'expected a declaration' }],
  ...hintWithFix(
    declarationHint(situation.found?.image ?? ''),
    declarationFix(situation.found?.image ?? '', situation.at),
  ),
})

/** Whether a name could have stood where the parse failed. */
const wantsName = ({ expected, rules, previous, found, tokens }: ParseFailure): boolean => {
  const rule = rules.at(-1) ?? ''
  if (expected === t.Identifier || ['pattern', 'binder', 'path'].includes(rule)) return true
  const opens = previous && [t.LParen, t.LBrace, t.Comma].includes(previous.tokenType)
  if (['params', 'recordFields', 'lambda'].includes(rule)) return opens === true
  const next = tokens[tokens.indexOf(found!) + 1]?.tokenType
  return rule === 'fields' && (next === t.Colon || next === t.Comma)
}

const keywordAsName = ({ found, at }: ParseFailure): Diagnostic => ({
  code: 'E0107',
  title: `\`${found!.image}\` is a keyword and cannot be a name`,
  labels: [{ span: at, text: 'expected a name' }],
  hint: `choose another name, such as \`${found!.image}_\` or \`${found!.image}'\``,
})

/** `p = e` after what was a whole expression: the `let` is missing, or the second `=` of `==`. */
const bindingHint = ({
  found,
  previous,
  source,
}: ParseFailure): Pick<Diagnostic, 'hint' | 'fixes'> | undefined => {
  if (found?.tokenType !== t.Equals || !previous) return undefined
  return t.isName(previous) && t.startsLine(source.text, previous)
    ? hintWithFix(
        `a value is named with \`let\`: write \`let ${previous.image} = …\``,
        replaceBy({ source, start: previous.startOffset, end: previous.startOffset }, 'let ', {
          title: 'insert `let`',
        }),
      )
    : { hint: 'equality is written `==`; a value is named with `let x = e`' }
}

const leftOver = (situation: ParseFailure): Diagnostic => {
  const { found, at, tokens, source } = situation
  if (found && found.startColumn === 1) return notADeclaration(situation)
  const head = tokens[0]!
  const name = tokens[1] && t.isName(tokens[1]) ? ` \`${tokens[1].image}\`` : ''
  return {
    code: 'E0105',
    title: `expected an operator or the next declaration, found ${describeToken(found)}`,
    labels: [
      { span: at, text: 'this continues nothing' },
      {
        span: { source, start: head.startOffset, end: head.startOffset + head.image.length },
        text: `the ${head.image}${name} that begins here is complete before it`,
      },
    ],
    ...(bindingHint(situation) ?? hintFor(situation)),
  }
}
