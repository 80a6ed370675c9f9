import type { CoreExpr, CoreParam } from '../core/core.js'
import { countOf } from '../core/show-type.js'
import type { Type } from '../core/type.js'
import { duplicate } from '../names/module-scopes.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env, ExpectedBy, Local } from './body-context.js'
import { quoteSource } from './body-context.js'
import { builtinAsFunction } from './builtin-calls.js'
import { resolveCallee } from './callee.js'
import { coerce, errorExpr, unifyTypes } from './coerce.js'
import { check, infer } from './elaborate.js'
import { instantiateSignature } from './fresh-instances.js'
import { isError } from './solver.js'

type Fn = Type & { kind: 'fn' }

/** A lambda; with an expected function type its parameters need no types. */
export const elaborateLambda = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'lambda' },
  expected?: Fn,
  why?: ExpectedBy,
): CoreExpr => {
  if (expected !== undefined && expected.params.length !== e.params.length) {
    cx.report({
      code: 'E0336',
      title: `this lambda has ${countOf(e.params.length, 'parameter')}, but ${countOf(expected.params.length, 'argument')} will be handed to it`,
      labels: [
        { span: e.span, text: `wanted: ${cx.show(expected)}` },
        ...(why !== undefined && 'at' in why && why.at !== undefined
          ? [{ span: why.at, text: 'declared here' }]
          : []),
      ],
    })
    return errorExpr(e.span)
  }
  const inner = new Map(env)
  const seen = new Map<string, Local>()
  const params = e.params.map((p, i): CoreParam => {
    const wanted = expected?.params[i]
    const written = p.type === undefined ? undefined : cx.resolve(p.type)
    if (written !== undefined && wanted !== undefined && p.type !== undefined)
      unifyTypes(cx, p.span, written, wanted, {
        kind: 'plain',
        text: `${cx.show(wanted)} will be handed to it`,
        ...(why !== undefined && 'at' in why && why.at !== undefined && { at: why.at }),
      })
    const type = written ?? wanted ?? cx.solver.freshType('any', p.span)
    const before = seen.get(p.name.text)
    if (before !== undefined && p.name.text !== '_') cx.report(duplicate(p.name, before.span))
    const from = written === undefined && why?.kind === 'argument' ? why.handed : undefined
    const local = cx.bind(p.name.text, type, 'parameter', p.name.span, from && { from })
    seen.set(p.name.text, local)
    inner.set(p.name.text, local)
    return { id: local.id, name: p.name.text, type }
  })
  const body =
    expected === undefined || why === undefined
      ? infer(cx, inner, e.body)
      : check(
          cx,
          inner,
          e.body,
          expected.result,
          why.kind === 'argument' ? { ...resultWhy(cx, why, expected) } : why,
        )
  const result = expected?.result ?? body.type
  return {
    kind: 'lambda',
    params,
    body,
    type: { kind: 'fn', params: params.map(p => p.type), result },
    span: e.span,
  }
}

const resultWhy = (cx: BodyContext, why: ExpectedBy & { kind: 'argument' }, expected: Fn): ExpectedBy => ({
  kind: 'plain',
  text: `\`${why.fn}\` wants ${cx.show(expected.result)} from it`,
  ...(why.at !== undefined && { at: why.at }),
})

/** A name where a function is wanted: a parameter, a `let`, a top-level function, a built-in one. */
export const elaborateFunctionName = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'name' },
  want: Fn,
  why: ExpectedBy,
): CoreExpr => {
  const callee = resolveCallee(cx, env, e)
  switch (callee.kind) {
    case 'local': {
      const { lambda: waiting } = callee.local
      if (waiting !== undefined && waiting.core === undefined) {
        waiting.core = elaborateLambda(cx, waiting.env, waiting.expr, want, why)
        unifyTypes(cx, e.span, callee.local.type, waiting.core.type, why)
      }
      return coerce(cx, infer(cx, env, e), want, why)
    }
    case 'fn': {
      const { signature } = callee
      cx.parts.uses(signature.id, e.span)
      const { instance, params, result } = instantiateSignature(cx, signature, e.span)
      const optional = signature.params.filter(p => p.default !== undefined).length
      if (params.length > want.params.length && params.length - optional <= want.params.length) {
        const type: Fn = { kind: 'fn', params: params.slice(0, want.params.length), result }
        unifyTypes(cx, e.span, type, want, why)
        return wrapInLambda(cx, e, type, args => ({
          kind: 'call',
          fn: signature.id,
          instance,
          args,
          type: result,
          span: e.span,
        }))
      }
      const type: Fn = { kind: 'fn', params, result }
      if (params.length !== want.params.length) {
        wrongArity(cx, e, params.length, want, why)
        return errorExpr(e.span)
      }
      unifyTypes(cx, e.span, type, want, why)
      return { kind: 'fn', fn: signature.id, instance, type, span: e.span }
    }
    case 'builtin': {
      const made = builtinAsFunction(cx, callee.name, e, want, why)
      if (made !== undefined) return made
      break
    }
    default:
  }
  return coerce(cx, infer(cx, env, e), want, why)
}

const wrongArity = (cx: BodyContext, e: SourceExpr, has: number, want: Fn, why: ExpectedBy): void =>
  cx.report({
    code: 'E0336',
    title: `${quoteSource(e.span)} has ${countOf(has, 'parameter')}, but ${countOf(want.params.length, 'argument')} will be handed to it`,
    labels: [
      { span: e.span, text: `wanted: ${cx.show(want)}` },
      ...('at' in why && why.at !== undefined ? [{ span: why.at, text: 'declared here' }] : []),
    ],
    hint: `write a lambda with ${countOf(want.params.length, 'parameter')} that calls it`,
  })

/** `(a, b) -> f(a, b)` of something that can be called. */
export const wrapInLambda = (
  cx: BodyContext,
  e: SourceExpr,
  type: Fn,
  make: (args: readonly CoreExpr[]) => CoreExpr,
): CoreExpr => {
  const params = type.params.map((t, i): CoreParam => {
    const local = cx.bind(`x${i}`, t, 'parameter', e.span)
    return { id: local.id, name: local.name, type: t }
  })
  const args = params.map(
    (p): CoreExpr => ({ kind: 'var', id: p.id, name: p.name, type: p.type, span: e.span }),
  )
  return { kind: 'lambda', params, body: make(args), type, span: e.span }
}

/** The type of what a function gives, where a function is needed. */
export const requireFunctionType = (cx: BodyContext, e: CoreExpr): Fn | undefined => {
  const t = cx.solver.head(e.type)
  if (t.kind === 'fn') return t
  if (!isError(t))
    cx.report({
      code: 'E0337',
      title: `${quoteSource(e.span)} is ${cx.show(t)}, not a function`,
      labels: [{ span: e.span, text: 'cannot be called' }],
      ...((t.kind === 'tensor' || t.kind === 'array') && { hint: 'tensors are read with brackets: `x[i]`' }),
    })
  return undefined
}
