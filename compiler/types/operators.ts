import type { CoreExpr, CoreOp } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'
import { isError, typeBool, typeF32, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { coerce, errorExpr, unifyTypes } from './coerce.js'
import { suggestFor } from './for-hint.js'
import type { Env } from './locals.js'
import {
  fixOf,
  indexAsInteger,
  isNumeric,
  isTensor,
  labelOperands,
  type Operation,
  reportNotNumbers,
  requireFloat,
  unifyOperands,
} from './operands.js'
import { quoteSource, sourceText } from './wording.js'

type Binary = SourceExpr & { kind: 'binary' }
type Unary = SourceExpr & { kind: 'unary' }
type Sides = readonly [CoreExpr, CoreExpr]

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

const makeOp = (op: CoreOp, args: readonly CoreExpr[], type: Type, span: Span): CoreExpr => ({
  kind: 'op',
  op,
  args,
  type,
  span,
})

/** `a + b`, `a < b`, `a and b`. */
export const elaborateBinary = (cx: BodyContext, env: Env, e: Binary): CoreExpr => {
  if (e.op === 'and' || e.op === 'or') {
    const why = { kind: 'operand', op: e.op } as const
    const args = [e.left, e.right].map(side => cx.check(env, side, typeBool, why))
    return makeOp(e.op, args, typeBool, e.span)
  }
  const operation = { symbol: e.op, sides: elaborateSides(cx, env, e), span: e.span }
  const comparison = comparisons.get(e.op)
  if (comparison !== undefined) return compare(cx, comparison, operation)
  const operands = unifyOperands(cx, operation)
  if (operands === undefined) return errorExpr(e.span)
  const floatHint = needsFloat(e)
  const result = { type: operands.type, span: e.span }
  if (floatHint !== undefined && !requireFloat(cx, e.op, result, floatHint)) return errorExpr(e.span)
  return makeOp(arithmetic.get(e.op)!, operands.sides, operands.type, e.span)
}

/** For an operator that only `f32` has: what to write for whole numbers. */
const needsFloat = ({ op, left, right, span }: Binary): Pick<Diagnostic, 'hint' | 'fixes'> | undefined => {
  if (op === '^') return { hint: 'convert with `f32(…)`, or multiply' }
  if (op !== '/') return undefined
  const division = `div(${sourceText(left.span, '…')}, ${sourceText(right.span, '…')})`
  const fix = division.includes('…') ? undefined : replaceBy(span, division)
  return hintWithFix(`whole numbers are divided by \`${division}\`, or after \`f32(…)\``, fix)
}

/**
 * Both sides of an operator. A choice has its type from the other side, which may be another module's
 * constant.
 */
const elaborateSides = (cx: BodyContext, env: Env, e: Binary): Sides => {
  const isName = (s: SourceExpr): s is SourceExpr & { kind: 'name' } =>
    s.kind === 'name' && s.path.module === undefined && !env.has(s.path.name.text)
  const isChoice = (s: SourceExpr): boolean => isName(s) && cx.choices.has(s.path.name.text)
  const checkChoice = (choice: SourceExpr, other: CoreExpr): CoreExpr =>
    cx.check(env, choice, other.type, { kind: 'operand', op: e.op, at: other.span })
  if (isChoice(e.left) && !isChoice(e.right)) {
    const right = cx.infer(env, e.right)
    return [checkChoice(e.left, right), right]
  }
  const left = cx.infer(env, e.left)
  const mayBeChoice = isName(e.right) && cx.solver.head(left.type).kind === 'choice'
  const right = isChoice(e.right) || mayBeChoice ? checkChoice(e.right, left) : cx.infer(env, e.right)
  return [left, right]
}

const compare = (cx: BodyContext, op: CoreOp, operation: Operation): CoreExpr => {
  const { symbol, sides, span } = operation
  const [left, right] = sides
  const x = cx.solver.head(left.type)
  const y = cx.solver.head(right.type)
  const equality = op === 'eq' || op === 'ne'
  const plain = (t: Type): boolean => t.kind === 'choice' || (t.kind === 'scalar' && t.dtype === 'bool')
  if (equality && plain(x) && plain(y)) {
    const why = { kind: 'operand', op: symbol, at: left.span } as const
    unifyTypes(cx, { span: right.span, actual: right.type, expected: left.type, why })
    return makeOp(op, sides, typeBool, span)
  }
  const failed = { ...errorExpr(span), type: typeBool }
  if (isTensor(x) || isTensor(y)) {
    const elementwise = suggestFor(cx, symbol, sides)
    const whole = elementwise.replace(/^for/, op === 'eq' ? 'all' : 'any')
    cx.report({
      code: 'E0344',
      title: `\`${symbol}\` compares numbers, not tensors`,
      labels: labelOperands(cx, sides),
      ...(equality
        ? hintWithFix(
            `for one bool: \`${whole}\`; for each element: \`${elementwise}\``,
            fixOf(operation, whole),
          )
        : { hint: `for one bool: \`all …\` or \`any …\`; for each element: \`${elementwise}\`` }),
    })
    return failed
  }
  const operands = unifyOperands(cx, operation)
  return operands === undefined ? failed : makeOp(op, operands.sides, typeBool, span)
}

/** `-x` and `not x`. */
export const elaborateUnary = (cx: BodyContext, env: Env, e: Unary): CoreExpr => {
  if (e.op === 'not') {
    const arg = cx.check(env, e.operand, typeBool, { kind: 'operand', op: 'not' })
    return makeOp('not', [arg], typeBool, e.span)
  }
  const arg = indexAsInteger(cx, cx.infer(env, e.operand))
  const t = cx.solver.head(arg.type)
  if (isError(t)) return errorExpr(e.span)
  if (cx.solver.isOpen(t)) {
    const expected = cx.solver.freshType('number', e.span)
    unifyTypes(cx, { span: arg.span, actual: arg.type, expected, why: { kind: 'operand', op: '-' } })
    return makeOp('neg', [arg], arg.type, e.span)
  }
  if (!isNumeric(cx, t) && !isTensor(t)) {
    reportNotNumbers(cx, '-', [arg])
    return errorExpr(e.span)
  }
  return makeOp('neg', [arg], arg.type, e.span)
}

/** `exp(x)` and its kin. */
export const applyUnary = (
  cx: BodyContext,
  { op, integersToo }: { readonly op: CoreOp; readonly integersToo: boolean },
  argument: CoreExpr,
  span: Span,
): CoreExpr => {
  const arg = integersToo ? indexAsInteger(cx, argument) : argument
  const t = cx.solver.head(arg.type)
  if (isError(t)) return errorExpr(span)
  if (isTensor(t) || t.kind === 'array') {
    const written = suggestFor(cx, op, [arg])
    cx.report({
      code: 'E0341',
      title: `\`${op}\` is of one number, and ${quoteSource(arg.span)} is ${cx.show(t)}`,
      labels: labelOperands(cx, [arg]),
      ...hintWithFix(`write the \`for\`: \`${written}\``, fixOf({ span }, written)),
    })
    return errorExpr(span)
  }
  if (integersToo && (cx.solver.isNumber(t) || (t.kind === 'scalar' && t.dtype === 'i32')))
    return makeOp(op, [arg], arg.type, span)
  const float = coerce(cx, arg, typeF32, { kind: 'argument', fn: op, param: '' })
  return makeOp(op, [float], typeF32, span)
}

/** `maximum(a, b)`, `minimum(a, b)` and, of whole numbers, `div(a, b)`. */
export const applyBinary = (cx: BodyContext, operation: Operation & { readonly op: CoreOp }): CoreExpr => {
  const { symbol, op, sides, span } = operation
  if (sides.every(s => isTensor(cx.solver.head(s.type)))) {
    const [x, y] = sides.map(s => cx.show(s.type))
    const written = suggestFor(cx, symbol, sides)
    cx.report({
      code: 'E0341',
      title: `\`${symbol}\` is of two numbers, and these are ${x} and ${y}`,
      labels: labelOperands(cx, sides),
      ...hintWithFix(`write the \`for\`: \`${written}\``, fixOf(operation, written)),
    })
    return errorExpr(span)
  }
  const operands = unifyOperands(cx, operation)
  if (operands === undefined) return errorExpr(span)
  if (op === 'idiv' && !requireWhole(cx, operands.type, operation)) return errorExpr(span)
  return makeOp(op, operands.sides, operands.type, span)
}

/** Makes sure that `div` has whole numbers; false when not, which is reported. */
const requireWhole = (cx: BodyContext, type: Type, { sides, span }: Operation): boolean => {
  const t = cx.solver.head(type)
  if (t.kind === 'scalar' && t.dtype === 'f32') {
    cx.report({
      code: 'E0343',
      title: '`div` is for whole numbers, and these are f32',
      labels: labelOperands(cx, sides),
      hint: 'divide with `/`',
    })
    return false
  }
  if (t.kind === 'var') cx.solver.unify(t, typeI32, { span, text: 'divided here' }, () => undefined)
  return true
}
