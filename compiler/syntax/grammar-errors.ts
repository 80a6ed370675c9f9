import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { InfixOp } from './precedence.js'

/**
 * The errors that the actions of the grammar find. `explain-failure.ts` explains those that the parser finds.
 */
const grammarError = (
  code: string,
  title: string,
  labels: Diagnostic['labels'],
  hint: string,
): Diagnostic => ({ code, title, labels, hint })

export const nestedTooDeeply = (span: Span): Diagnostic =>
  grammarError(
    'E0112',
    'this is nested too deeply',
    [{ span, text: 'the nesting passes the limit here' }],
    'give the inner parts names with `let`, or move them into functions of their own',
  )

export const chainedComparison = (first: InfixOp, second: InfixOp): Diagnostic =>
  grammarError(
    'E0111',
    'comparisons cannot be chained',
    [
      { span: second.span, text: `this \`${second.op}\` would compare a bool` },
      { span: first.span, text: 'with what this comparison gives' },
    ],
    `write both and join them: \`a ${first.op} b and b ${second.op} c\``,
  )

export const reductionAsCall = (word: string, span: Span): Diagnostic =>
  grammarError(
    'E0116',
    `\`${word}\` is not a function of a tensor`,
    [{ span, text: 'a reduction names the index that it folds away' }],
    `write \`${word} i -> x[i]\` for \`${word}(x)\``,
  )

export const unguardedAt = (span: Span): Diagnostic =>
  grammarError(
    'E0115',
    'a guarded read says what to give outside the tensor',
    [{ span, text: 'no `else:` among these' }],
    'write `x.at(i, else: 0)`; if the position is an index, plain `x[i]` is enough',
  )

export const emptyParentheses = (span: Span): Diagnostic =>
  grammarError(
    'E0105',
    'expected an expression, found nothing between the parentheses',
    [{ span, text: 'there is no empty tuple' }],
    'a function without parameters is written `() -> e`; a record without fields is `{}`',
  )

export const parameterWithoutType = (name: string, span: Span): Diagnostic =>
  grammarError(
    'E0118',
    `the parameter \`${name}\` has no type`,
    [{ span, text: 'its type is missing' }],
    `write \`${name}: f32[N]\` (or whatever it is): the signatures of top-level functions are written out`,
  )

export const withoutResult = (name: string, at: Span, found: string): Diagnostic =>
  grammarError(
    'E0108',
    `the function \`${name}\` does not say what it returns`,
    [{ span: at, text: `expected \`-> type\` before ${found}` }],
    `write \`fn ${name}(…) -> f32[N] = …\``,
  )

export const secondState = (name: string, first: Span, second: Span): Diagnostic =>
  grammarError(
    'E0119',
    `the recipe \`${name}\` has two \`state\` blocks`,
    [
      { span: second, text: 'the second one' },
      { span: first, text: 'the first one' },
    ],
    'put all the fields into one block',
  )

export const lateImport = (span: Span, item: Span): Diagnostic =>
  grammarError(
    'E0117',
    'imports stand at the head of the file',
    [
      { span, text: 'this import comes too late' },
      { span: item, text: 'the declarations begin here' },
    ],
    'move it above the first declaration',
  )

export const foreignEntryOperator = (operator: string, span: Span): Diagnostic =>
  grammarError(
    'E0105',
    `entries of the configuration cannot be joined by \`${operator}\``,
    [{ span, text: 'not an operator of `from` clauses' }],
    'a `from` clause knows `+`, `-`, `*`, `/`, `or`, `else`, `is`, `>` and `>=`',
  )
