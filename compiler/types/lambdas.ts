import type { CoreExpr, CoreParam } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { duplicate } from '../names/module-scopes.js'
import type { SourceExpr } from '../syntax/ast.js'
import { isError } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { errorExpr, unifyTypes } from './coerce.js'
import { type Expected, type ExpectedBy, placeOfExpectation } from './expected.js'
import type { Env, Local, UntypedLambda } from './locals.js'
import { countOf, quoteSource } from './wording.js'

export type FnType = Type & { kind: 'fn' }
type Lambda = SourceExpr & { kind: 'lambda' }

/** A lambda. Where a function type is expected, its parameters need no types. */
export const elaborateLambda = (
  cx: BodyContext,
  env: Env,
  e: Lambda,
  expected?: Expected<FnType>,
): CoreExpr => {
  if (expected !== undefined && expected.type.params.length !== e.params.length) {
    reportParameterCount(cx, { span: e.span, subject: 'this lambda', has: e.params.length }, expected)
    return errorExpr(e.span)
  }
  const { params, inner } = bindParameters(cx, env, e, expected)
  const body =
    expected === undefined
      ? cx.infer(inner, e.body)
      : cx.check(inner, e.body, expected.type.result, expectedOfBody(cx, expected))
  const result = expected?.type.result ?? body.type
  const type: FnType = { kind: 'fn', params: params.map(p => p.type), result }
  return { kind: 'lambda', params, body, type, span: e.span }
}

const bindParameters = (
  cx: BodyContext,
  env: Env,
  e: Lambda,
  expected: Expected<FnType> | undefined,
): { readonly params: readonly CoreParam[]; readonly inner: Env } => {
  const inner = new Map(env)
  const seen = new Map<string, Local>()
  const params = e.params.map((p, i): CoreParam => {
    const wanted = expected?.type.params[i]
    const written = p.type === undefined ? undefined : cx.resolve(p.type)
    if (written !== undefined && wanted !== undefined && expected !== undefined) {
      const at = placeOfExpectation(expected.why)
      const text = `${cx.show(wanted)} will be handed to it`
      const why: ExpectedBy = { kind: 'plain', text, ...(at !== undefined && { at }) }
      unifyTypes(cx, { span: p.span, actual: written, expected: wanted, why })
    }
    const type = written ?? wanted ?? cx.solver.freshType('any', p.span)
    const before = seen.get(p.name.text)
    if (before !== undefined && p.name.text !== '_') cx.report(duplicate(p.name, before.span))
    const from = written === undefined && expected?.why.kind === 'argument' ? expected.why.handed : undefined
    const local = cx.bind({
      name: p.name.text,
      type,
      role: 'parameter',
      span: p.name.span,
      ...(from !== undefined && { from }),
    })
    seen.set(p.name.text, local)
    inner.set(p.name.text, local)
    return { id: local.id, name: p.name.text, type }
  })
  return { params, inner }
}

const expectedOfBody = (cx: BodyContext, { type, why }: Expected<FnType>): ExpectedBy =>
  why.kind === 'argument'
    ? {
        kind: 'plain',
        text: `\`${why.fn}\` wants ${cx.show(type.result)} from it`,
        ...(why.at !== undefined && { at: why.at }),
      }
    : why

/** Checks a waiting lambda at its first use. `expected` is known where it is called or handed on. */
export const elaborateUntypedLambda = (
  cx: BodyContext,
  waiting: UntypedLambda,
  expected?: Expected<FnType>,
): CoreExpr => {
  waiting.core = elaborateLambda(cx, waiting.env, waiting.expr, expected)
  return waiting.core
}

/** Reports a function with another number of parameters than it will receive arguments. */
export const reportParameterCount = (
  cx: BodyContext,
  fn: { readonly span: Span; readonly subject: string; readonly has: number },
  { type, why }: Expected<FnType>,
  hint?: string,
): void => {
  const at = placeOfExpectation(why)
  const gets = countOf(type.params.length, 'argument')
  cx.report({
    code: 'E0336',
    title: `${fn.subject} has ${countOf(fn.has, 'parameter')}, but ${gets} will be handed to it`,
    labels: [
      { span: fn.span, text: `wanted: ${cx.show(type)}` },
      ...(at === undefined ? [] : [{ span: at, text: 'declared here' }]),
    ],
    ...(hint !== undefined && { hint }),
  })
}

/**
 * `(a, b) -> f(a, b)` for something that is not a value by itself, such as a built-in function (eta
 * expansion).
 */
export const wrapInLambda = (
  cx: BodyContext,
  span: Span,
  type: FnType,
  make: (args: readonly CoreExpr[]) => CoreExpr,
): CoreExpr => {
  const params = type.params.map((t, i): CoreParam => {
    const local = cx.bind({ name: `x${i}`, type: t, role: 'parameter', span })
    return { id: local.id, name: local.name, type: t }
  })
  const args = params.map((p): CoreExpr => ({ kind: 'var', id: p.id, name: p.name, type: p.type, span }))
  return { kind: 'lambda', params, body: make(args), type, span }
}

/**
 * The function type of an expression that is called; undefined when it has another type, which is reported.
 */
export const requireFunctionType = (cx: BodyContext, e: CoreExpr): FnType | undefined => {
  const t = cx.solver.head(e.type)
  if (t.kind === 'fn') return t
  if (!isError(t))
    cx.report({
      code: 'E0337',
      title: `${quoteSource(e.span)} is ${cx.show(t)}, not a function`,
      labels: [{ span: e.span, text: 'cannot be called' }],
      ...((t.kind === 'tensor' || t.kind === 'array') && {
        hint: 'tensors are read with brackets: `x[i]`',
      }),
    })
  return undefined
}
