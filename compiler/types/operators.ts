import type { CoreExpr, CoreOp } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { BinaryOp, SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env } from './body-context.js'
import { quoteSource } from './body-context.js'
import { castTo, coerce, errorExpr, unifyTypes } from './coerce.js'
import { check, infer } from './elaborate.js'
import { suggestFor, suggestReads } from './for-hint.js'
import { distinctLabels, originOf } from './mismatch-messages.js'
import { isError, typeBool, typeF32, typeI32 } from './solver.js'

const arithmetic: ReadonlyMap<string, CoreOp> = new Map([
  ['+', 'add'],
  ['-', 'sub'],
  ['*', 'mul'],
  ['/', 'div'],
  ['%', 'mod'],
  ['^', 'pow'],
])
const comparisons: ReadonlyMap<string, CoreOp> = new Map([
  ['==', 'eq'],
  ['!=', 'ne'],
  ['<', 'lt'],
  ['<=', 'le'],
  ['>', 'gt'],
  ['>=', 'ge'],
])

const op = (name: CoreOp, args: readonly CoreExpr[], type: Type, span: Span): CoreExpr => ({
  kind: 'op',
  op: name,
  args,
  type,
  span,
})

/** An index takes part in arithmetic as an `i32`. */
const asInteger = (cx: BodyContext, e: CoreExpr): CoreExpr =>
  cx.solver.head(e.type).kind === 'idx' ? castTo(typeI32, e) : e

const isTensor = (t: Type): boolean => t.kind === 'tensor'
const isNumeric = (cx: BodyContext, t: Type): boolean =>
  cx.solver.isNumber(t) || (t.kind === 'scalar' && t.dtype !== 'bool')

const labelsOf = (cx: BodyContext, sides: readonly CoreExpr[]) => {
  const origins = sides.flatMap(s => {
    const o = originOf(cx, s)
    return o === undefined ? [] : [o]
  })
  return distinctLabels([
    ...sides.map(s => ({ span: s.span, text: `this is ${cx.show(s.type)}` })),
    ...origins,
  ])
}

/** Two operands become one kind of number; undefined when they cannot, which is reported. */
export const unifyOperands = (
  cx: BodyContext,
  symbol: string,
  span: Span,
  left: CoreExpr,
  right: CoreExpr,
): { readonly left: CoreExpr; readonly right: CoreExpr; readonly type: Type } | undefined => {
  const a = asInteger(cx, left)
  const b = asInteger(cx, right)
  const x = cx.solver.head(a.type)
  const y = cx.solver.head(b.type)
  if (isError(x) || isError(y)) return undefined
  if (cx.solver.isOpen(x) || cx.solver.isOpen(y)) {
    const number = cx.solver.freshType('number', span)
    const known = cx.solver.isOpen(x) ? y : x
    unifyTypes(cx, a.span, a.type, cx.solver.isOpen(known) ? number : known, {
      kind: 'operand',
      op: symbol,
      at: b.span,
    })
    unifyTypes(cx, b.span, b.type, a.type, { kind: 'operand', op: symbol, at: a.span })
    return { left: a, right: b, type: cx.solver.head(a.type) }
  }
  if (isTensor(x) && isTensor(y)) {
    if (x.kind === 'tensor' && y.kind === 'tensor' && x.dims.length !== y.dims.length) {
      shapesDiffer(cx, symbol, left, right)
      return undefined
    }
    unifyTypes(cx, b.span, b.type, a.type, { kind: 'operand', op: symbol, at: a.span })
    return { left: a, right: b, type: x }
  }
  if (isTensor(x) || isTensor(y)) {
    const other = isTensor(x) ? y : x
    if (isNumeric(cx, other)) shapesDiffer(cx, symbol, left, right)
    else notNumbers(cx, symbol, [left, right])
    return undefined
  }
  if (!isNumeric(cx, x) || !isNumeric(cx, y)) {
    notNumbers(cx, symbol, [left, right])
    return undefined
  }
  const same = cx.solver.unify(a.type, b.type, { span, text: 'used together' }, () => undefined)
  if (same) return { left: a, right: b, type: cx.solver.head(a.type) }
  const whole = x.kind === 'scalar' && x.dtype === 'f32' ? b : a
  const [wx, wy] = [cx.show(left.type), cx.show(right.type)]
  cx.report({
    code: 'E0340',
    title: `\`${symbol}\` of ${wx} and ${wy}: numbers of different kinds do not mix`,
    labels: labelsOf(cx, [left, right]).slice(0, 2),
    hint:
      wx === 'f32' || wy === 'f32'
        ? `convert the whole number: \`f32(${quoteSource(whole.span, '`…`').replaceAll('`', '')})\``
        : 'convert one of them: `i32(…)` or `u32(…)`',
  })
  return undefined
}

