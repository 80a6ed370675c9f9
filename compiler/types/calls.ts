import type { CoreExpr } from '../core/core.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import { whatIs } from '../names/module-scopes.js'
import {
  type CallExpr,
  checkArguments,
  inferArguments,
  type Parameter,
  reportArgumentCount,
} from './arguments.js'
import { errorType } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { elaborateBuiltinCall } from './builtin-calls.js'
import { type Callee, resolveCallee } from './callee.js'
import { errorExpr } from './coerce.js'
import type { ExpectedBy } from './expected.js'
import { foreignCall, mayBeForeign } from './foreign-names.js'
import { instantiateSignature } from './fresh-instances.js'
import { elaborateGradient, findGradientCall } from './gradient.js'
import { elaborateUntypedLambda, type FnType, requireFunctionType } from './lambdas.js'
import type { Env, Local, UntypedLambda } from './locals.js'
import type { FnSignature } from './signatures.js'
import { sourceText } from './wording.js'

/** A call of anything. */
export const elaborateCall = (cx: BodyContext, env: Env, e: CallExpr): CoreExpr => {
  const gradient = findGradientCall(cx, env, e)
  if (gradient !== undefined) return elaborateGradient(cx, env, e, gradient)
  const callee = resolveCallee(cx, env, e.callee)
  switch (callee.kind) {
    case 'fn':
      return callDeclared(cx, env, e, callee.signature)
    case 'builtin':
      return elaborateBuiltinCall(cx, env, callee.name, e)
    case 'local': {
      const { local } = callee
      const waiting = local.lambda?.core === undefined ? local.lambda : undefined
      return waiting === undefined
        ? callValue(cx, env, e)
        : callUntypedLambda(cx, env, e, { ...local, lambda: waiting })
    }
    case 'declared':
      return callee.decl.kind === 'const' ? callValue(cx, env, e) : notCallable(cx, env, e, callee)
    case 'broken':
      return refuseCall(cx, env, e)
    case 'unknown':
      return callUnknown(cx, env, e) ?? callValue(cx, env, e)
    default:
      return callValue(cx, env, e)
  }
}

const refuseCall = (cx: BodyContext, env: Env, e: CallExpr): CoreExpr => {
  inferArguments(cx, env, e.args)
  return errorExpr(e.span)
}

/** A call of a function of another language, which is told how to write it; undefined for other names. */
const callUnknown = (cx: BodyContext, env: Env, e: CallExpr): CoreExpr | undefined => {
  const name = sourceText(e.callee.span, '')
  if (!mayBeForeign(e)) return undefined
  const foreign = foreignCall(
    cx,
    e,
    e.args.map(arg => cx.infer(env, arg)),
  )
  if (foreign === undefined) return undefined
  cx.report({
    code: 'E0205',
    title: `there is no function \`${name}\``,
    labels: [{ span: e.callee.span, text: 'not known here' }],
    ...foreign,
  })
  return errorExpr(e.span)
}

const notCallable = (
  cx: BodyContext,
  env: Env,
  e: CallExpr,
  { decl }: Extract<Callee, { kind: 'declared' }>,
): CoreExpr => {
  const name = decl.name.text
  cx.report({
    code: 'E0337',
    title: `\`${name}\` is ${whatIs(decl)}, not a function`,
    labels: [
      { span: e.callee.span, text: 'cannot be called' },
      { span: decl.name.span, text: 'declared here' },
    ],
    ...(decl.kind === 'record' && recordForm(e, decl)),
  })
  return refuseCall(cx, env, e)
}

/** `Point(1, 2)` as a record: `Point { x: 1, y: 2 }`. */
const recordForm = (
  e: CallExpr,
  { name, item }: Extract<Callee, { kind: 'declared' }>['decl'] & { kind: 'record' },
): Pick<Diagnostic, 'hint' | 'fixes'> => {
  const fields = item.fields.map((field, i) => {
    const span = e.args[i]?.span
    return `${field.name.text}: ${span === undefined ? '…' : span.source.text.slice(span.start, span.end)}`
  })
  const written = `${name.text} { ${fields.join(', ')} }`
  const whole = e.args.length === fields.length
  return hintWithFix(`write \`${written}\``, whole ? replaceBy(e.span, written) : undefined)
}

