import type { CoreExpr, CorePattern } from '../core/core.js'
import type { Type } from '../core/type.js'
import { duplicate } from '../names/module-scopes.js'
import type { Name, Pattern, SourceExpr } from '../syntax/ast.js'
import { errorType, isError } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { elaborateUntypedLambda } from './lambdas.js'
import type { Env, Local, UntypedLambda } from './locals.js'
import { elaborateName } from './name-expressions.js'
import { countOf, sourceText } from './wording.js'

/** A `let` of an expression or of a test. */
type Binding = Pick<SourceExpr & { kind: 'let' }, 'pattern' | 'type' | 'value'>

/** Binds the names of a pattern to the parts of a value of some type. */
export const bindPattern = (
  cx: BodyContext,
  env: Env,
  pattern: Pattern,
  type: Type,
): { readonly pattern: CorePattern; readonly env: Env } => {
  const inner = new Map(env)
  const seen = new Map<string, Name>()
  const bind = (p: Pattern, t: Type): CorePattern => {
    if (p.kind === 'name') {
      const { text: name, span } = p.name
      const before = seen.get(name)
      if (before !== undefined && name !== '_') cx.report(duplicate(p.name, before.span))
      seen.set(name, p.name)
      const local = cx.bind({ name, type: t, role: 'variable', span })
      inner.set(name, local)
      return { kind: 'name', id: local.id, name, type: t }
    }
    const whole = cx.solver.head(t)
    if (whole.kind === 'tuple' && whole.items.length === p.items.length)
      return { kind: 'tuple', items: p.items.map((item, i) => bind(item, whole.items[i]!)) }
    if (!isError(whole)) reportPattern(cx, p, whole)
    return { kind: 'tuple', items: p.items.map(item => bind(item, errorType)) }
  }
  const core = bind(pattern, type)
  return { pattern: core, env: inner }
}

const reportPattern = (cx: BodyContext, p: Pattern & { kind: 'tuple' }, whole: Type): void => {
  const names = countOf(p.items.length, 'name')
  cx.report({
    code: 'E0335',
    title:
      whole.kind === 'tuple'
        ? `a tuple of ${countOf(whole.items.length, 'part')} is taken apart into ${names}`
        : `only a tuple can be taken apart, and this is ${cx.show(whole)}`,
    labels: [{ span: p.span, text: `the value is ${cx.show(whole)}` }],
    ...(whole.kind === 'record' && { hint: 'read its fields: `r.field`' }),
  })
}

/** The value of a pattern's names as they are in scope: the start of a `fold` that writes none. */
export const elaboratePattern = (cx: BodyContext, env: Env, pattern: Pattern): CoreExpr => {
  const { span } = pattern
  if (pattern.kind === 'name')
    return elaborateName(cx, env, { name: pattern.name, span: pattern.name.span }, span)
  const items = pattern.items.map(p => elaboratePattern(cx, env, p))
  return { kind: 'tuple', items, type: { kind: 'tuple', items: items.map(i => i.type) }, span }
}

/** `let` and the expression after it, which `elaborateBody` elaborates. */
export const elaborateLet = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'let' },
  elaborateBody: (env: Env, body: SourceExpr) => CoreExpr,
): CoreExpr => {
  const untyped = bindUntypedLambda(cx, env, e)
  if (untyped !== undefined) {
    const { local, lambda, pattern, env: inner } = untyped
    const body = elaborateBody(inner, e.body)
    if (lambda.core !== undefined)
      return { kind: 'let', pattern, value: lambda.core, body, type: body.type, span: e.span }
    // Nothing uses it.
    const value = elaborateUntypedLambda(cx, lambda)
    cx.solver.unify(local.type, value.type, { span: local.span, text: 'bound here' }, () => undefined)
    return { kind: 'let', pattern, value, body, type: body.type, span: e.span }
  }
  const bound = elaborateBoundValue(cx, env, e)
  const { pattern, env: inner } = bindPattern(cx, env, e.pattern, bound.type)
  const body = elaborateBody(inner, e.body)
  return { kind: 'let', pattern, value: bound.core, body, type: body.type, span: e.span }
}

/** The value of a `let`, checked against its type if one is written. */
export const elaborateBoundValue = (
  cx: BodyContext,
  env: Env,
  e: Binding,
): { readonly core: CoreExpr; readonly type: Type } => {
  if (e.type === undefined) {
    const core = cx.infer(env, e.value)
    return { core, type: core.type }
  }
  const type = cx.resolve(e.type)
  const name = e.pattern.kind === 'name' ? e.pattern.name.text : sourceText(e.pattern.span, 'this')
  return { core: cx.check(env, e.value, type, { kind: 'let', name, at: e.type.span }), type }
}

/**
 * Binds a lambda without written types, whose body waits for its first use; undefined for any other `let`.
 */
export const bindUntypedLambda = (
  cx: BodyContext,
  env: Env,
  { pattern, type, value }: Binding,
):
  | {
      readonly local: Local
      readonly lambda: UntypedLambda
      readonly pattern: CorePattern
      readonly env: Env
    }
  | undefined => {
  const waits = type === undefined && value.kind === 'lambda' && value.params.some(p => !p.type)
  if (!waits || pattern.kind !== 'name') return undefined
  const { text: name, span } = pattern.name
  const lambda: UntypedLambda = { expr: value, env }
  const local = cx.bind({ name, type: cx.solver.freshType('any', span), role: 'variable', span, lambda })
  return {
    local,
    lambda,
    pattern: { kind: 'name', id: local.id, name, type: local.type },
    env: new Map(env).set(name, local),
  }
}