const shapesDiffer = (cx: BodyContext, symbol: string, left: CoreExpr, right: CoreExpr): void => {
  cx.report({
    code: 'E0341',
    title: `\`${symbol}\` of ${cx.show(left.type)} and ${cx.show(right.type)}: shapes differ and nothing is broadcast`,
    labels: labelsOf(cx, [left, right]),
    hint: `write which element goes with which: \`${suggestReads(cx, symbol, [left, right]) ?? suggestFor(cx, symbol, [left, right])}\``,
  })
}

const notNumbers = (cx: BodyContext, symbol: string, sides: readonly CoreExpr[]): void => {
  const bad = sides.filter(s => {
    const t = cx.solver.head(s.type)
    return !isNumeric(cx, t) && t.kind !== 'idx' && !isTensor(t)
  })
  const first = cx.solver.head((bad[0] ?? sides[0]!).type)
  const tree =
    first.kind === 'record' || first.kind === 'fields' || first.kind === 'param' || first.kind === 'array'
  const hint = tree
    ? 'trees are combined element by element: `map((a, b) -> …, x, y)`'
    : first.kind === 'scalar' && first.dtype === 'bool'
      ? 'convert it: `f32(…)` is 1 where it is true, 0 where not'
      : first.kind === 'tuple'
        ? 'take it apart: `let (a, b) = …`'
        : first.kind === 'fn'
          ? 'call it'
          : undefined
  cx.report({
    code: 'E0342',
    title: `\`${symbol}\` wants numbers, but ${quoteSource((bad[0] ?? sides[0]!).span)} is ${cx.show(first)}`,
    labels: labelsOf(cx, bad),
    ...(hint !== undefined && { hint }),
  })
}

/** Whether every element is an `f32`; a literal becomes one. */
const becomeFloat = (cx: BodyContext, symbol: string, type: Type, span: Span, hint: string): boolean => {
  const t = cx.solver.head(type)
  const element = t.kind === 'tensor' ? t.element : t
  if (cx.solver.unify(element, typeF32, { span, text: `an operand of \`${symbol}\`` }, () => undefined))
    return true
  cx.report({
    code: 'E0343',
    title: `\`${symbol}\` is for f32, and these are ${cx.show(element)}`,
    labels: [{ span, text: `this is ${cx.show(t)}` }],
    hint,
  })
  return false
}

export const elaborateBinary = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'binary' }): CoreExpr => {
  if (e.op === 'and' || e.op === 'or') {
    const why = { kind: 'operand', op: e.op } as const
    return op(
      e.op,
      [check(cx, env, e.left, typeBool, why), check(cx, env, e.right, typeBool, why)],
      typeBool,
      e.span,
    )
  }
  const [left, right] = operands(cx, env, e)
  const comparison = comparisons.get(e.op)
  if (comparison !== undefined) return compare(cx, e.op, comparison, left, right, e.span)
  const both = unifyOperands(cx, e.op, e.span, left, right)
  if (both === undefined) return errorExpr(e.span)
  const wants = `\`div(${[e.left, e.right].map(s => quoteSource(s.span, '…').replaceAll('`', '')).join(', ')})\``
  if (
    e.op === '/' &&
    !becomeFloat(cx, '/', both.type, e.span, `whole numbers are divided by ${wants}, or after \`f32(…)\``)
  )
    return errorExpr(e.span)
  if (e.op === '^' && !becomeFloat(cx, '^', both.type, e.span, 'convert with `f32(…)`, or multiply'))
    return errorExpr(e.span)
  return op(arithmetic.get(e.op)!, [both.left, both.right], both.type, e.span)
}

/** A choice by itself takes its type from the other side, which may be another module's constant. */
const operands = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'binary' },
): readonly [CoreExpr, CoreExpr] => {
  const isName = (s: SourceExpr): s is SourceExpr & { kind: 'name' } =>
    s.kind === 'name' && s.path.module === undefined && !env.has(s.path.name.text)
  const isChoice = (s: SourceExpr): boolean => isName(s) && cx.choices.has(s.path.name.text)
  if (isChoice(e.left) && !isChoice(e.right)) {
    const right = infer(cx, env, e.right)
    return [check(cx, env, e.left, right.type, { kind: 'operand', op: e.op, at: e.right.span }), right]
  }
  const left = infer(cx, env, e.left)
  if (isChoice(e.right) || (isName(e.right) && cx.solver.head(left.type).kind === 'choice'))
    return [left, check(cx, env, e.right, left.type, { kind: 'operand', op: e.op, at: e.left.span })]
  return [left, infer(cx, env, e.right)]
}

