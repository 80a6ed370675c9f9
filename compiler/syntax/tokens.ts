import { createToken, type IToken, Lexer, type TokenType } from 'chevrotain'

/**
 * A name: ASCII letters, digits and `_`, with primes at the end. Contextual keywords belong to this category.
 */
export const Identifier = createToken({
  name: 'Identifier',
  label: 'a name',
  pattern: /[A-Za-z_][A-Za-z0-9_]*'*/,
})

const keyword = (text: string): TokenType =>
  createToken({ name: `Keyword_${text}`, label: `\`${text}\``, pattern: text, longer_alt: Identifier })

const contextual = (text: string): TokenType =>
  createToken({
    name: `Keyword_${text}`,
    label: `\`${text}\``,
    pattern: text,
    longer_alt: Identifier,
    categories: [Identifier],
  })

const mark = (name: string, text: string): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: text })

export const ImportKeyword = keyword('import')
export const SizeKeyword = keyword('size')
export const ConstKeyword = keyword('const')
export const RecordKeyword = keyword('record')
export const FnKeyword = keyword('fn')
export const RecipeKeyword = keyword('recipe')
export const LetKeyword = keyword('let')
export const IfKeyword = keyword('if')
export const ThenKeyword = keyword('then')
export const ElseKeyword = keyword('else')
export const ForKeyword = keyword('for')
export const FoldKeyword = keyword('fold')
export const ScanKeyword = keyword('scan')
export const AndKeyword = keyword('and')
export const OrKeyword = keyword('or')
export const NotKeyword = keyword('not')
export const TrueKeyword = keyword('true')
export const FalseKeyword = keyword('false')
export const IdxKeyword = keyword('idx')

/** The category of the nine words that fold an index away. */
export const Reducer = createToken({ name: 'Reducer', label: 'a reduction', pattern: Lexer.NA })
const reducers = ['sum', 'mean', 'prod', 'max', 'min', 'argmax', 'argmin', 'any', 'all'].map(text =>
  createToken({
    name: `Keyword_${text}`,
    label: `\`${text}\``,
    pattern: text,
    longer_alt: Identifier,
    categories: [Reducer],
  }),
)

export const AsKeyword = contextual('as')
export const TypeKeyword = contextual('type')
export const SettingKeyword = contextual('setting')
export const StateKeyword = contextual('state')
export const TestKeyword = contextual('test')
export const ExpectKeyword = contextual('expect')
export const WithinKeyword = contextual('within')
export const FromKeyword = contextual('from')
export const IsKeyword = contextual('is')
export const RefuseKeyword = contextual('refuse')
export const NullKeyword = contextual('null')
export const PerKeyword = contextual('per')
export const WithKeyword = contextual('with')
export const DownKeyword = contextual('down')

export const NumberToken = createToken({
  name: 'Number',
  label: 'a number',
  pattern: /[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9][0-9_]*)?/,
})
export const StringToken = createToken({
  name: 'String',
  label: 'a string',
  pattern: /"(?:[^"\\\n]|\\[^\n])*"/,
})
export const OpenString = createToken({
  name: 'OpenString',
  label: 'a string',
  pattern: /"(?:[^"\\\n]|\\[^\n])*/,
})

export const Arrow = mark('Arrow', '->')
export const LParen = mark('LParen', '(')
export const RParen = mark('RParen', ')')
export const LBracket = mark('LBracket', '[')
export const RBracket = mark('RBracket', ']')
export const LBrace = mark('LBrace', '{')
export const RBrace = mark('RBrace', '}')
export const Comma = mark('Comma', ',')
export const Colon = mark('Colon', ':')
export const Dot = mark('Dot', '.')
export const Equals = mark('Equals', '=')
export const Bar = mark('Bar', '|')

/** The category of the infix operators of expressions. */
export const Operator = createToken({ name: 'Operator', label: 'an operator', pattern: Lexer.NA })
/** The category of the operators that sizes and `from` clauses may use. */
export const Arithmetic = createToken({
  name: 'Arithmetic',
  label: 'an operator',
  pattern: Lexer.NA,
  categories: [Operator],
})
const operator = (name: string, text: string, category = Operator): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: text, categories: [category] })

