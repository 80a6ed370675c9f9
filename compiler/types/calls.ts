import type { CoreExpr } from '../core/core.js'
import { countOf } from '../core/show-type.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { whatIs } from '../names/module-scopes.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env, ExpectedBy, Local } from './body-context.js'
import { quoteSource } from './body-context.js'
import { callBuiltin } from './builtin-calls.js'
import { resolveCallee } from './callee.js'
import { errorExpr } from './coerce.js'
import type { FnSignature } from './declarations.js'
import { check, infer } from './elaborate.js'
import { instantiateSignature } from './fresh-instances.js'
import { elaborateLambda, requireFunctionType } from './functions.js'
import { elaborateGradient, findGradientCall } from './gradient.js'
import { errorType } from './solver.js'

type Call = SourceExpr & { kind: 'call' }

export const elaborateCall = (cx: BodyContext, env: Env, e: Call): CoreExpr => {
  const inner = findGradientCall(cx, env, e)
  if (inner !== undefined) return elaborateGradient(cx, env, e, inner)
  const callee = resolveCallee(cx, env, e.callee)
  switch (callee.kind) {
    case 'fn':
      return callFn(cx, env, e, callee.signature)
    case 'builtin':
      return callBuiltin(cx, env, callee.name, e)
    case 'local':
      if (callee.local.lambda !== undefined && callee.local.lambda.core === undefined)
        return callWaiting(cx, env, e, callee.local, callee.local.lambda)
      return apply(cx, env, e)
    case 'declared':
      if (callee.decl.kind !== 'const') {
        cx.report({
          code: 'E0337',
          title: `\`${callee.decl.name.text}\` is ${whatIs(callee.decl)}, not a function`,
          labels: [
            { span: e.callee.span, text: 'cannot be called' },
            { span: callee.decl.name.span, text: 'declared here' },
          ],
          ...(callee.decl.kind === 'record' && { hint: `write \`${callee.decl.name.text} { … }\`` }),
        })
        inferArguments(cx, env, e.args)
        return errorExpr(e.span)
      }
      return apply(cx, env, e)
    case 'broken':
      inferArguments(cx, env, e.args)
      return errorExpr(e.span)
    default:
      return apply(cx, env, e)
  }
}

/** For the errors in the arguments of a call that is wrong itself. */
export const inferArguments = (cx: BodyContext, env: Env, args: readonly SourceExpr[]): void => {
  for (const arg of args) if (arg.kind !== 'lambda') infer(cx, env, arg)
}

const wrongCount = (
  cx: BodyContext,
  e: Call,
  name: string,
  wanted: readonly string[],
  optional: number,
  at?: Span,
): void => {
  const least = wanted.length - optional
  const range =
    optional === 0 ? countOf(wanted.length, 'argument') : `${least} to ${countOf(wanted.length, 'argument')}`
  const missing = wanted.slice(e.args.length, least)
  cx.report({
    code: 'E0339',
    title: `\`${name}\` takes ${range}, but gets ${countOf(e.args.length, 'argument')}`,
    labels: [
      missing.length > 0
        ? { span: e.span, text: `lacks ${missing.join(', ')}` }
        : { span: e.args[wanted.length]?.span ?? e.span, text: 'one too many' },
      ...(at === undefined ? [] : [{ span: at, text: `\`${name}\` is declared here` }]),
    ],
  })
}

/** Checks arguments in the order in which they tell most: values first, what goes with them, functions last. */
const checkArgs = (
  cx: BodyContext,
  env: Env,
  args: readonly SourceExpr[],
  params: readonly Type[],
  why: (i: number) => ExpectedBy,
): readonly CoreExpr[] => {
  const done = new Map<number, CoreExpr>()
  const rank = (t: Type): number => (t.kind === 'fn' ? 2 : t.kind === 'per' ? 1 : 0)
  const order = args.map((_, i) => i).sort((a, b) => rank(params[a]!) - rank(params[b]!) || a - b)
  for (const i of order) done.set(i, check(cx, env, args[i]!, params[i]!, why(i)))
  return args.map((_, i) => done.get(i)!)
}