/** A call of a top-level function. */
const callDeclared = (cx: BodyContext, env: Env, e: CallExpr, signature: FnSignature): CoreExpr => {
  cx.parts.uses(signature.id, e.callee.span)
  const { instance, params, result } = instantiateSignature(cx, signature, e.callee.span)
  const optional = signature.params.filter(p => p.default !== undefined).length
  if (e.args.length > params.length || e.args.length < params.length - optional) {
    reportArgumentCount(cx, e, {
      name: signature.name,
      params: signature.params.map(p => `\`${p.name}: ${cx.show(p.type)}\``),
      optional,
      declaredAt: signature.item.name.span,
    })
    return refuseCall(cx, env, e)
  }
  const before = cx.errors
  const parameters = signature.params.map((p, i): Parameter => {
    const why = { fn: signature.name, param: `\`${p.name}\``, at: p.span, declared: p.type, call: e.span }
    return { type: params[i]!, why: { kind: 'argument', ...why } }
  })
  const args = checkArguments(cx, env, e.args, parameters)
  // After a wrong argument, a result whose type depends on it is no second error.
  const depends = signature.result.kind !== 'scalar' || !cx.solver.isKnown(result)
  const type = cx.errors > before && depends ? errorType : result
  return { kind: 'call', fn: signature.id, instance, args, type, span: e.span }
}

/** The first call of a `let`-bound lambda without written types: the arguments fix its types. */
const callUntypedLambda = (
  cx: BodyContext,
  env: Env,
  e: CallExpr,
  local: Local & { readonly lambda: UntypedLambda },
): CoreExpr => {
  const { id, name, type, lambda } = local
  const { params } = lambda.expr
  if (params.length !== e.args.length) {
    const names = params.map(p => `\`${p.name.text}\``)
    reportArgumentCount(cx, e, { name, params: names, declaredAt: local.span })
    return refuseCall(cx, env, e)
  }
  const args = e.args.map((arg, i) => {
    const { type: written, name: param } = params[i]!
    const why: ExpectedBy = { kind: 'argument', fn: name, param: `\`${param.text}\`` }
    return written === undefined ? cx.infer(env, arg) : cx.check(env, arg, cx.resolve(written), why)
  })
  const result = cx.solver.freshType('any', e.span)
  const wanted: FnType = { kind: 'fn', params: args.map(a => a.type), result }
  const core = elaborateUntypedLambda(cx, lambda, {
    type: wanted,
    why: { kind: 'plain', text: 'its first use has these types', at: e.span },
  })
  cx.solver.unify(type, core.type, { span: e.span, text: 'first used here' }, () => undefined)
  const callee: CoreExpr = { kind: 'var', id, name, type, span: e.callee.span }
  return { kind: 'apply', callee, args, type: result, span: e.span }
}

/** A call of the function that a variable or an expression holds. */
const callValue = (cx: BodyContext, env: Env, e: CallExpr): CoreExpr => {
  const callee = cx.infer(env, e.callee)
  const type = requireFunctionType(cx, callee)
  if (type === undefined) return refuseCall(cx, env, e)
  const name = sourceText(e.callee.span, 'this')
  const declaredAt = callee.kind === 'var' ? cx.locals.get(callee.id)?.span : undefined
  if (type.params.length !== e.args.length) {
    reportArgumentCount(cx, e, { name, params: type.params.map(t => `\`${cx.show(t)}\``), declaredAt })
    return refuseCall(cx, env, e)
  }
  const parameters = type.params.map((t, i): Parameter => {
    const param = type.params.length > 1 ? `argument ${i + 1}` : ''
    const at = declaredAt === undefined ? {} : { at: declaredAt }
    return { type: t, why: { kind: 'argument', fn: name, param, ...at } }
  })
  const args = checkArguments(cx, env, e.args, parameters)
  return { kind: 'apply', callee, args, type: type.result, span: e.span }
}
