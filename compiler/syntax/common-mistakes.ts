import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Situation } from './explain-failure.js'
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

/** Well-known slips, each with its own message. */
export const slip = (situation: Situation): Diagnostic | undefined => {
  const { found, previous, at, expected, tokens, source } = situation
  const spanOf = (token: { startOffset: number; image: string }): typeof at => ({
    source,
    start: token.startOffset,
    end: token.startOffset + token.image.length,
  })
  if (found && t.isA(found, t.Foreign)) {
    return {
      code: 'E0113',
      title: `\`${found.image}\` is not part of the language`,
      labels: [{ span: at, text: expected ? `expected ${nameOf(expected)}` : 'not expected here' }],
      hint: foreignMarks.get(found.image) ?? 'remove it',
    }
  }
  const next = found && tokens[tokens.indexOf(found) + 1]
  if (found?.tokenType === t.Equals && next?.image === '<' && next.startOffset === found.startOffset + 1) {
    return {
      code: 'E0113',
      title: '`=<` is not part of the language',
      labels: [{ span: { ...at, end: at.start + 2 }, text: 'not expected here' }],
      hint: '"at most" is written `<=`',
    }
  }
  const lineBreak = bracketOnNewLine(situation)
  if (lineBreak) return lineBreak
  if (previous?.image === 'lambda' && found && t.isName(found)) {
    return {
      code: 'E0113',
      title: '`lambda` is not part of the language',
      labels: [{ span: spanOf(previous), text: 'read as an ordinary name' }],
      hint: `a function is written \`${found.image} -> e\`, with several parameters \`(x, y) -> e\``,
    }
  }
  if (previous?.image === 'return') {
    return {
      code: 'E0113',
      title: '`return` is not part of the language',
      labels: [{ span: spanOf(previous), text: 'read as an ordinary name' }],
      hint: 'the body of a function is its value: leave the word out',
    }
  }
  if (found?.tokenType === t.Equals && previous?.tokenType !== t.Equals && inExpression(situation)) {
    return {
      code: 'E0109',
      title: '`=` does not compare',
      labels: [
        { span: at, text: expected ? `expected ${nameOf(expected)}, or an operator` : 'not expected here' },
      ],
      hint: 'equality is written `==`; a value is named with `let x = e`',
    }
  }
  if (expected === t.Arrow && found) {
    const head = [...tokens.slice(0, tokens.indexOf(found))]
      .reverse()
      .find(w => t.isA(w, t.Reducer) || w.tokenType === t.ForKeyword)
    return {
      code: 'E0110',
      title: `expected \`->\`, found \`${found.image}\``,
      labels: [
        { span: at, text: 'expected `->` before this' },
        ...(head
          ? [{ span: spanOf(head), text: `to divide the indices of this \`${head.image}\` from its body` }]
          : []),
      ],
      hint: 'write `for i, j -> e`, `sum k -> e`: indices, arrow, body',
    }
  }
  if (expected === t.ElseKeyword && !(found && t.isName(found))) {
    return {
      code: 'E0120',
      title: 'this `if` has no `else`',
      labels: [{ span: at, text: 'expected `else`' }],
      hint: 'both sides of an `if` have a value: add `else …`',
    }
  }
  if (found?.tokenType === t.FnKeyword && situation.rules.includes('recipe')) {
    return {
      code: 'E0105',
      title: 'the functions of a recipe are written without `fn`',
      labels: [{ span: at, text: 'not expected here' }],
      hint: 'write `step(s, batch, key, at) = …`',
    }
  }
  return undefined
}

const nameOf = (type: { name: string; LABEL?: string }): string => type.LABEL ?? type.name

const inExpression = ({ rules }: Situation): boolean =>
  [
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
  ].includes(rules.at(-1) ?? '')

/** A bracket at the head of a line begins an expression; it does not read or call what stands before it. */
const bracketOnNewLine = ({ found, previous, source, tokens, opener }: Situation): Diagnostic | undefined => {
  const heads = (token: typeof found): boolean =>
    token !== undefined &&
    (token.tokenType === t.LParen || token.tokenType === t.LBracket) &&
    t.startsLine(source.text, token)
  const bracket = heads(found)
    ? found
    : previous && heads(opener.get(previous))
      ? opener.get(previous)
      : undefined
  const before = bracket && tokens[tokens.indexOf(bracket) - 1]
  if (!bracket || !before || !(t.isName(before) || [t.RParen, t.RBracket].includes(before.tokenType)))
    return undefined
  const what = bracket.tokenType === t.LParen ? 'call' : 'read'
  return {
    code: 'E0114',
    title: `a \`${bracket.image}\` at the beginning of a line does not continue the line before`,
    labels: [
      {
        span: { source, start: bracket.startOffset, end: bracket.startOffset + 1 },
        text: 'this begins a new expression',
      },
      {
        span: { source, start: before.startOffset, end: before.startOffset + before.image.length },
        text: `it does not ${what} this`,
      },
    ],
    hint: `put the \`${bracket.image}\` on the line of \`${before.image}\`, with nothing between`,
  }
}

const elsewhere: ReadonlyMap<string, string> = new Map(
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

/** What to write instead of a word that declares nothing. */
export const declarationHint = (word: string): string =>
  elsewhere.get(word) ??
  'declarations begin with `import`, `size`, `type`, `const`, `record`, `fn`, `recipe` or `test`'
