import type { CoreExpr } from '../core/core.js'
import { productOfSizes, type Size, sizeConstant } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'
import { type CallExpr, inferArguments } from './arguments.js'
import { isError, typeF32, typeI32, typeKey } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import {
  binaryBuiltins,
  builtinArity,
  builtinForm,
  conversions,
  takesIntegers,
  unaryBuiltins,
} from './builtin-table.js'
import { castTo, coerce, errorExpr, unifyTypes } from './coerce.js'
import type { Expected, ExpectedBy } from './expected.js'
import { suggestFor } from './for-hint.js'
import { type FnType, wrapInLambda } from './lambdas.js'
import type { Env } from './locals.js'
import { applyBinary, applyUnary } from './operators.js'
import { elaborateMap, elaborateTotal, elaborateZerosLike } from './tree-builtins.js'
import { countOf, quoteSource, sourceText } from './wording.js'

const argumentOf = (fn: string, param = ''): ExpectedBy => ({ kind: 'argument', fn, param })

/** A call of a built-in function. */
export const elaborateBuiltinCall = (cx: BodyContext, env: Env, name: string, e: CallExpr): CoreExpr => {
  const wanted = builtinArity(name)
  const curried = name === 'grad' || name === 'value_and_grad'
  const tooFew = curried || (wanted === undefined && e.args.length < 2 && name !== 'inf')
  if (tooFew || (wanted !== undefined && e.args.length !== wanted)) {
    reportBuiltinArguments(cx, name, e)
    inferArguments(cx, env, e.args)
    return errorExpr(e.span)
  }
  switch (name) {
    case 'map':
      return elaborateMap(cx, env, e)
    case 'total':
      return elaborateTotal(cx, env, e)
    case 'zeros_like':
      return elaborateZerosLike(cx, env, e)
    case 'key':
    case 'split':
    case 'fold_in':
    case 'uniform':
    case 'normal':
    case 'stop':
      return elaborateValueBuiltin(cx, env, name, e)
    default:
  }
  if (isElementwise(name)) {
    const args = e.args.map(arg => cx.infer(env, arg))
    return applyElementwise(cx, name, args, e.span)
  }
  cx.report({
    code: 'E0337',
    title: `\`${name}\` is not a function`,
    labels: [{ span: e.callee.span, text: 'cannot be called' }],
  })
  return errorExpr(e.span)
}

const reportBuiltinArguments = (cx: BodyContext, name: string, e: CallExpr): void => {
  const curried = name === 'grad' || name === 'value_and_grad'
  const wanted = builtinArity(name)
  const takes = wanted === undefined ? 'a function and values' : countOf(wanted, 'argument')
  cx.report({
    code: 'E0339',
    title: curried
      ? `\`${name}\` gives a function, which is not called`
      : `\`${name}\` takes ${takes}, but gets ${countOf(e.args.length, 'argument')}`,
    labels: [{ span: e.span, text: curried ? 'not called' : 'called here' }],
    ...(curried ? gradientHint(name, e) : randomHint(name, e)),
  })
}

/** `grad(loss(w), w)` and `grad(loss, w)` as they are written here: the function first, then its argument. */
const gradientHint = (name: string, e: CallExpr): Pick<Diagnostic, 'hint' | 'fixes'> => {
  const text = (span: Span): string => span.source.text.slice(span.start, span.end)
  const [f, x] = e.args
  const form = `\`${name}\` takes a function and gives a function: write`
  const point = x ?? (f?.kind === 'call' ? f.args[0] : undefined)
  const of = f?.kind === 'call' && f.args.length === 1 ? f.callee : f
  if (of === undefined || point === undefined || e.args.length > 2)
    return { hint: `${form} \`${builtinForm(name)}\`` }
  const written = `${name}(${text(of.span)})(${text(point.span)})`
  const whole = f?.kind !== 'call' || f.args.length === 1
  return hintWithFix(
    `${form} \`${whole ? written : builtinForm(name)}\``,
    whole ? replaceBy(e.span, written) : undefined,
  )
}

/** A random number is one number, and its place is given: a tensor of them is a `for`. */
const randomHint = (name: string, e: CallExpr): Pick<Diagnostic, 'hint' | 'fixes'> => {
  const [key] = e.args
  if ((name !== 'normal' && name !== 'uniform') || e.args.length !== 1 || key === undefined)
    return { hint: `write \`${builtinForm(name)}\`` }
  const written = `for i -> ${name}(${sourceText(key.span, 'key')}, i)`
  return hintWithFix(
    `a random number is counted by its indices: \`${written}\``,
    replaceBy(e.span, written, { sure: false }),
  )
}

