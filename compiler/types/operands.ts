import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Diagnostic, Label } from '../diagnostics/diagnostic.js'
import { type Fix, hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import { isError, typeF32, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { castTo, unifyTypes } from './coerce.js'
import { suggestFor, suggestReads } from './for-hint.js'
import { distinctLabels, originLabels } from './message-labels.js'
import { quoteSource, sourceText } from './wording.js'

/** An operator, or a function of two numbers, with what it is applied to. */
export interface Operation {
  /** As written: `+`, `maximum`. */
  readonly symbol: string
  readonly sides: readonly [CoreExpr, CoreExpr]
  readonly span: Span
}

/** Two operands of one type. */
export interface UnifiedOperands {
  readonly sides: readonly [CoreExpr, CoreExpr]
  readonly type: Type
}

/** An index takes part in arithmetic as an `i32`. */
export const indexAsInteger = (cx: BodyContext, e: CoreExpr): CoreExpr =>
  cx.solver.head(e.type).kind === 'idx' ? castTo(typeI32, e) : e

export const isTensor = (t: Type): t is Type & { kind: 'tensor' } => t.kind === 'tensor'

export const isNumeric = (cx: BodyContext, t: Type): boolean =>
  cx.solver.isNumber(t) || (t.kind === 'scalar' && t.dtype !== 'bool')

export const labelOperands = (cx: BodyContext, sides: readonly CoreExpr[]): readonly Label[] =>
  distinctLabels([
    ...sides.map(s => ({ span: s.span, text: `this is ${cx.show(s.type)}` })),
    ...sides.flatMap(s => originLabels(cx, s)),
  ])

/** Gives two operands one type of number; undefined when they cannot have one, which is reported. */
export const unifyOperands = (cx: BodyContext, operation: Operation): UnifiedOperands | undefined => {
  const { symbol, span, sides } = operation
  const a = indexAsInteger(cx, sides[0])
  const b = indexAsInteger(cx, sides[1])
  const x = cx.solver.head(a.type)
  const y = cx.solver.head(b.type)
  if (isError(x) || isError(y)) return undefined
  const unifyWith = (e: CoreExpr, expected: Type, other: CoreExpr): boolean =>
    unifyTypes(cx, {
      span: e.span,
      actual: e.type,
      expected,
      why: { kind: 'operand', op: symbol, at: other.span },
    })
  if (cx.solver.isOpen(x) || cx.solver.isOpen(y)) {
    const number = cx.solver.freshType('number', span)
    const known = cx.solver.isOpen(x) ? y : x
    unifyWith(a, cx.solver.isOpen(known) ? number : known, b)
    unifyWith(b, a.type, a)
    return { sides: [a, b], type: cx.solver.head(a.type) }
  }
  if (isTensor(x) && isTensor(y)) {
    if (x.dims.length !== y.dims.length) {
      reportShapes(cx, operation)
      return undefined
    }
    unifyWith(b, a.type, a)
    return { sides: [a, b], type: x }
  }
  if (isTensor(x) || isTensor(y)) {
    if (isNumeric(cx, isTensor(x) ? y : x)) reportShapes(cx, operation)
    else reportNotNumbers(cx, symbol, sides)
    return undefined
  }
  if (!isNumeric(cx, x) || !isNumeric(cx, y)) {
    reportNotNumbers(cx, symbol, sides)
    return undefined
  }
  if (cx.solver.unify(a.type, b.type, { span, text: 'used together' }, () => undefined))
    return { sides: [a, b], type: cx.solver.head(a.type) }
  reportMixedNumbers(cx, operation, x.kind === 'scalar' && x.dtype === 'f32' ? b.span : a.span)
  return undefined
}

const reportMixedNumbers = (cx: BodyContext, { symbol, sides }: Operation, whole: Span): void => {
  const [x, y] = sides.map(s => cx.show(s.type))
  cx.report({
    code: 'E0340',
    title: `\`${symbol}\` of ${x} and ${y}: numbers of different types do not mix`,
    labels: labelOperands(cx, sides).slice(0, 2),
    ...(x === 'f32' || y === 'f32'
      ? hintWithFix(
          `convert the whole number: \`f32(${sourceText(whole, '…')})\``,
          replaceBy(whole, `f32(${whole.source.text.slice(whole.start, whole.end)})`),
        )
      : { hint: 'convert one of them: `i32(…)` or `u32(…)`' }),
  })
}

/** The fix that writes an operation otherwise, in parentheses where it is an operand itself. */
export const fixOf = ({ span }: Pick<Operation, 'span'>, written: string): Fix => {
  const { text } = span.source
  const before = text.slice(0, span.start).trimEnd()
  const operand = /[-+*/^%]$/.test(before) || /^\s*[-+*/^%[]/.test(text.slice(span.end).split('\n')[0] ?? '')
  const loops = /^(for|all|any|sum) /.test(written)
  return replaceBy(span, loops && operand ? `(${written})` : written, { sure: !written.includes('…') })
}

const reportShapes = (cx: BodyContext, operation: Operation): void => {
  const { symbol, sides } = operation
  const [x, y] = sides.map(s => cx.show(s.type))
  const elementwise = suggestReads(cx, symbol, sides) ?? suggestFor(cx, symbol, sides)
  cx.report({
    code: 'E0341',
    title: `\`${symbol}\` of ${x} and ${y}: shapes differ and nothing is broadcast`,
    labels: labelOperands(cx, sides),
    ...hintWithFix(`write which element goes with which: \`${elementwise}\``, fixOf(operation, elementwise)),
  })
}

/** Reports those operands that are neither numbers nor tensors of numbers. */
export const reportNotNumbers = (cx: BodyContext, symbol: string, sides: readonly CoreExpr[]): void => {
  const bad = sides.filter(s => {
    const t = cx.solver.head(s.type)
    return !isNumeric(cx, t) && t.kind !== 'idx' && !isTensor(t)
  })
  const first = bad[0] ?? sides[0]!
  const type = cx.solver.head(first.type)
  const hint = notNumberHint(type)
  cx.report({
    code: 'E0342',
    title: `\`${symbol}\` wants numbers, but ${quoteSource(first.span)} is ${cx.show(type)}`,
    labels: labelOperands(cx, bad),
    ...(hint !== undefined && { hint }),
  })
}

const notNumberHint = (type: Type): string | undefined => {
  switch (type.kind) {
    case 'record':
    case 'fields':
    case 'param':
    case 'array':
      return 'trees are combined element by element: `map((a, b) -> …, x, y)`'
    case 'scalar':
      return type.dtype === 'bool' ? 'convert it: `f32(…)` is 1 where it is true, 0 where not' : undefined
    case 'tuple':
      return 'take it apart: `let (a, b) = …`'
    case 'fn':
      return 'call it'
    default:
      return undefined
  }
}

/**
 * Makes sure that every element of the result is an `f32`; false when not, which is reported with the hint.
 */
export const requireFloat = (
  cx: BodyContext,
  symbol: string,
  result: { readonly type: Type; readonly span: Span },
  advice: Pick<Diagnostic, 'hint' | 'fixes'>,
): boolean => {
  const { span } = result
  const t = cx.solver.head(result.type)
  const element = t.kind === 'tensor' ? t.element : t
  const cause = { span, text: `an operand of \`${symbol}\`` }
  if (cx.solver.unify(element, typeF32, cause, () => undefined)) return true
  cx.report({
    code: 'E0343',
    title: `\`${symbol}\` is for f32, and these are ${cx.show(element)}`,
    labels: [{ span, text: `this is ${cx.show(t)}` }],
    ...advice,
  })
  return false
}
