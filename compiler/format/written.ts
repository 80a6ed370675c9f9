import type { IToken } from 'chevrotain'
import type { Source, Span } from '../diagnostics/source.js'
import { lex } from '../syntax/parse.js'
import * as t from '../syntax/tokens.js'
import type { Doc } from './layout.js'

/** The tokens of a source by number, with the comments that stand between them. */
export interface Written {
  readonly source: Source
  readonly tokens: readonly IToken[]
  /** The token with which something begins. */
  first(span: Span): number
  /** The token with which something ends. */
  last(span: Span): number
  /** For a bracket that opens, the one that closes it. */
  partner(token: number): number | undefined
  /** Whether comments stand before the token, behind the one before. */
  commented(token: number): boolean
  /** Whether a token stands without a gap before the next one: the sign of a number. */
  readonly tight: Set<number>
  /** Blanks to write before a token, so that columns align. */
  readonly padding: Map<number, number>
  /** The same for the comment behind a token. */
  readonly commentPadding: Map<number, number>
  /** What stands between a token and the one before: `wanted`, unless comments say otherwise. */
  gap(token: number, wanted?: Doc): Doc
  /** A gap with a line break, and with the empty line that the source has there. */
  breakBefore(token: number, blank?: boolean): Doc
  /** Tokens one after the other, from the first to the last. */
  run(first: number, last: number): Doc
  /** The text of a run that has no comments. */
  text(first: number, last: number): string
  /** The comments behind the last token. */
  ending(): Doc
  readonly comments: readonly (readonly Comment[])[]
}

/** A comment, as it stands behind a token or on lines of its own. */
export interface Comment {
  readonly text: string
  readonly ownLine: boolean
  /** Whether an empty line stands before it. */
  readonly blank: boolean
}

const closers: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
])

/** A `-` behind one of these is a sign. */
const beforeSign = (token: IToken): boolean =>
  !t.isName(token) && !t.isA(token, t.Reducer) && !/^[0-9"]|^[)\]}]$|^(?:true|false)$/.test(token.image)

/** What stands between two tokens that no rule of a construct speaks of. */
const lexicalGap = (before: IToken, after: IToken): string => {
  const [left, right] = [before.image, after.image]
  if (left === '(' || left === '[' || left === '.') return ''
  if (right === ')' || right === ']' || right === ',' || right === ':' || right === '.') return ''
  if (left === '{' && right === '}') return ''
  const opens = right === '(' || right === '['
  if (opens && (t.isName(before) || left === ')' || left === ']' || left === 'idx')) return ''
  return ' '
}

/** Reads the tokens and comments of a source without errors of the lexer. */
export const readWritten = (source: Source): Written => {
  const { tokens, comments: plain, docs } = lex(source)
  const starts = new Map(tokens.map((token, at) => [token.startOffset, at]))
  const ends = new Map(tokens.map((token, at) => [token.startOffset + token.image.length, at]))
  const partners = new Map<number, number>()
  const open: number[] = []
  tokens.forEach((token, at) => {
    if (closers.has(token.image)) open.push(at)
    else if (closers.get(tokens[open.at(-1) ?? -1]?.image ?? '') === token.image)
      partners.set(open.pop()!, at)
  })
  const comments: Comment[][] = Array.from({ length: tokens.length + 1 }, () => [])
  const blanks = Array.from({ length: tokens.length + 1 }, () => false)
  const all = [...plain, ...docs].sort((a, b) => a.startOffset - b.startOffset)
  let next = 0
  let end = 0
  const between = (to: number): string => source.text.slice(end, to)
  const emptyLine = (text: string): boolean => (text.match(/\n/g) ?? []).length > 1
  for (let at = 0; at <= tokens.length; at++) {
    const to = tokens[at]?.startOffset ?? source.text.length
    for (; all[next] !== undefined && all[next]!.startOffset < to; next++) {
      const { startOffset, image } = all[next]!
      const gap = between(startOffset)
      const ownLine = (at === 0 && comments[0]!.length === 0) || gap.includes('\n')
      comments[at]!.push({ text: image.trimEnd(), ownLine, blank: emptyLine(gap) })
      end = startOffset + image.length
    }
    blanks[at] = emptyLine(between(to))
    end = to + (tokens[at]?.image.length ?? 0)
  }

  const tight = new Set<number>()
  const padding = new Map<number, number>()
  const commentPadding = new Map<number, number>()
  tokens.forEach((token, at) => {
    if (token.image === '-' && at > 0 && beforeSign(tokens[at - 1]!)) tight.add(at)
  })

  const commentDocs = (at: number, top: boolean): readonly Doc[] =>
    comments[at]!.map((c, i): Doc => {
      if (c.ownLine) return [top && i === 0 ? '' : { kind: 'hard', blank: c.blank && at + i > 0 }, c.text]
      return { kind: 'remark', text: `  ${' '.repeat(commentPadding.get(at - 1) ?? 0)}${c.text}` }
    })

  const gapText = (at: number): string => {
    if (at === 0 || tight.has(at - 1)) return ''
    return lexicalGap(tokens[at - 1]!, tokens[at]!) + ' '.repeat(padding.get(at) ?? 0)
  }

  const written: Written = {
    source,
    tokens,
    first: span => starts.get(span.start)!,
    last: span => ends.get(span.end)!,
    partner: token => partners.get(token),
    commented: token => comments[token]!.length > 0,
    tight,
    padding,
    commentPadding,
    comments,
    gap: (at, wanted) => {
      if (comments[at]!.length === 0) return wanted ?? gapText(at)
      const blank = at > 0 && blanks[at]!
      return [commentDocs(at, at === 0), { kind: 'hard', blank: blank || (at === 0 && blanks[0]!) }]
    },
    breakBefore: (at, blank = false) => {
      const forced = blank && !blanks[at] && !comments[at]!.some(c => c.blank)
      const ownLines = comments[at]!.findIndex(c => c.ownLine)
      if (comments[at]!.length === 0) return { kind: 'hard', blank: blank || blanks[at]! }
      const docs = commentDocs(at, false)
      const docsWithBlank = docs.map(
        (d, i): Doc =>
          forced && i === ownLines ? [{ kind: 'hard', blank: true }, comments[at]![i]!.text] : d,
      )
      return [docsWithBlank, { kind: 'hard', blank: blanks[at]! || (forced && ownLines < 0) }]
    },
    run: (first, last) => {
      const parts: Doc[] = []
      for (let at = first; at <= last; at++) parts.push(at > first ? written.gap(at) : '', tokens[at]!.image)
      return parts
    },
    text: (first, last) => {
      let text = ''
      for (let at = first; at <= last; at++) text += (at > first ? gapText(at) : '') + tokens[at]!.image
      return text
    },
    ending: () => commentDocs(tokens.length, tokens.length === 0),
  }
  return written
}

/** A space that may be a line break, before a token. */
export const breakable = (written: Written, token: number): Doc =>
  written.gap(token, { kind: 'line', flat: ' '.repeat(1 + (written.padding.get(token) ?? 0)) })
