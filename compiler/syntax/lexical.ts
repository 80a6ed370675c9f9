import type { ILexingError, IToken } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Source, Span } from '../diagnostics/source.js'
import * as t from './tokens.js'
import { valueOfNumber } from './type-rules.js'

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' }

/** The text of a string token: `\n \t \r \" \\` and `\u0041` mean what they do in JSON. */
export const decodeString = (image: string): string =>
  image
    .slice(1, -1)
    .replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, mark: string) =>
      hex === undefined ? (escapes[mark] ?? mark) : String.fromCharCode(Number.parseInt(hex, 16)),
    )

/** The string token for a text; `decodeString` undoes it. */
export const encodeString = (text: string): string => `"${[...text].map(encodeCharacter).join('')}"`

const encodeCharacter = (character: string): string => {
  const short = Object.entries(escapes).find(([, meant]) => meant === character)?.[0]
  if (short !== undefined) return `\\${short}`
  const code = character.charCodeAt(0)
  const plain = code >= 0x20 && code !== 0x2028 && code !== 0x2029
  return plain ? character : `\\u${code.toString(16).padStart(4, '0')}`
}

/** The errors in characters, numbers and strings, which need no grammar. */
export const lexicalErrors = (
  source: Source,
  tokens: readonly IToken[],
  errors: readonly ILexingError[],
): readonly Diagnostic[] => {
  const spanAt = (start: number, length: number): Span => ({ source, start, end: start + length })
  return [
    ...errors.map(e =>
      unknownCharacters(source.text.slice(e.offset, e.offset + e.length), spanAt(e.offset, e.length)),
    ),
    ...tokens.flatMap((token, at) => {
      const span = spanAt(token.startOffset, token.image.length)
      if (token.tokenType === t.NumberToken) return numberErrors(token, tokens[at + 1], span)
      if (token.tokenType === t.OpenString) return [openString(span)]
      if (token.tokenType === t.StringToken) return stringErrors(token, span)
      return []
    }),
  ]
}

const looksLike: Readonly<Record<string, string>> = {
  '#': 'comments begin with `//`, doc comments with `///`',
  "'":
    'strings stand between double quotes, in `from` clauses and the titles of tests; ' +
    'a prime may only end a name',
  '`': 'strings stand between double quotes',
  '≤': 'write `<=`',
  '≥': 'write `>=`',
  '≠': 'write `!=`',
  '→': 'write `->`',
  '×': 'write `*`',
  '·': 'write `*`',
  '⊙': 'write the product of the elements: `for d -> a[d] * b[d]`',
  '−': 'this is the typographic minus; write `-`',
  '–': 'this is a dash; write `-`',
  '“': 'write a straight quote `"`',
  '”': 'write a straight quote `"`',
  '\u00a0': 'this is a no-break space; write an ordinary one',
}

/** What a character is written as, where one sign is as good as another. */
const sameMark: Readonly<Record<string, string>> = {
  '#': '//',
  '≤': '<=',
  '≥': '>=',
  '≠': '!=',
  '→': '->',
  '×': '*',
  '·': '*',
  '−': '-',
  '–': '-',
  '“': '"',
  '”': '"',
  '\u00a0': ' ',
}

const unknownCharacters = (found: string, span: Span): Diagnostic => {
  const first = String.fromCodePoint(found.codePointAt(0)!)
  const code = `U+${first.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
  const letter = /\p{L}/u.test(first)
  const own = [...found].every(c => c === first) ? sameMark[first] : undefined
  return {
    code: 'E0101',
    title: `the character \`${first}\` (${code}) has no meaning here`,
    labels: [{ span, text: letter ? 'not a letter that names are made of' : 'not part of the language' }],
    ...hintWithFix(
      looksLike[first] ??
        (letter
          ? 'names are made of the letters a to z and A to Z, digits and `_`'
          : 'remove it, or put it into a comment'),
      own === undefined ? undefined : replaceBy(span, own.repeat([...found].length)),
    ),
  }
}

const numberErrors = (token: IToken, next: IToken | undefined, span: Span): Diagnostic[] => {
  if (next && next.startOffset === span.end && /^[A-Za-z_]/.test(next.image)) {
    const whole = { ...span, end: span.end + next.image.length }
    const exponent = /^[eE]$/.test(next.image)
    const suffix = /^(?:[fFdDlLuU]|[fiu](?:16|32|64)|_?f32)$/.test(next.image)
    return [
      {
        code: 'E0102',
        title: `\`${token.image}${next.image}\` is not a number`,
        labels: [{ span: whole, text: 'a number runs into a name' }],
        ...(suffix
          ? hintWithFix('numbers have no suffixes', replaceBy(whole, token.image))
          : {
              hint: exponent
                ? 'an exponent has digits: `1e-5`'
                : `a product is written \`${token.image} * ${next.image}\`, and numbers have no suffixes`,
            }),
      },
    ]
  }
  const value = valueOfNumber(token.image)
  const exact = /^[0-9_]+$/.test(token.image)
    ? Number.isSafeInteger(value)
    : Number.isFinite(Math.fround(value))
  if (exact) return []
  return [
    {
      code: 'E0102',
      title: `the number \`${token.image}\` is too large`,
      labels: [{ span, text: 'this cannot be represented' }],
      hint: 'whole numbers reach to 9007199254740991, others to about 3.4e38; infinity is written `inf`',
    },
  ]
}

const openString = (span: Span): Diagnostic => ({
  code: 'E0103',
  title: 'this string does not end',
  labels: [{ span, text: 'no closing `"` on this line' }],
  hint: 'close it with `"`; a line break inside a string is written `\\n`',
})

const stringErrors = (token: IToken, span: Span): Diagnostic[] =>
  [...token.image.slice(1, -1).matchAll(/\\(u[0-9a-fA-F]{4}|.)/g)]
    .filter(([, mark]) => mark!.length === 1 && !(mark! in escapes))
    .map(match => ({
      code: 'E0103',
      title: `\`${match[0]}\` is not an escape`,
      labels: [
        {
          span: { ...span, start: span.start + 1 + match.index, end: span.start + 3 + match.index },
          text: 'in this string',
        },
      ],
      hint:
        'the escapes are \\n \\t \\r \\" \\\\ and \\u with four hexadecimal digits; ' +
        'a backslash is written \\\\',
    }))
