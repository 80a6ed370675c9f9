import type { CoreExpr, CorePattern } from '../core/core.js'
import { countOf } from '../core/show-type.js'
import type { Type } from '../core/type.js'
import { duplicate } from '../names/module-scopes.js'
import type { Name, Pattern, SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env, Local, UntypedLambda } from './body-context.js'
import { quoteSource } from './body-context.js'
import { errorExpr } from './coerce.js'
import { check, infer } from './elaborate.js'
import { elaborateLambda } from './functions.js'
import { elaborateName } from './name-expressions.js'
import { errorType, isError } from './solver.js'

/** Gives the names of a pattern the parts of a type. */
export const bindPattern = (
  cx: BodyContext,
  env: Env,
  pattern: Pattern,
  type: Type,
  role: Local['role'],
): { readonly pattern: CorePattern; readonly env: Env } => {
  const inner = new Map(env)
  const seen = new Map<string, Name>()
  const go = (p: Pattern, t: Type): CorePattern => {
    if (p.kind === 'name') {
      const before = seen.get(p.name.text)
      if (before !== undefined && p.name.text !== '_') cx.report(duplicate(p.name, before.span))
      seen.set(p.name.text, p.name)
      const local = cx.bind(p.name.text, t, role, p.name.span)
      inner.set(local.name, local)
      return { kind: 'name', id: local.id, name: local.name, type: t }
    }
    const whole = cx.solver.head(t)
    if (whole.kind === 'tuple' && whole.items.length === p.items.length)
      return { kind: 'tuple', items: p.items.map((item, i) => go(item, whole.items[i]!)) }
    if (!isError(whole))
      cx.report({
        code: 'E0335',
        title:
          whole.kind === 'tuple'
            ? `a tuple of ${countOf(whole.items.length, 'part')} is taken apart into ${countOf(p.items.length, 'name')}`
            : `only a tuple can be taken apart, and this is ${cx.show(whole)}`,
        labels: [{ span: p.span, text: `the value is ${cx.show(whole)}` }],
        ...(whole.kind === 'record' && { hint: 'read its fields: `r.field`' }),
      })
    return { kind: 'tuple', items: p.items.map(item => go(item, errorType)) }
  }
  const core = go(pattern, type)
  return { pattern: core, env: inner }
}

/** The value that the names of a pattern have by themselves: the start of a `fold` without one. */
export const elaboratePattern = (cx: BodyContext, env: Env, pattern: Pattern): CoreExpr => {
  if (pattern.kind === 'name')
    return elaborateName(cx, env, { name: pattern.name, span: pattern.name.span }, pattern.span)
  const items = pattern.items.map(p => elaboratePattern(cx, env, p))
  return { kind: 'tuple', items, type: { kind: 'tuple', items: items.map(i => i.type) }, span: pattern.span }
}

type Let = SourceExpr & { kind: 'let' }

/** `let` and what follows; a lambda without written types waits for its first use. */
export const elaborateLet = (
  cx: BodyContext,
  env: Env,
  e: Let,
  then: (env: Env, body: SourceExpr) => CoreExpr,
): CoreExpr => {
  const { value } = e
  if (
    e.pattern.kind === 'name' &&
    e.type === undefined &&
    value.kind === 'lambda' &&
    value.params.some(p => !p.type)
  )
    return letWaiting(cx, env, e, { expr: value, env }, then)
  const bound = elaborateBoundValue(cx, env, e)
  const { pattern, env: inner } = bindPattern(cx, env, e.pattern, bound.type, 'variable')
  const body = then(inner, e.body)
  return { kind: 'let', pattern, value: bound.core, body, type: body.type, span: e.span }
}

/** The value of a `let`, checked against its type if one is written. */
export const elaborateBoundValue = (
  cx: BodyContext,
  env: Env,
  e: Pick<Let, 'pattern' | 'type' | 'value'>,
): { readonly core: CoreExpr; readonly type: Type } => {
  if (e.type === undefined) {
    const core = infer(cx, env, e.value)
    return { core, type: core.type }
  }
  const type = cx.resolve(e.type)
  const name =
    e.pattern.kind === 'name' ? e.pattern.name.text : quoteSource(e.pattern.span).replaceAll('`', '')
  return { core: check(cx, env, e.value, type, { kind: 'let', name, at: e.type.span }), type }
}

const letWaiting = (
  cx: BodyContext,
  env: Env,
  e: Let,
  waiting: UntypedLambda,
  then: (env: Env, body: SourceExpr) => CoreExpr,
): CoreExpr => {
  if (e.pattern.kind !== 'name') return errorExpr(e.span)
  const { text, span } = e.pattern.name
  const local = cx.bind(
    text,
    cx.solver.freshType('any', span),
    'variable',
    span,
    waiting && { lambda: waiting },
  )
  const body = then(new Map(env).set(text, local), e.body)
  if (waiting.core === undefined) {
    waiting.core = elaborateLambda(cx, env, waiting.expr)
    cx.solver.unify(local.type, waiting.core.type, { span, text: 'bound here' }, () => undefined)
  }
  return {
    kind: 'let',
    pattern: { kind: 'name', id: local.id, name: text, type: local.type },
    value: waiting.core,
    body,
    type: body.type,
    span: e.span,
  }
}
