import type { CoreExpr, CoreOp } from '../core/core.js'
import { countOf } from '../core/show-type.js'
import type { Size } from '../core/size.js'
import { productOfSizes, sizeConstant } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env, ExpectedBy } from './body-context.js'
import { quoteSource } from './body-context.js'
import { inferArguments } from './calls.js'
import { castTo, coerce, errorExpr, unifyTypes } from './coerce.js'
import { check, infer } from './elaborate.js'
import { suggestFor } from './for-hint.js'
import { wrapInLambda } from './functions.js'
import { applyBinary, applyUnary } from './operators.js'
import { isError, typeF32, typeI32, typeU32 } from './solver.js'
import { elaborateMap, elaborateTotal, elaborateZerosLike } from './tree-builtins.js'

type Call = SourceExpr & { kind: 'call' }

const floats: readonly CoreOp[] = [
  'exp',
  'log',
  'sqrt',
  'rsqrt',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'floor',
  'erf',
]
const numbers: readonly CoreOp[] = ['abs', 'sign']
const unaries: ReadonlyMap<string, CoreOp> = new Map([...floats, ...numbers].map(n => [n, n]))
const binaries: ReadonlyMap<string, CoreOp> = new Map([
  ['maximum', 'max'],
  ['minimum', 'min'],
  ['div', 'idiv'],
])
const conversions: ReadonlyMap<string, Type> = new Map([
  ['f32', typeF32],
  ['i32', typeI32],
  ['u32', typeU32],
])
const keyType: Type = { kind: 'key' }

/** How each of the other built-in functions is called. */
const forms: ReadonlyMap<string, string> = new Map([
  ['map', 'map(f, a, b, …)'],
  ['total', 'total(f, a, b, …)'],
  ['zeros_like', 'zeros_like(a)'],
  ['key', 'key(7)'],
  ['split', 'split(key)'],
  ['fold_in', 'fold_in(key, n)'],
  ['uniform', 'uniform(key, (i, j))'],
  ['normal', 'normal(key, (i, j))'],
  ['stop', 'stop(x)'],
  ['grad', 'grad(f)(x)'],
  ['value_and_grad', 'value_and_grad(f)(x)'],
])

/** Every built-in name, for suggestions. */
export const builtinNames: readonly string[] = [
  ...unaries.keys(),
  ...binaries.keys(),
  ...conversions.keys(),
  ...forms.keys(),
  'inf',
]

export const isBuiltin = (text: string): boolean => builtinNames.includes(text)

const arity: ReadonlyMap<string, number> = new Map([
  ['zeros_like', 1],
  ['key', 1],
  ['split', 1],
  ['fold_in', 2],
  ['uniform', 2],
  ['normal', 2],
  ['stop', 1],
])

const wantedCount = (name: string): number | undefined =>
  unaries.has(name) || conversions.has(name) ? 1 : binaries.has(name) ? 2 : arity.get(name)

const argument = (fn: string, param: string): ExpectedBy => ({ kind: 'argument', fn, param })

/** A call of a built-in function. */
export const callBuiltin = (cx: BodyContext, env: Env, name: string, e: Call): CoreExpr => {
  const wanted = wantedCount(name)
  if (
    (wanted !== undefined && e.args.length !== wanted) ||
    (wanted === undefined && e.args.length < 2 && name !== 'inf')
  ) {
    const form = forms.get(name) ?? `${name}(${wanted === 2 ? 'a, b' : 'x'})`
    const curried = name === 'grad' || name === 'value_and_grad'
    cx.report({
      code: 'E0339',
      title: curried
        ? `\`${name}\` gives a function, which is not called`
        : `\`${name}\` takes ${wanted === undefined ? 'a function and values' : countOf(wanted, 'argument')}, but gets ${countOf(e.args.length, 'argument')}`,
      labels: [{ span: e.span, text: curried ? 'not called' : 'called here' }],
      hint: `write \`${form}\``,
    })
    inferArguments(cx, env, e.args)
    return errorExpr(e.span)
  }
  const unary = unaries.get(name)
  const [first, second] = e.args
  if (unary !== undefined)
    return applyUnary(cx, unary, infer(cx, env, first!), numbers.includes(unary), e.span)
  const binary = binaries.get(name)
  if (binary !== undefined)
    return applyBinary(cx, name, binary, infer(cx, env, first!), infer(cx, env, second!), e.span)
  const conversion = conversions.get(name)
  if (conversion !== undefined) return convert(cx, name, conversion, infer(cx, env, first!), e.span)
  const builtin = (
    b: 'key' | 'split' | 'fold_in' | 'uniform' | 'normal' | 'stop',
    args: readonly CoreExpr[],
    type: Type,
  ) => ({ kind: 'builtin', builtin: b, args, type, span: e.span }) as const
  switch (name) {
    case 'map':
      return elaborateMap(cx, env, e)
    case 'total':
      return elaborateTotal(cx, env, e)
    case 'zeros_like':
      return elaborateZerosLike(cx, env, e)
    case 'key':
      return builtin('key', [check(cx, env, first!, typeI32, argument(name, ''))], keyType)
    case 'split':
      return builtin('split', [check(cx, env, first!, keyType, argument(name, ''))], {
        kind: 'tuple',
        items: [keyType, keyType],
      })
    case 'fold_in':
      return builtin(
        'fold_in',
        [
          check(cx, env, first!, keyType, argument(name, 'the key')),
          check(cx, env, second!, typeI32, argument(name, 'the number')),
        ],
        keyType,
      )
    case 'uniform':
    case 'normal': {
      const key = check(cx, env, first!, keyType, argument(name, 'the key'))
      return builtin(name, [key, counter(cx, env, name, second!)], typeF32)
    }
    case 'stop': {
      const arg = infer(cx, env, first!)
      return builtin('stop', [arg], arg.type)
    }
    default:
      cx.report({
        code: 'E0337',
        title: `\`${name}\` is not a function`,
        labels: [{ span: e.callee.span, text: 'cannot be called' }],
      })
      return errorExpr(e.span)
  }
}

