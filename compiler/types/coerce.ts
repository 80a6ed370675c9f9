import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { Context, Why } from './context.js'
import { quote } from './context.js'
import { typeMismatch } from './messages.js'
import type { Mismatch } from './solver.js'
import { errorType, f32, i32, isError } from './solver.js'
import { fieldTypes } from './substitute.js'

/** What an expression in error becomes: its type fits everywhere. */
export const errorExpr = (span: Span): CoreExpr => ({ kind: 'const', value: 0, type: errorType, span })

export const castTo = (type: Type, arg: CoreExpr): CoreExpr => ({ kind: 'cast', arg, type, span: arg.span })

const isScalar = (t: Type, dtype: string): boolean => t.kind === 'scalar' && t.dtype === dtype

/** Makes two types equal; where they are not, says so in the words of `why`, and what `from` the first one came. */
export const unify = (
  cx: Context,
  span: Span,
  actual: Type,
  expected: Type,
  why: Why,
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
  cx: Context,
  span: Span,
  actual: Type,
  expected: Type,
  why: Why,
  from?: Span,
): ((m: Mismatch) => void) => {
  let told = false
  return m => {
    if (told) return
    told = true
    cx.report(typeMismatch(cx, span, actual, expected, m, why, from))
  }
}

const causeText = (span: Span, why: Why): string => {
  const what = quote(span)
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
export const coerce = (cx: Context, e: CoreExpr, expected: Type, why: Why): CoreExpr => {
  const actual = cx.solver.head(e.type)
  const want = cx.solver.head(expected)
  if (isError(actual) || isError(want)) return e
  if (actual.kind === 'idx' && (isScalar(want, 'i32') || cx.solver.isNumber(want))) {
    unify(cx, e.span, i32, want, why)
    return castTo(i32, e)
  }
  if (want.kind === 'per') {
    checkPer(cx, e.span, actual, want.of, why)
    return e
  }
  unify(cx, e.span, actual, want, why, e.kind === 'var' ? cx.locals.get(e.id)?.from : undefined)
  // A record without a name becomes one of its kind, its fields in the declared order.
  if (actual.kind === 'fields' && want.kind === 'record')
    return { kind: 'record', base: e, fields: new Map(), type: want, span: e.span }
  return e
}

/** An `f32`, an `f32` for each field, or what is `f32 per` the same record. */
const checkPer = (cx: Context, span: Span, actual: Type, of: Type, why: Why): void => {
  const tree = cx.solver.head(of)
  if (isError(tree)) return
  if (actual.kind === 'per') {
    unify(cx, span, actual.of, tree, why)
    return
  }
  if (actual.kind === 'scalar' || actual.kind === 'var') {
    unify(cx, span, actual, f32, why)
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
      title: `${quote(span)} is not an f32 for each field of ${cx.show(tree)}`,
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