const compare = (
  cx: BodyContext,
  symbol: BinaryOp,
  name: CoreOp,
  left: CoreExpr,
  right: CoreExpr,
  span: Span,
): CoreExpr => {
  const x = cx.solver.head(left.type)
  const y = cx.solver.head(right.type)
  const equality = symbol === '==' || symbol === '!='
  const plain = (t: Type): boolean => t.kind === 'choice' || (t.kind === 'scalar' && t.dtype === 'bool')
  if (equality && plain(x) && plain(y)) {
    unifyTypes(cx, right.span, right.type, left.type, { kind: 'operand', op: symbol, at: left.span })
    return op(name, [left, right], typeBool, span)
  }
  if (isTensor(x) || isTensor(y)) {
    cx.report({
      code: 'E0344',
      title: `\`${symbol}\` compares numbers, not tensors`,
      labels: labelsOf(cx, [left, right]),
      hint: `for one bool: \`all …\` or \`any …\`; for each element: \`${suggestFor(cx, symbol, [left, right])}\``,
    })
    return { ...errorExpr(span), type: typeBool }
  }
  const both = unifyOperands(cx, symbol, span, left, right)
  return both === undefined
    ? { ...errorExpr(span), type: typeBool }
    : op(name, [both.left, both.right], typeBool, span)
}

export const elaborateUnary = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'unary' }): CoreExpr => {
  if (e.op === 'not')
    return op('not', [check(cx, env, e.operand, typeBool, { kind: 'operand', op: 'not' })], typeBool, e.span)
  const arg = asInteger(cx, infer(cx, env, e.operand))
  const t = cx.solver.head(arg.type)
  if (isError(t)) return errorExpr(e.span)
  if (cx.solver.isOpen(t)) {
    unifyTypes(cx, arg.span, arg.type, cx.solver.freshType('number', e.span), { kind: 'operand', op: '-' })
    return op('neg', [arg], arg.type, e.span)
  }
  if (!isNumeric(cx, t) && !isTensor(t)) {
    notNumbers(cx, '-', [arg])
    return errorExpr(e.span)
  }
  return op('neg', [arg], arg.type, e.span)
}

/** `exp(x)` and its kin. */
export const applyUnary = (
  cx: BodyContext,
  name: CoreOp,
  argument: CoreExpr,
  integersToo: boolean,
  span: Span,
): CoreExpr => {
  const arg = integersToo ? asInteger(cx, argument) : argument
  const t = cx.solver.head(arg.type)
  if (isError(t)) return errorExpr(span)
  if (isTensor(t) || t.kind === 'array') {
    cx.report({
      code: 'E0341',
      title: `\`${name}\` is of one number, and ${quoteSource(arg.span)} is ${cx.show(t)}`,
      labels: labelsOf(cx, [arg]),
      hint: `write the \`for\`: \`${suggestFor(cx, name, [arg])}\``,
    })
    return errorExpr(span)
  }
  if (integersToo && (cx.solver.isNumber(t) || (t.kind === 'scalar' && t.dtype === 'i32')))
    return op(name, [arg], arg.type, span)
  const float = coerce(cx, arg, typeF32, { kind: 'argument', fn: name, param: '' })
  return op(name, [float], typeF32, span)
}

/** `maximum(a, b)`, `minimum(a, b)` and, of whole numbers, `div(a, b)`. */
export const applyBinary = (
  cx: BodyContext,
  symbol: string,
  name: CoreOp,
  left: CoreExpr,
  right: CoreExpr,
  span: Span,
): CoreExpr => {
  if (isTensor(cx.solver.head(left.type)) && isTensor(cx.solver.head(right.type))) {
    shapesAlike(cx, symbol, left, right)
    return errorExpr(span)
  }
  const both = unifyOperands(cx, symbol, span, left, right)
  if (both === undefined) return errorExpr(span)
  if (name === 'idiv') {
    const t = cx.solver.head(both.type)
    if (t.kind === 'scalar' && t.dtype === 'f32') {
      cx.report({
        code: 'E0343',
        title: '`div` is for whole numbers, and these are f32',
        labels: labelsOf(cx, [left, right]),
        hint: 'divide with `/`',
      })
      return errorExpr(span)
    }
    if (t.kind === 'var') cx.solver.unify(t, typeI32, { span, text: 'divided here' }, () => undefined)
  }
  return op(name, [both.left, both.right], both.type, span)
}

const shapesAlike = (cx: BodyContext, symbol: string, left: CoreExpr, right: CoreExpr): void =>
  cx.report({
    code: 'E0341',
    title: `\`${symbol}\` is of two numbers, and these are ${cx.show(left.type)} and ${cx.show(right.type)}`,
    labels: labelsOf(cx, [left, right]),
    hint: `write the \`for\`: \`${suggestFor(cx, symbol, [left, right])}\``,
  })
