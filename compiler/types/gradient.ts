import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { CallExpr } from './arguments.js'
import { isError, typeF32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { resolveCallee } from './callee.js'
import { errorExpr } from './coerce.js'
import type { Env } from './locals.js'
import { fieldTypes } from './type-traversal.js'
import { countOf, sourceText } from './wording.js'

export interface GradientCall {
  readonly name: 'grad' | 'value_and_grad'
  /** The call `grad(f)`, without the point. */
  readonly of: CallExpr
}

/** The inner call of `grad(f)(x)`; undefined for any other call. */
export const findGradientCall = (cx: BodyContext, env: Env, e: CallExpr): GradientCall | undefined => {
  const of = e.callee
  if (of.kind !== 'call') return undefined
  const callee = resolveCallee(cx, env, of.callee)
  if (callee.kind !== 'builtin' || (callee.name !== 'grad' && callee.name !== 'value_and_grad'))
    return undefined
  return { name: callee.name, of }
}

/** A part of a value, with the path to it. */
interface Part {
  readonly path: string
  readonly type: Type
}

/** The first part that has no derivative. */
const findUndifferentiable = (cx: BodyContext, { type, path }: Part): Part | undefined => {
  const h = cx.solver.head(type)
  const partsOf = (): readonly Part[] | undefined => {
    switch (h.kind) {
      case 'record':
      case 'fields':
        return [...fieldTypes(h)].map(([n, f]) => ({ path: `${path}.${n}`, type: f }))
      case 'tuple':
        return h.items.map((item, i) => ({ path: `${path} part ${i + 1}`, type: item }))
      case 'array':
        return [{ path: `${path}[…]`, type: h.element }]
      default:
        return undefined
    }
  }
  const parts = partsOf()
  if (parts === undefined) return cx.solver.isTree(h) ? undefined : { path, type: h }
  for (const part of parts) {
    const found = findUndifferentiable(cx, part)
    if (found !== undefined) return found
  }
  return undefined
}

/** `grad(f)(x)` and `value_and_grad(f)(x)`. */
export const elaborateGradient = (
  cx: BodyContext,
  env: Env,
  e: CallExpr,
  { name, of }: GradientCall,
): CoreExpr => {
  const [f] = of.args
  const [x] = e.args
  if (f === undefined || of.args.length !== 1 || x === undefined || e.args.length !== 1) {
    const got = `${countOf(of.args.length, 'function')} and ${countOf(e.args.length, 'argument')}`
    cx.report({
      code: 'E0339',
      title: `\`${name}\` takes one function, and its result one argument`,
      labels: [{ span: e.span, text: got }],
      hint: `write \`${name}(x -> …)(x)\`; several arguments go together in a tuple or a record`,
    })
    return errorExpr(e.span)
  }
  const at = cx.infer(env, x)
  const type = cx.solver.head(at.type)
  if (isError(type)) return errorExpr(e.span)
  const bad = findUndifferentiable(cx, { type, path: sourceText(x.span, 'it') })
  if (bad !== undefined) {
    cx.report({
      code: 'E0345',
      title: `nothing is differentiated with respect to ${cx.show(bad.type)}`,
      labels: [{ span: x.span, text: `\`${bad.path}\` is ${cx.show(bad.type)}` }],
      hint: 'differentiate with respect to the f32 tensors alone, and let the function capture the rest',
    })
    return errorExpr(e.span)
  }
  const result = cx.solver.freshType('any', of.span)
  const why = { kind: 'argument', fn: name, param: '', handed: x.span } as const
  const fn = cx.check(env, f, { kind: 'fn', params: [at.type], result }, why)
  if (isError(cx.solver.head(fn.type)) || !requireLoss(cx, f, result, name)) return errorExpr(e.span)
  const withValue = name === 'value_and_grad'
  const out: Type = withValue ? { kind: 'tuple', items: [result, at.type] } : at.type
  return { kind: 'grad', withValue, fn, at, type: out, span: e.span }
}

/**
 * Makes sure that a function gives an `f32`, or a tuple that begins with one; false when not, which is
 * reported.
 */
const requireLoss = (cx: BodyContext, f: SourceExpr, result: Type, name: GradientCall['name']): boolean => {
  const value = cx.solver.head(result)
  const loss = value.kind === 'tuple' ? cx.solver.head(value.items[0]!) : value
  if (isError(loss)) return true
  const cause = { span: f.span, text: 'differentiated here' }
  if (cx.solver.unify(loss, typeF32, cause, () => undefined)) return true
  cx.report({
    code: 'E0346',
    title: `\`${name}\` wants a function that gives an f32, and this one gives ${cx.show(value)}`,
    labels: [{ span: f.span, text: `gives ${cx.show(value)}` }],
    hint:
      value.kind === 'tensor'
        ? 'sum it to one number first'
        : 'give one f32, or a tuple that begins with the f32 to differentiate',
  })
  return false
}
