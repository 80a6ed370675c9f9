import { defaultParserErrorProvider, EmbeddedActionsParser, type IToken } from 'chevrotain'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Source, Span } from '../diagnostics/source.js'
import type { Name, SourceExpr } from './ast.js'
import type { Claim } from './doc-comments.js'
import { vocabulary } from './tokens.js'

/** The input of the parse of one declaration: its file, and facts about its tokens. */
export interface ParseInput {
  readonly source: Source
  /** From an opening bracket to the token after the one that closes it. */
  readonly after: ReadonlyMap<IToken, IToken | undefined>
  readonly claimDoc: Claim
  /** The names by which imported modules qualify: `llama` in `llama.Model`. */
  readonly qualifiers: ReadonlySet<string>
}

/**
 * Ends the parse of one declaration with a diagnostic of its own; caught where the declaration's parse began.
 */
export class Fault extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.title)
  }
}

/** Expressions nested deeper than this are refused, so that no later pass can exhaust the stack. */
export const deepest = 120
/** The same for chains: operators between operands, `let` after `let`, call after call. */
export const longest = 400

/** The helpers of all rules: spans, names, lookahead over brackets and line breaks. */
export abstract class BaseRules extends EmbeddedActionsParser {
  /** Errors that did not stop the parse. */
  found: Diagnostic[] = []
  protected parseInput!: ParseInput
  protected depth = 0
  /** Expressions that stood in parentheses: `expect (a == b)` is one condition. */
  protected grouped = new WeakSet<SourceExpr>()

  protected constructor() {
    super(vocabulary, {
      maxLookahead: 2,
      recoveryEnabled: false,
      // The words of the messages are made in `explain-failure.ts`, from the name of what was expected.
      errorMessageProvider: {
        ...defaultParserErrorProvider,
        buildMismatchTokenMessage: ({ expected }) => expected.name,
      },
    })
  }

  /** Prepares for the next declaration. */
  begin(tokens: IToken[], setting: ParseInput): void {
    this.parseInput = setting
    this.depth = 0
    this.found = []
    this.grouped = new WeakSet()
    this.input = tokens
  }

  protected spanOf(first: IToken, last: IToken = first): Span {
    return {
      source: this.parseInput?.source,
      start: first.startOffset,
      end: (last.endOffset ?? last.startOffset) + 1,
    }
  }

  /** From a token to the last one consumed. */
  protected spanFrom(first: IToken): Span {
    return this.spanOf(first, this.LA(0))
  }

  protected nameOf(token: IToken): Name {
    return { text: token.image, span: this.spanOf(token) }
  }

  /** Whether the next token stands on the line on which the last one ended. */
  protected sameLine(): boolean {
    return this.LA(0).endLine === this.LA(1).startLine
  }

  /** The token after the bracket that closes the next token. */
  protected afterBracket(): IToken | undefined {
    return this.parseInput.after.get(this.LA(1))
  }
}
