import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import { errorType, isError, typeF32, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import type { Expected, ExpectedBy, TypeEquation } from './expected.js'
import { typeMismatch } from './mismatch-messages.js'
import type { Mismatch } from './size-solver.js'
import { fieldTypes } from './type-traversal.js'
import { quoteAll, quoteSource } from './wording.js'

/** The core of an expression in error. Its type unifies with every type. */
export const errorExpr = (span: Span): CoreExpr => ({ kind: 'const', value: 0, type: errorType, span })

export const castTo = (type: Type, arg: CoreExpr): CoreExpr => ({ kind: 'cast', arg, type, span: arg.span })

/** Makes two types equal, and reports it once when they are not, however many of their sizes differ. */
export const unifyTypes = (cx: BodyContext, equation: TypeEquation): boolean => {
  const { span, actual, expected, why } = equation
  let reported = false
  const fail = (m: Mismatch): void => {
    if (!reported) cx.report(typeMismatch(cx, equation, m))
    reported = true
  }
  return cx.solver.unify(actual, expected, { span, text: causeText(span, why) }, fail)
}

const causeText = (span: Span, why: ExpectedBy): string => {
  const expression = quoteSource(span)
  switch (why.kind) {
    case 'argument':
      return `${expression} is handed to \`${why.fn}\` here`
    case 'result':
      return `this is the result of \`${why.fn}\``
    default:
      return `${expression} is used here`
  }
}

/** The expression where a type is expected. An index becomes an `i32`, and an `f32` serves as `f32 per P`. */
export const coerce = (cx: BodyContext, e: CoreExpr, expected: Type, why: ExpectedBy): CoreExpr => {
  const actual = cx.solver.head(e.type)
  const want = cx.solver.head(expected)
  if (isError(actual) || isError(want)) return e
  const wantsInteger = (want.kind === 'scalar' && want.dtype === 'i32') || cx.solver.isNumber(want)
  if (actual.kind === 'idx' && wantsInteger) {
    unifyTypes(cx, { span: e.span, actual: typeI32, expected: want, why })
    return castTo(typeI32, e)
  }
  if (want.kind === 'per') {
    checkPer(cx, e.span, actual, { type: want.of, why })
    return e
  }
  const from = e.kind === 'var' ? cx.locals.get(e.id)?.from : undefined
  unifyTypes(cx, { span: e.span, actual, expected: want, why, from })
  // A record without a name becomes one of the named kind, with its fields in the declared order.
  if (actual.kind === 'fields' && want.kind === 'record')
    return { kind: 'record', base: e, fields: new Map(), type: want, span: e.span }
  return e
}

/** Checks what serves as `f32 per P`: an `f32`, an `f32` for each field, or an `f32 per` the same record. */
const checkPer = (cx: BodyContext, span: Span, actual: Type, { type: of, why }: Expected): void => {
  const tree = cx.solver.head(of)
  if (isError(tree)) return
  if (actual.kind === 'per') {
    unifyTypes(cx, { span, actual: actual.of, expected: tree, why })
    return
  }
  if (actual.kind === 'scalar' || actual.kind === 'var') {
    unifyTypes(cx, { span, actual, expected: typeF32, why })
    return
  }
  // The missing type of the tree is an error of its own.
  if (tree.kind === 'var') return
  const wanted = fieldsOf(tree.kind === 'array' ? cx.solver.head(tree.element) : tree)
  const given = fieldsOf(actual)
  const both = wanted !== undefined && given !== undefined
  const missing = both ? [...wanted.keys()].filter(n => !given.has(n)) : []
  const extra = both ? [...given.keys()].filter(n => !wanted.has(n)) : []
  if (!both || missing.length > 0 || extra.length > 0) {
    const fault =
      missing.length > 0
        ? `lacks ${quoteAll(missing)}`
        : extra.length > 0
          ? `has ${quoteAll(extra)} too many`
          : `this is ${cx.show(actual)}`
    cx.report(notPerField({ span, tree: cx.show(tree), fault, wanted }))
    return
  }
  for (const [n, type] of wanted) checkPer(cx, span, cx.solver.head(given.get(n)!), { type, why })
}

const fieldsOf = (t: Type): ReadonlyMap<string, Type> | undefined =>
  t.kind === 'record' || t.kind === 'fields' ? fieldTypes(t) : undefined

const notPerField = ({
  span,
  tree,
  fault,
  wanted,
}: {
  readonly span: Span
  readonly tree: string
  readonly fault: string
  readonly wanted: ReadonlyMap<string, Type> | undefined
}): Diagnostic => ({
  code: 'E0331',
  title: `${quoteSource(span)} is not an f32 for each field of ${tree}`,
  labels: [{ span, text: fault }],
  hint:
    wanted === undefined
      ? 'one `f32` does for all'
      : `write one \`f32\`, or \`{ ${[...wanted.keys()].map(n => `${n}: …`).join(', ')} }\``,
})
