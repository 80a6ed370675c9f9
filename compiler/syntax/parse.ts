/**
 * Parsing: from the text of a file to its syntax tree (`ast.ts`), or to syntax errors.
 *
 * The text becomes tokens (`tokens.ts`), the tokens are cut where declarations begin
 * (`split-declarations.ts`), and each declaration is parsed by itself. This is a coarse panic-mode recovery:
 * an error ends its own declaration and hides no error of another. The grammar is LL(2) by recursive descent
 * (Chevrotain); operators are put together by precedence climbing (`precedence.ts`), and doc comments are
 * attached by their places (`doc-comments.ts`).
 *
 *     fn f(x: f32) -> f32 = x + 1   ⟶   { kind: 'fn', name: f, body: { kind: 'binary', op: '+', … } }
 *
 * Names are not resolved here: `a.b` may be a field or a name of the module `a`.
 */
import type { IToken } from 'chevrotain'
import * as E from 'fp-ts/lib/Either.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Source } from '../diagnostics/source.js'
import type { ImportDecl, Item, Module } from './ast.js'
import { Fault } from './base-rules.js'
import { pairBrackets } from './brackets.js'
import { divisionComments } from './division-comments.js'
import { attachDocs } from './doc-comments.js'
import { explainFailure } from './explain-failure.js'
import { lateImport, nestedTooDeeply } from './grammar-errors.js'
import { lexicalErrors } from './lexical.js'
import { parser } from './parser.js'
import { cutDeclarations } from './split-declarations.js'
import * as t from './tokens.js'

/** A file's tokens in order, comments apart: what a formatter starts from. */
export interface Lexed {
  readonly tokens: readonly IToken[]
  /** `// …` */
  readonly comments: readonly IToken[]
  /** `/// …` */
  readonly docs: readonly IToken[]
  readonly errors: readonly Diagnostic[]
}

/**
 * Splits a source into tokens. Text that cannot be lexed is reported in `errors`, and the rest is still
 * lexed.
 */
export const lex = (source: Source): Lexed => {
  const { tokens, groups, errors } = t.lexer.tokenize(source.text)
  return {
    tokens,
    comments: groups.comments ?? [],
    docs: groups.docs ?? [],
    errors: [
      ...lexicalErrors(source, tokens, errors),
      ...divisionComments(source, tokens, groups.comments ?? []),
    ],
  }
}

/** The module of a source, as far as it could be parsed. */
export interface PartlyParsed {
  /** Without the declarations that failed. */
  readonly module: Module
  /** In the order of their places: at most one for the grammar of each declaration. */
  readonly errors: readonly Diagnostic[]
  /**
   * The names that occur in functions, recipes and tests that failed, which may have declared them. Undefined
   * when something else failed, so that what the rest means is not known.
   */
  readonly lost: ReadonlySet<string> | undefined
}

type Parsed = { readonly import: ImportDecl } | { readonly item: Item }

/**
 * The module that a source spells, or all its syntax errors in the order of their places: at most one for the
 * grammar of each declaration, and every error of characters, numbers and strings.
 */
export const parse = (source: Source): E.Either<readonly Diagnostic[], Module> => {
  const { module, errors } = parsePartly(source)
  return errors.length > 0 ? E.left(errors) : E.right(module)
}

/** Whether the other declarations mean the same without one that begins so. */
const standsAlone = (head: IToken): boolean =>
  [t.FnKeyword, t.RecipeKeyword, t.TestKeyword].includes(head.tokenType)

/** The declarations of a source that could be parsed, and all its syntax errors. */
export const parsePartly = (source: Source): PartlyParsed => {
  const lexed = lex(source)
  const docs = attachDocs(source, lexed.tokens, lexed.docs)
  const errors: Diagnostic[] = [...lexed.errors]
  const imports: ImportDecl[] = []
  const items: Item[] = []
  const parts = cutDeclarations(source, lexed.tokens)
  const failed: (readonly IToken[])[] = []

  for (const [at, tokens] of parts.entries()) {
    const [from, to] = [tokens[0]!.startOffset, parts[at + 1]?.[0]?.startOffset ?? source.text.length]
    const pairs = pairBrackets(source, tokens)
    const unlexed = lexed.errors.some(e => e.labels[0]!.span.start >= from && e.labels[0]!.span.start < to)
    if (pairs.errors.length > 0 || unlexed) {
      if (!unlexed) errors.push(...pairs.errors)
      failed.push(tokens)
      continue
    }
    const qualifiers = new Set(imports.filter(i => !i.names).map(i => (i.alias ?? i.segments.at(-1)!).text))
    const setting = { source, after: pairs.after, claimDoc: docs.claim, qualifiers }
    const result = attempt(
      tokens,
      () => {
        parser.begin(tokens, setting)
        const parsed: Parsed =
          tokens[0]!.tokenType === t.ImportKeyword ? { import: parser.import() } : { item: parser.item() }
        const failure = parser.errors[0]
        if (failure)
          return E.left([...parser.found, explainFailure(failure, { source, tokens, opener: pairs.opener })])
        return parser.found.length > 0 ? E.left(parser.found) : E.right(parsed)
      },
      source,
    )
    if (E.isLeft(result)) {
      errors.push(...result.left)
      failed.push(tokens)
    } else if ('item' in result.right) items.push(result.right.item)
    else {
      imports.push(result.right.import)
      const first = items[0]
      if (first) errors.push(lateImport(result.right.import.span, first.span))
    }
  }

  return {
    module: {
      ...(docs.module !== undefined && { doc: docs.module }),
      imports,
      items,
      span: { source, start: 0, end: source.text.length },
    },
    errors: inOrder(withoutFollowing(errors, lexed.errors)),
    lost: failed.every(tokens => standsAlone(tokens[0]!))
      ? new Set(failed.flat().flatMap(token => (t.isName(token) ? [token.image] : [])))
      : undefined,
  }
}

/** Runs one declaration's parse; faults and an exhausted stack become diagnostics. */
const attempt = (
  tokens: readonly IToken[],
  run: () => E.Either<readonly Diagnostic[], Parsed>,
  source: Source,
): E.Either<readonly Diagnostic[], Parsed> => {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof Fault) return E.left([...parser.found, thrown.diagnostic])
    if (!(thrown instanceof RangeError)) throw thrown
    const first = tokens[0]!
    return E.left([
      nestedTooDeeply({ source, start: first.startOffset, end: first.startOffset + first.image.length }),
    ])
  }
}

/** Without the errors of grammar on a line that has an error of characters, which may have caused them. */
const withoutFollowing = (
  errors: readonly Diagnostic[],
  lexical: readonly Diagnostic[],
): readonly Diagnostic[] => {
  const lineOf = (d: Diagnostic): number => {
    const { source, start } = d.labels[0]!.span
    return source.text.lastIndexOf('\n', start - 1)
  }
  const lines = new Set(lexical.map(lineOf))
  return errors.filter(d => lexical.includes(d) || !lines.has(lineOf(d)))
}

const inOrder = (errors: readonly Diagnostic[]): readonly Diagnostic[] =>
  [...errors].sort((a, b) => (a.labels[0]?.span.start ?? 0) - (b.labels[0]?.span.start ?? 0))
