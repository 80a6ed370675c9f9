import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext, ExpectedBy } from './body-context.js'
import { quoteSource } from './body-context.js'
import { typeMismatch } from './mismatch-messages.js'
import type { Mismatch } from './solver.js'
import { errorType, isError, typeF32, typeI32 } from './solver.js'
import { fieldTypes } from './type-traversal.js'

/** What an expression in error becomes: its type fits everywhere. */
export const errorExpr = (span: Span): CoreExpr => ({ kind: 'const', value: 0, type: errorType, span })

export const castTo = (type: Type, arg: CoreExpr): CoreExpr => ({ kind: 'cast', arg, type, span: arg.span })

const isScalar = (t: Type, dtype: string): boolean => t.kind === 'scalar' && t.dtype === dtype

/** Makes two types equal; where they are not, says so in the words of `why`, and what `from` the first one came. */
export const unifyTypes = (
  cx: BodyContext,
  span: Span,
  actual: Type,
  expected: Type,
  why: ExpectedBy,
  from?: Span,
): boolean =>
  cx.solver.unify(
    actual,
    expected,
    { span, text: causeText(span, why) },
    once(cx, span, actual, expected, why, from),
  )

/** One message for one pair of types, however many of their sizes disagree. */
const once = (
  cx: BodyContext,
  span: Span,
  actual: Type,
  expected: Type,
  why: ExpectedBy,
  from?: Span,
): ((m: Mismatch) => void) => {
  let told = false
  return m => {
    if (told) return
    told = true
    cx.report(typeMismatch(cx, span, actual, expected, m, why, from))
  }
}

const causeText = (span: Span, why: ExpectedBy): string => {
  const what = quoteSource(span)
  switch (why.kind) {
    case 'argument':
      return `${what} is handed to \`${why.fn}\` here`
    case 'result':
      return `this is what \`${why.fn}\` gives`
    default:
      return `${what} is used here`
  }
}

/** The expression where a type is expected: an index becomes an `i32`, an `f32` serves as `f32 per P`. */
export const coerce = (cx: BodyContext, e: CoreExpr, expected: Type, why: ExpectedBy): CoreExpr => {
  const actual = cx.solver.head(e.type)
  const want = cx.solver.head(expected)
  if (isError(actual) || isError(want)) return e
  if (actual.kind === 'idx' && (isScalar(want, 'i32') || cx.solver.isNumber(want))) {
    unifyTypes(cx, e.span, typeI32, want, why)
    return castTo(typeI32, e)
  }
  if (want.kind === 'per') {
    checkPer(cx, e.span, actual, want.of, why)
    return e
  }
  unifyTypes(cx, e.span, actual, want, why, e.kind === 'var' ? cx.locals.get(e.id)?.from : undefined)
  // A record without a name becomes one of its kind, its fields in the declared order.
  if (actual.kind === 'fields' && want.kind === 'record')
    return { kind: 'record', base: e, fields: new Map(), type: want, span: e.span }
  return e
}

/** An `f32`, an `f32` for each field, or what is `f32 per` the same record. */
const checkPer = (cx: BodyContext, span: Span, actual: Type, of: Type, why: ExpectedBy): void => {
  const tree = cx.solver.head(of)
  if (isError(tree)) return
  if (actual.kind === 'per') {
    unifyTypes(cx, span, actual.of, tree, why)
    return
  }
  if (actual.kind === 'scalar' || actual.kind === 'var') {
    unifyTypes(cx, span, actual, typeF32, why)
    return
  }
  // A tree that nothing tells is an error of its own.
  if (tree.kind === 'var') return
  const inner = tree.kind === 'array' ? cx.solver.head(tree.element) : tree
  const wanted = inner.kind === 'record' || inner.kind === 'fields' ? fieldTypes(inner) : undefined
  const given = actual.kind === 'record' || actual.kind === 'fields' ? fieldTypes(actual) : undefined
  const missing =
    wanted === undefined || given === undefined ? [] : [...wanted.keys()].filter(n => !given.has(n))
  const extra =
    wanted === undefined || given === undefined ? [] : [...given.keys()].filter(n => !wanted.has(n))
  if (wanted === undefined || given === undefined || missing.length > 0 || extra.length > 0) {
    cx.report({
      code: 'E0331',
      title: `${quoteSource(span)} is not an f32 for each field of ${cx.show(tree)}`,
      labels: [
        {
          span,
          text:
            missing.length > 0
              ? `lacks ${missing.map(n => `\`${n}\``).join(', ')}`
              : extra.length > 0
                ? `has ${extra.map(n => `\`${n}\``).join(', ')} too many`
                : `this is ${cx.show(actual)}`,
        },
      ],
      hint:
        wanted === undefined
          ? 'one `f32` does for all'
          : `write one \`f32\`, or \`{ ${[...wanted.keys()].map(n => `${n}: …`).join(', ')} }\``,
    })
    return
  }
  for (const [n, t] of wanted) checkPer(cx, span, cx.solver.head(given.get(n)!), t, why)
}
