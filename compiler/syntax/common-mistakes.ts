import type { IToken } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { type Fix, hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Source, Span } from '../diagnostics/source.js'
import { describeTokenType, type ParseFailure } from './parse-failure.js'
import * as t from './tokens.js'

/** How the habits of other languages are written here. */
const foreignMarks: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '=>': 'an arrow is written `->`',
    ':=': 'a name is bound with `let x = e`',
    '&&': 'write `and`',
    '||': 'write `or`',
    '!': 'write `not`; unequal is `!=`',
    '**': 'a power is written `x ^ 2`',
    ';': 'nothing separates the parts: put the next one on a new line',
    '+=': 'nothing is changed in place: bind a new value with `let`',
    '-=': 'nothing is changed in place: bind a new value with `let`',
    '*=': 'nothing is changed in place: bind a new value with `let`',
    '/=': 'nothing is changed in place: bind a new value with `let`; unequal is `!=`',
    '@': 'a matrix product is written `for i, j -> sum k -> a[i, k] * b[k, j]`',
    '?': 'a choice is written `if condition then a else b`',
    '..': 'an index takes its range from what it reads: `for t -> x[t]`, or `for t: T -> …`',
    '...': 'write out the indices: nothing stands for "the rest"',
    '::': 'a qualified name is written `module.name`',
    '&': 'write `and`',
    '~': 'write `not`',
    '\\': 'a function is written `x -> e`',
    $: 'names are made of letters, digits and `_`',
  }),
)

/** Marks that another one stands for, wherever they are met. */
const replacedMarks: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '=>': '->',
    '&&': 'and',
    '||': 'or',
    '&': 'and',
    '!': 'not ',
    '~': 'not ',
    '**': '^',
    ';': '',
    '::': '.',
  }),
)

/** Recognises one mistake: its message, or undefined where the failure is another. */
type Mistake = (failure: ParseFailure) => Diagnostic | undefined

/** The message for a failure that is a common mistake; the first of these that fits. */
export const explainMistake = (failure: ParseFailure): Diagnostic | undefined => {
  for (const mistake of mistakes) {
    const found = mistake(failure)
    if (found !== undefined) return found
  }
  return undefined
}

const spanOf = (source: Source, token: IToken): Span => ({
  source,
  start: token.startOffset,
  end: token.startOffset + token.image.length,
})