/** A component that is no index counts as one of so many, which is what keeps the numbers of a product apart. */
const plainExtent = sizeConstant(65_536)

/** The coordinates of a random number: a product of indices and integers. */
const counter = (cx: BodyContext, env: Env, name: string, e: SourceExpr): CoreExpr => {
  const bounds: Size[] = []
  const parts = (e.kind === 'tuple' ? e.items : [e]).map(item => {
    const part = infer(cx, env, item)
    const t = cx.solver.head(part.type)
    bounds.push(t.kind === 'idx' ? t.bound : plainExtent)
    return t.kind === 'idx'
      ? part
      : coerce(cx, part, typeI32, {
          kind: 'plain',
          text: `\`${name}\` counts by indices and whole numbers`,
          at: e.span,
        })
  })
  return {
    kind: 'product',
    parts,
    bounds,
    type: { kind: 'idx', bound: productOfSizes(bounds) },
    span: e.span,
  }
}

/** `f32(x)`, `i32(x)`, `u32(x)`: of one number or of each element. */
const convert = (cx: BodyContext, name: string, to: Type, arg: CoreExpr, span: Span): CoreExpr => {
  const t = cx.solver.head(arg.type)
  if (isError(t)) return errorExpr(span)
  const element = t.kind === 'tensor' ? cx.solver.head(t.element) : t
  const type: Type = t.kind === 'tensor' ? { kind: 'tensor', element: to, dims: t.dims } : to
  if (cx.solver.isNumber(element) || cx.solver.isOpen(element)) {
    unifyTypes(cx, arg.span, element, to, argument(name, ''))
    return arg
  }
  if (element.kind === 'scalar' || element.kind === 'idx') return { ...castTo(type, arg), span }
  cx.report({
    code: 'E0342',
    title: `\`${name}\` converts numbers and tensors of them, but ${quoteSource(arg.span)} is ${cx.show(t)}`,
    labels: [{ span: arg.span, text: `this is ${cx.show(t)}` }],
    ...(t.kind === 'array' && { hint: suggestFor(cx, name, [arg]) }),
  })
  return errorExpr(span)
}

/** A built-in function where a function is wanted: `map(exp, x)`. */
export const builtinAsFunction = (
  cx: BodyContext,
  name: string,
  e: SourceExpr,
  want: Type & { kind: 'fn' },
  why: ExpectedBy,
): CoreExpr | undefined => {
  const wanted = wantedCount(name)
  const unary = unaries.get(name)
  const binary = binaries.get(name)
  const conversion = conversions.get(name)
  if (wanted !== want.params.length || (unary ?? binary ?? conversion) === undefined) return undefined
  let result: Type = want.result
  const made = wrapInLambda(cx, e, want, args => {
    const body =
      unary !== undefined
        ? applyUnary(cx, unary, args[0]!, numbers.includes(unary), e.span)
        : binary !== undefined
          ? applyBinary(cx, name, binary, args[0]!, args[1]!, e.span)
          : convert(cx, name, conversion!, args[0]!, e.span)
    const fitted = coerce(cx, body, want.result, why)
    result = fitted.type
    return fitted
  })
  return { ...made, type: { kind: 'fn', params: want.params, result } }
}
