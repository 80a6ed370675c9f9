import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { type Fix, hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import { wholeReduction } from './foreign-brackets.js'
import type { InfixOp } from './precedence.js'

/**
 * The errors that the actions of the grammar find. `explain-failure.ts` explains those that the parser finds.
 */
const grammarError = (
  code: string,
  title: string,
  labels: Diagnostic['labels'],
  [hint, fix]: readonly [hint: string, fix?: Fix | undefined],
): Diagnostic => ({ code, title, labels, ...hintWithFix(hint, fix) })

export const nestedTooDeeply = (span: Span): Diagnostic =>
  grammarError(
    'E0112',
    'this is nested too deeply',
    [{ span, text: 'the nesting passes the limit here' }],
    ['give the inner parts names with `let`, or move them into functions of their own'],
  )

export const chainedComparison = (first: InfixOp, second: InfixOp): Diagnostic =>
  grammarError(
    'E0111',
    'comparisons cannot be chained',
    [
      { span: second.span, text: `this \`${second.op}\` would compare a bool` },
      { span: first.span, text: 'with what this comparison gives' },
    ],
    [`write both and join them: \`a ${first.op} b and b ${second.op} c\``, joined(first, second)],
  )

/** The operand in the middle, once more. */
const joined = (first: InfixOp, second: InfixOp): Fix => {
  const { source, start } = second.span
  const middle = source.text.slice(first.span.end, start).trim()
  return replaceBy({ source, start, end: start }, `and ${middle} `, { title: `insert \`and ${middle}\`` })
}

export const reductionAsCall = (word: string, span: Span): Diagnostic =>
  grammarError(
    'E0116',
    `\`${word}\` is not a function of a tensor`,
    [{ span, text: 'a reduction names the index that it folds away' }],
    [`write \`${reductionOf(word, span).written}\``, reductionOf(word, span).fix],
  )

const reductionOf = (word: string, span: Span): { readonly written: string; readonly fix?: Fix } => {
  const { text } = span.source
  const [call, tensor, more] = /^\(\s*([A-Za-z_][\w.]*)\s*(,[^()]*)?\)/.exec(text.slice(span.end)) ?? []
  if (call === undefined || tensor === undefined) return { written: `${word} i -> x[i]` }
  const written = wholeReduction(text, word, tensor)
  const whole = { ...span, end: span.end + call.length }
  return { written, ...(more === undefined && { fix: replaceBy(whole, written, { sure: false }) }) }
}

export const unguardedAt = (span: Span): Diagnostic =>
  grammarError(
    'E0115',
    'a guarded read says what to give outside the tensor',
    [{ span, text: 'no `else:` among these' }],
    ['write `x.at(i, else: 0)`; if the position is an index, plain `x[i]` is enough'],
  )

export const emptyParentheses = (span: Span): Diagnostic =>
  grammarError(
    'E0105',
    'expected an expression, found nothing between the parentheses',
    [{ span, text: 'there is no empty tuple' }],
    ['a function without parameters is written `() -> e`; a record without fields is `{}`'],
  )

export const parameterWithoutType = (name: string, span: Span): Diagnostic =>
  grammarError(
    'E0118',
    `the parameter \`${name}\` has no type`,
    [{ span, text: 'its type is missing' }],
    [
      `write \`${name}: f32[N]\` (or whatever it is): the signatures of top-level functions are written out`,
      replaceBy({ ...span, start: span.end }, ': f32', { title: `write \`${name}: f32\``, sure: false }),
    ],
  )

export const withoutResult = (name: string, at: Span, found: string): Diagnostic =>
  grammarError(
    'E0108',
    `the function \`${name}\` does not say what it returns`,
    [{ span: at, text: `expected \`-> type\` before ${found}` }],
    [
      `write \`fn ${name}(…) -> f32[N] = …\``,
      replaceBy({ ...at, end: at.start }, '-> f32 ', { title: 'write `-> f32`', sure: false }),
    ],
  )

export const secondState = (name: string, first: Span, second: Span): Diagnostic =>
  grammarError(
    'E0119',
    `the recipe \`${name}\` has two \`state\` blocks`,
    [
      { span: second, text: 'the second one' },
      { span: first, text: 'the first one' },
    ],
    ['put all the fields into one block'],
  )

export const lateImport = (span: Span, item: Span): Diagnostic =>
  grammarError(
    'E0117',
    'imports stand at the head of the file',
    [
      { span, text: 'this import comes too late' },
      { span: item, text: 'the declarations begin here' },
    ],
    ['move it above the first declaration'],
  )

export const foreignEntryOperator = (operator: string, span: Span): Diagnostic =>
  grammarError(
    'E0105',
    `entries of the configuration cannot be joined by \`${operator}\``,
    [{ span, text: 'not an operator of `from` clauses' }],
    ['a `from` clause knows `+`, `-`, `*`, `/`, `or`, `else`, `is`, `>` and `>=`'],
  )