const markFix = (found: IToken, previous: IToken | undefined, at: Span): Fix | undefined => {
  const other = replacedMarks.get(found.image)
  if (other !== undefined)
    return replaceBy(at, other, {
      title: other === '' ? `remove \`${found.image}\`` : `write \`${other.trim()}\``,
    })
  if (found.image === '/=' && /^[\w')\]]/.test(previous?.image ?? ''))
    return replaceBy(at, '!=', { sure: false })
  if (found.image === ':=' && previous !== undefined && t.isName(previous))
    return replaceBy({ ...at, start: previous.startOffset }, `let ${previous.image} =`)
  return undefined
}

const foreignMark: Mistake = ({ found, previous, expected, at }) =>
  found && t.isA(found, t.Foreign)
    ? {
        code: 'E0113',
        title: `\`${found.image}\` is not part of the language`,
        labels: [
          { span: at, text: expected ? `expected ${describeTokenType(expected)}` : 'not expected here' },
        ],
        ...hintWithFix(foreignMarks.get(found.image) ?? 'remove it', markFix(found, previous, at)),
      }
    : undefined

const reversedAtMost: Mistake = ({ found, tokens, at }) => {
  const next = found && tokens[tokens.indexOf(found) + 1]
  const reversed = next?.image === '<' && next.startOffset === found!.startOffset + 1
  if (found?.tokenType !== t.Equals || !reversed) return undefined
  return {
    code: 'E0113',
    title: '`=<` is not part of the language',
    labels: [{ span: { ...at, end: at.start + 2 }, text: 'not expected here' }],
    hint: '"at most" is written `<=`',
  }
}

/** A bracket at the head of a line begins an expression; it does not read or call what stands before it. */
const bracketOnNewLine: Mistake = ({ found, previous, source, tokens, opener }) => {
  const heads = (token: IToken | undefined): boolean =>
    token !== undefined &&
    (token.tokenType === t.LParen || token.tokenType === t.LBracket) &&
    t.startsLine(source.text, token)
  const earlier = previous && opener.get(previous)
  const bracket = heads(found) ? found : heads(earlier) ? earlier : undefined
  const before = bracket && tokens[tokens.indexOf(bracket) - 1]
  if (!bracket || !before || !(t.isName(before) || [t.RParen, t.RBracket].includes(before.tokenType)))
    return undefined
  const verb = bracket.tokenType === t.LParen ? 'call' : 'read'
  return {
    code: 'E0114',
    title: `a \`${bracket.image}\` at the beginning of a line does not continue the line before`,
    labels: [
      {
        span: { ...spanOf(source, bracket), end: bracket.startOffset + 1 },
        text: 'this begins a new expression',
      },
      { span: spanOf(source, before), text: `it does not ${verb} this` },
    ],
    hint: `put the \`${bracket.image}\` on the line of \`${before.image}\`, with nothing between`,
  }
}

const lambdaKeyword: Mistake = ({ found, previous, source }) =>
  previous?.image === 'lambda' && found && t.isName(found)
    ? {
        code: 'E0113',
        title: '`lambda` is not part of the language',
        labels: [{ span: spanOf(source, previous), text: 'read as an ordinary name' }],
        hint: `a function is written \`${found.image} -> e\`, with several parameters \`(x, y) -> e\``,
      }
    : undefined

const assignmentAsComparison: Mistake = failure => {
  const { found, previous, expected, at } = failure
  if (found?.tokenType !== t.Equals || previous?.tokenType === t.Equals || !inExpression(failure))
    return undefined
  const text = expected ? `expected ${describeTokenType(expected)}, or an operator` : 'not expected here'
  return {
    code: 'E0109',
    title: '`=` does not compare',
    labels: [{ span: at, text }],
    ...hintWithFix('equality is written `==`; a value is named with `let x = e`', replaceBy(at, '==')),
  }
}

const missingArrow: Mistake = ({ found, expected, tokens, source, at }) => {
  if (expected !== t.Arrow || !found) return undefined
  const head = tokens
    .slice(0, tokens.indexOf(found))
    .reverse()
    .find(w => t.isA(w, t.Reducer) || w.tokenType === t.ForKeyword)
  return {
    code: 'E0110',
    title: `expected \`->\`, found \`${found.image}\``,
    labels: [
      { span: at, text: 'expected `->` before this' },
      ...(head
        ? [
            {
              span: spanOf(source, head),
              text: `to divide the indices of this \`${head.image}\` from its body`,
            },
          ]
        : []),
    ],
    ...hintWithFix(
      'write `for i, j -> e`, `sum k -> e`: indices, arrow, body',
      replaceBy({ ...at, end: at.start }, '-> ', { title: 'insert `->`', sure: false }),
    ),
  }
}

const missingElse: Mistake = ({ found, expected, at }) =>
  expected === t.ElseKeyword && !(found && t.isName(found))
    ? {
        code: 'E0120',
        title: 'this `if` has no `else`',
        labels: [{ span: at, text: 'expected `else`' }],
        ...hintWithFix(
          'both sides of an `if` have a value: add `else …`',
          replaceBy({ ...at, end: at.start }, ' else 0', { title: 'add `else 0`', sure: false }),
        ),
      }
    : undefined

const fnInRecipe: Mistake = ({ found, rules, at }) =>
  found?.tokenType === t.FnKeyword && rules.includes('recipe')
    ? {
        code: 'E0105',
        title: 'the functions of a recipe are written without `fn`',
        labels: [{ span: at, text: 'not expected here' }],
        hint: 'write `step(s, batch, key, at) = …`',
      }
    : undefined

const mistakes: readonly Mistake[] = [
  foreignMark,
  reversedAtMost,
  bracketOnNewLine,
  lambdaKeyword,
  assignmentAsComparison,
  missingArrow,
  missingElse,
  fnInRecipe,
]

/** The rules that read expressions, where an `=` is a comparison gone wrong. */
const expressionRules: ReadonlySet<string> = new Set([
  'fn',
  'method',
  'test',
  'constant',
  'settingLine',
  'conditional',
  'atom',
  'postfix',
  'item',
  'operand',
])
const inExpression = ({ rules }: ParseFailure): boolean => expressionRules.has(rules.at(-1) ?? '')

const wordsOfOtherLanguages: ReadonlyMap<string, string> = new Map(
  Object.entries({
    let: 'at the top of a file a value is named with `const x: f32 = e`',
    var: 'a value is named with `const x: f32 = e`',
    def: 'a function is declared with `fn name(x: f32[E]) -> f32[E] = …`',
    fun: 'a function is declared with `fn name(x: f32[E]) -> f32[E] = …`',
    func: 'a function is declared with `fn name(x: f32[E]) -> f32[E] = …`',
    function: 'a function is declared with `fn name(x: f32[E]) -> f32[E] = …`',
    struct: 'a record is declared with `record Name { field: f32[E] }`',
    class: 'a record is declared with `record Name { field: f32[E] }`',
    data: 'a record is declared with `record Name { field: f32[E] }`',
    dim: 'a size is declared with `size E`',
    sizes: 'sizes are declared with `size L, H, D`',
    use: 'modules are imported with `import std.nn (softmax)`',
    from: 'modules are imported with `import std.nn (softmax)`',
    include: 'modules are imported with `import std.nn (softmax)`',
    open: 'modules are imported with `import std.nn (softmax)`',
    expect: '`expect` stands inside a `test "title" { … }`',
    setting: '`setting` stands inside a `recipe Name { … }`',
    state: '`state` stands inside a `recipe Name { … }`',
    test: 'a test has a title in quotes: `test "gates open" { … }`',
  }),
)

/** The declaration to write instead of a word that declares nothing. */
export const declarationHint = (word: string): string =>
  wordsOfOtherLanguages.get(word) ??
  'declarations begin with `import`, `size`, `type`, `const`, `record`, `fn`, `recipe` or `test`'

const declarationWords: ReadonlyMap<string, string> = new Map(
  Object.entries({
    def: 'fn',
    fun: 'fn',
    func: 'fn',
    function: 'fn',
    struct: 'record',
    class: 'record',
    dim: 'size',
    sizes: 'size',
    use: 'import',
    include: 'import',
    open: 'import',
  }),
)

/** The edit that writes the word of this language for one of another. */
export const declarationFix = (word: string, at: Span): Fix | undefined => {
  const own = declarationWords.get(word)
  return own === undefined ? undefined : replaceBy(at, own)
}