const callFn = (cx: BodyContext, env: Env, e: Call, signature: FnSignature): CoreExpr => {
  cx.parts.uses(signature.id, e.callee.span)
  const { instance, params, result } = instantiateSignature(cx, signature, e.callee.span)
  const optional = signature.params.filter(p => p.default !== undefined).length
  if (e.args.length > params.length || e.args.length < params.length - optional) {
    const names = signature.params.map(p => `\`${p.name}: ${cx.show(p.type)}\``)
    wrongCount(cx, e, signature.name, names, optional, signature.item.name.span)
    inferArguments(cx, env, e.args)
    return { ...errorExpr(e.span) }
  }
  const before = cx.errors
  const args = checkArgs(cx, env, e.args, params, i => ({
    kind: 'argument',
    fn: signature.name,
    param: `\`${signature.params[i]!.name}\``,
    at: signature.params[i]!.span,
    declared: signature.params[i]!.type,
  }))
  // After a wrong argument, a result whose type it was to tell is no second error.
  const type = cx.errors > before && !cx.solver.isKnown(result) ? errorType : result
  return { kind: 'call', fn: signature.id, instance, args, type, span: e.span }
}

/** The first call of a `let`-bound lambda without written types: its arguments tell them. */
const callWaiting = (
  cx: BodyContext,
  env: Env,
  e: Call,
  local: Local,
  waiting: NonNullable<Local['lambda']>,
): CoreExpr => {
  if (waiting.expr.params.length !== e.args.length) {
    wrongCount(
      cx,
      e,
      local.name,
      waiting.expr.params.map(p => `\`${p.name.text}\``),
      0,
      local.span,
    )
    inferArguments(cx, env, e.args)
    return errorExpr(e.span)
  }
  const args = e.args.map((arg, i) => {
    const written = waiting.expr.params[i]!.type
    const why: ExpectedBy = {
      kind: 'argument',
      fn: local.name,
      param: `\`${waiting.expr.params[i]!.name.text}\``,
    }
    return written === undefined ? infer(cx, env, arg) : check(cx, env, arg, cx.resolve(written), why)
  })
  const result = cx.solver.freshType('any', e.span)
  const wanted: Type & { kind: 'fn' } = { kind: 'fn', params: args.map(a => a.type), result }
  const core = elaborateLambda(cx, waiting.env, waiting.expr, wanted, {
    kind: 'plain',
    text: 'as its first use has it',
    at: e.span,
  })
  waiting.core = core
  cx.solver.unify(local.type, core.type, { span: e.span, text: 'first used here' }, () => undefined)
  const callee: CoreExpr = {
    kind: 'var',
    id: local.id,
    name: local.name,
    type: local.type,
    span: e.callee.span,
  }
  return { kind: 'apply', callee, args, type: result, span: e.span }
}

/** A call of what a variable or an expression holds. */
const apply = (cx: BodyContext, env: Env, e: Call): CoreExpr => {
  const callee = infer(cx, env, e.callee)
  const type = requireFunctionType(cx, callee)
  if (type === undefined) {
    inferArguments(cx, env, e.args)
    return errorExpr(e.span)
  }
  const name = quoteSource(e.callee.span, '`this`').replaceAll('`', '')
  if (type.params.length !== e.args.length) {
    const local = callee.kind === 'var' ? cx.locals.get(callee.id) : undefined
    wrongCount(
      cx,
      e,
      name,
      type.params.map(t => `\`${cx.show(t)}\``),
      0,
      local?.span,
    )
    inferArguments(cx, env, e.args)
    return errorExpr(e.span)
  }
  const at = callee.kind === 'var' ? cx.locals.get(callee.id)?.span : undefined
  const args = checkArgs(cx, env, e.args, type.params, i => ({
    kind: 'argument',
    fn: name,
    param: type.params.length > 1 ? `argument ${i + 1}` : '',
    ...(at !== undefined && { at }),
  }))
  return { kind: 'apply', callee, args, type: type.result, span: e.span }
}
