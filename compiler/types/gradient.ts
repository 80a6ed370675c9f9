import type { CoreExpr } from '../core/core.js'
import { countOf } from '../core/show-type.js'
import type { Type } from '../core/type.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env } from './body-context.js'
import { quoteSource } from './body-context.js'
import { resolveCallee } from './callee.js'
import { errorExpr } from './coerce.js'
import { check, infer } from './elaborate.js'
import { isError, typeF32 } from './solver.js'
import { fieldTypes } from './type-traversal.js'

type Call = SourceExpr & { kind: 'call' }

export interface GradientCall {
  readonly name: 'grad' | 'value_and_grad'
  /** The call `grad(f)`, without the point. */
  readonly of: Call
}

/** The inner call of `grad(f)(x)`. */
export const findGradientCall = (cx: BodyContext, env: Env, e: Call): GradientCall | undefined => {
  const of = e.callee
  if (of.kind !== 'call') return undefined
  const callee = resolveCallee(cx, env, of.callee)
  if (callee.kind !== 'builtin' || (callee.name !== 'grad' && callee.name !== 'value_and_grad'))
    return undefined
  return { name: callee.name, of }
}

/** The first part of a type that has no derivative, as a path from the whole. */
const undifferentiable = (
  cx: BodyContext,
  t: Type,
  path: string,
): { path: string; type: Type } | undefined => {
  const h = cx.solver.head(t)
  if (h.kind === 'record' || h.kind === 'fields') {
    for (const [n, f] of fieldTypes(h)) {
      const found = undifferentiable(cx, f, `${path}.${n}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (h.kind === 'tuple')
    return h.items
      .map((item, i) => undifferentiable(cx, item, `${path} part ${i + 1}`))
      .find(f => f !== undefined)
  if (h.kind === 'array') return undifferentiable(cx, h.element, `${path}[…]`)
  return cx.solver.isTree(h) ? undefined : { path, type: h }
}

/** `grad(f)(x)` and `value_and_grad(f)(x)`. */
export const elaborateGradient = (
  cx: BodyContext,
  env: Env,
  e: Call,
  { name, of }: GradientCall,
): CoreExpr => {
  const [f] = of.args
  const [x] = e.args
  if (f === undefined || of.args.length !== 1 || x === undefined || e.args.length !== 1) {
    cx.report({
      code: 'E0339',
      title: `\`${name}\` takes one function, and its result one argument`,
      labels: [
        {
          span: e.span,
          text: `${countOf(of.args.length, 'function')} and ${countOf(e.args.length, 'argument')}`,
        },
      ],
      hint: `write \`${name}(x -> …)(x)\`; several arguments go together in a tuple or a record`,
    })
    return errorExpr(e.span)
  }
  const at = infer(cx, env, x)
  const type = cx.solver.head(at.type)
  if (isError(type)) return errorExpr(e.span)
  const bad = undifferentiable(cx, type, quoteSource(x.span, 'it').replaceAll('`', ''))
  if (bad !== undefined) {
    cx.report({
      code: 'E0345',
      title: `nothing is differentiated with respect to ${cx.show(bad.type)}`,
      labels: [{ span: x.span, text: `\`${bad.path}\` is ${cx.show(bad.type)}` }],
      hint: 'take the derivative with respect to the f32 tensors alone, and let the function capture the rest',
    })
    return errorExpr(e.span)
  }
  const result = cx.solver.freshType('any', of.span)
  const fn = check(
    cx,
    env,
    f,
    { kind: 'fn', params: [at.type], result },
    { kind: 'argument', fn: name, param: '', handed: x.span },
  )
  if (isError(cx.solver.head(fn.type))) return errorExpr(e.span)
  const value = cx.solver.head(result)
  const loss = value.kind === 'tuple' ? cx.solver.head(value.items[0]!) : value
  if (
    !isError(loss) &&
    !cx.solver.unify(loss, typeF32, { span: f.span, text: 'differentiated here' }, () => undefined)
  ) {
    cx.report({
      code: 'E0346',
      title: `\`${name}\` wants a function that gives an f32, and this one gives ${cx.show(value)}`,
      labels: [{ span: f.span, text: `gives ${cx.show(value)}` }],
      hint:
        value.kind === 'tensor'
          ? 'sum it to one number first'
          : 'give one f32, or a tuple that begins with the f32 to differentiate',
    })
    return errorExpr(e.span)
  }
  const withValue = name === 'value_and_grad'
  const out: Type = withValue ? { kind: 'tuple', items: [result, at.type] } : at.type
  return { kind: 'grad', withValue, fn, at, type: out, span: e.span }
}