/** The built-in functions of random keys, and `stop`. */
const elaborateValueBuiltin = (
  cx: BodyContext,
  env: Env,
  name: 'key' | 'split' | 'fold_in' | 'uniform' | 'normal' | 'stop',
  e: CallExpr,
): CoreExpr => {
  const [first, second] = e.args as [SourceExpr, SourceExpr]
  const make = (args: readonly CoreExpr[], type: Type): CoreExpr => ({
    kind: 'builtin',
    builtin: name,
    args,
    type,
    span: e.span,
  })
  switch (name) {
    case 'key':
      return make([cx.check(env, first, typeI32, argumentOf(name))], typeKey)
    case 'split':
      return make([cx.check(env, first, typeKey, argumentOf(name))], {
        kind: 'tuple',
        items: [typeKey, typeKey],
      })
    case 'fold_in': {
      const key = cx.check(env, first, typeKey, argumentOf(name, 'the key'))
      return make([key, cx.check(env, second, typeI32, argumentOf(name, 'the number'))], typeKey)
    }
    case 'uniform':
    case 'normal': {
      const key = cx.check(env, first, typeKey, argumentOf(name, 'the key'))
      return make([key, elaborateRandomPosition(cx, env, name, second)], typeF32)
    }
    case 'stop': {
      const arg = cx.infer(env, first)
      return make([arg], arg.type)
    }
  }
}

/**
 * The range that a plain integer in the position of a random number is taken to have. It keeps the positions
 * of different tuples apart as long as the integers stay below it.
 */
const plainIntegerRange = sizeConstant(65_536)

/** The position of a random number: a product of indices and integers. */
const elaborateRandomPosition = (cx: BodyContext, env: Env, name: string, e: SourceExpr): CoreExpr => {
  const bounds: Size[] = []
  const text = `\`${name}\` counts by indices and whole numbers`
  const parts = (e.kind === 'tuple' ? e.items : [e]).map(item => {
    const part = cx.infer(env, item)
    const t = cx.solver.head(part.type)
    bounds.push(t.kind === 'idx' ? t.bound : plainIntegerRange)
    return t.kind === 'idx' ? part : coerce(cx, part, typeI32, { kind: 'plain', text, at: e.span })
  })
  const type: Type = { kind: 'idx', bound: productOfSizes(bounds) }
  return { kind: 'product', parts, bounds, type, span: e.span }
}

/** `f32(x)`, `i32(x)`, `u32(x)`: of one number or of each element. */
const convertNumber = (cx: BodyContext, name: string, arg: CoreExpr, span: Span): CoreExpr => {
  const to = conversions.get(name)!
  const t = cx.solver.head(arg.type)
  if (isError(t)) return errorExpr(span)
  const element = t.kind === 'tensor' ? cx.solver.head(t.element) : t
  const type: Type = t.kind === 'tensor' ? { kind: 'tensor', element: to, dims: t.dims } : to
  if (cx.solver.isNumber(element) || cx.solver.isOpen(element)) {
    unifyTypes(cx, { span: arg.span, actual: element, expected: to, why: argumentOf(name) })
    return arg
  }
  if (element.kind === 'scalar' || element.kind === 'idx') return { ...castTo(type, arg), span }
  const shown = cx.show(t)
  cx.report({
    code: 'E0342',
    title: `\`${name}\` converts numbers and tensors of them, but ${quoteSource(arg.span)} is ${shown}`,
    labels: [{ span: arg.span, text: `this is ${shown}` }],
    ...(t.kind === 'array' && { hint: suggestFor(cx, name, [arg]) }),
  })
  return errorExpr(span)
}

const isElementwise = (name: string): boolean =>
  unaryBuiltins.has(name) || binaryBuiltins.has(name) || conversions.has(name)

/** A scalar function of as many arguments as it takes. */
const applyElementwise = (cx: BodyContext, name: string, args: readonly CoreExpr[], span: Span): CoreExpr => {
  const unary = unaryBuiltins.get(name)
  if (unary !== undefined)
    return applyUnary(cx, { op: unary, integersToo: takesIntegers(unary) }, args[0]!, span)
  const binary = binaryBuiltins.get(name)
  if (binary === undefined) return convertNumber(cx, name, args[0]!, span)
  return applyBinary(cx, { symbol: name, op: binary, sides: [args[0]!, args[1]!], span })
}

/** A built-in function where a function is expected: `map(exp, x)`. Undefined for those that need a call. */
export const builtinAsFunction = (
  cx: BodyContext,
  name: string,
  span: Span,
  { type: wanted, why }: Expected<FnType>,
): CoreExpr | undefined => {
  if (!isElementwise(name) || builtinArity(name) !== wanted.params.length) return undefined
  let result: Type = wanted.result
  const made = wrapInLambda(cx, span, wanted, args => {
    const fitted = coerce(cx, applyElementwise(cx, name, args, span), wanted.result, why)
    result = fitted.type
    return fitted
  })
  return { ...made, type: { kind: 'fn', params: wanted.params, result } }
}