export const Minus = operator('Minus', '-', Arithmetic)
const arithmetic = [
  operator('Plus', '+', Arithmetic),
  operator('Star', '*', Arithmetic),
  operator('Slash', '/', Arithmetic),
  operator('Percent', '%', Arithmetic),
  operator('Caret', '^', Arithmetic),
]
export const GreaterEqual = operator('GreaterEqual', '>=')
export const Greater = operator('Greater', '>')
const comparisons = [
  operator('EqualEqual', '=='),
  operator('NotEqual', '!='),
  operator('LessEqual', '<='),
  GreaterEqual,
  operator('Less', '<'),
  Greater,
]

/**
 * Marks of other languages: lexed, never accepted, so that the message can say what is written here instead.
 */
export const Foreign = createToken({ name: 'Foreign', label: 'a foreign mark', pattern: Lexer.NA })
const foreign = [
  '=>',
  ':=',
  '&&',
  '||',
  '**',
  '+=',
  '-=',
  '*=',
  '/=',
  '...',
  '..',
  '::',
  '!',
  ';',
  '@',
  '?',
  '&',
  '~',
  '\\',
  '$',
].map((text, at) =>
  createToken({ name: `Foreign_${at}`, label: `\`${text}\``, pattern: text, categories: [Foreign] }),
)

const WhiteSpace = createToken({
  name: 'WhiteSpace',
  pattern: /[ \t\r\n\f\uFEFF]+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
})
/** `/// …`: kept in the lexer's group `docs`, attached to declarations by their places. */
const DocComment = createToken({ name: 'DocComment', pattern: /\/\/\/(?!\/)[^\n]*/, group: 'docs' })
/** `// …`: kept in the group `comments` for the formatter. */
const Comment = createToken({ name: 'Comment', pattern: /\/\/[^\n]*/, group: 'comments' })

const tokenTypes: TokenType[] = [
  WhiteSpace,
  DocComment,
  Comment,
  NumberToken,
  StringToken,
  OpenString,
  ...[
    ImportKeyword,
    SizeKeyword,
    ConstKeyword,
    RecordKeyword,
    FnKeyword,
    RecipeKeyword,
    LetKeyword,
    IfKeyword,
    ThenKeyword,
    ElseKeyword,
    ForKeyword,
    FoldKeyword,
    ScanKeyword,
    AndKeyword,
    OrKeyword,
    NotKeyword,
    TrueKeyword,
    FalseKeyword,
    IdxKeyword,
  ],
  ...reducers.slice().sort((a, b) => b.name.length - a.name.length),
  ...[
    AsKeyword,
    TypeKeyword,
    SettingKeyword,
    StateKeyword,
    TestKeyword,
    ExpectKeyword,
    WithinKeyword,
    FromKeyword,
    IsKeyword,
    RefuseKeyword,
    NullKeyword,
    PerKeyword,
    WithKeyword,
    DownKeyword,
  ],
  Identifier,
  Arrow,
  ...foreign.filter(t => !['!', '&'].includes(t.PATTERN as string)),
  ...comparisons,
  ...foreign.filter(t => ['!', '&'].includes(t.PATTERN as string)),
  ...[LParen, RParen, LBracket, RBracket, LBrace, RBrace, Comma, Colon, Dot, Equals, Bar],
  Minus,
  ...arithmetic,
]

/** Everything the parser must know: the lexed kinds and the categories. */
export const vocabulary: TokenType[] = [...tokenTypes, Reducer, Operator, Arithmetic, Foreign]

export const lexer = new Lexer(tokenTypes, { positionTracking: 'full' })

/** The words that can't be names. */
export const keywords: ReadonlySet<string> = new Set(
  tokenTypes
    .filter(t => t.name.startsWith('Keyword_') && !(t.CATEGORIES ?? []).includes(Identifier))
    .map(t => t.PATTERN as string),
)

/** Whether the token's kind is `type` or belongs to its category. */
export const isA = (token: IToken, type: TokenType): boolean =>
  token.tokenType === type ||
  (token.tokenType.CATEGORIES ?? []).includes(type) ||
  (token.tokenType.CATEGORIES ?? []).some(c => (c.CATEGORIES ?? []).includes(type))

/** Whether a name could be written with this token: an identifier or a contextual keyword. */
export const isName = (token: IToken): boolean => isA(token, Identifier)

/** Whether nothing but white space stands before the token on its line. */
export const startsLine = (text: string, token: IToken): boolean =>
  text.slice(text.lastIndexOf('\n', token.startOffset - 1) + 1, token.startOffset).trim() === ''
