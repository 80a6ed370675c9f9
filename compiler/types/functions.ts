import type { CoreExpr } from '../core/core.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext } from './body-context.js'
import { builtinAsFunction } from './builtin-calls.js'
import { resolveCallee } from './callee.js'
import { coerce, errorExpr, unifyTypes } from './coerce.js'
import type { Expected } from './expected.js'
import { instantiateSignature } from './fresh-instances.js'
import { elaborateUntypedLambda, type FnType, reportParameterCount, wrapInLambda } from './lambdas.js'
import type { Env } from './locals.js'
import type { FnSignature } from './signatures.js'
import { countOf, quoteSource } from './wording.js'

type NameExpr = SourceExpr & { kind: 'name' }

/** A name where a function is expected: a parameter, a `let`, a top-level function or a built-in one. */
export const elaborateFunctionName = (
  cx: BodyContext,
  env: Env,
  e: NameExpr,
  expected: Expected<FnType>,
): CoreExpr => {
  const { type, why } = expected
  const callee = resolveCallee(cx, env, e)
  switch (callee.kind) {
    case 'local': {
      const { lambda, type: own } = callee.local
      if (lambda !== undefined && lambda.core === undefined) {
        const core = elaborateUntypedLambda(cx, lambda, expected)
        unifyTypes(cx, { span: e.span, actual: own, expected: core.type, why })
      }
      break
    }
    case 'fn':
      return declaredAsFunction(cx, e, callee.signature, expected)
    case 'builtin': {
      const made = builtinAsFunction(cx, callee.name, e.span, expected)
      if (made !== undefined) return made
      break
    }
    default:
  }
  return coerce(cx, cx.infer(env, e), type, why)
}

/** A top-level function as a value. Parameters with defaults may be left out: a lambda drops them. */
const declaredAsFunction = (
  cx: BodyContext,
  e: NameExpr,
  signature: FnSignature,
  expected: Expected<FnType>,
): CoreExpr => {
  const { span } = e
  const { id } = signature
  cx.parts.uses(id, span)
  const { instance, params, result } = instantiateSignature(cx, signature, span)
  const wanted = expected.type.params.length
  const optional = signature.params.filter(p => p.default !== undefined).length
  const fits = params.length - optional <= wanted && wanted <= params.length
  if (!fits) {
    const hint = `write a lambda with ${countOf(wanted, 'parameter')} that calls it`
    reportParameterCount(cx, { span, subject: quoteSource(span), has: params.length }, expected, hint)
    return errorExpr(span)
  }
  const type: FnType = { kind: 'fn', params: params.slice(0, wanted), result }
  unifyTypes(cx, { span, actual: type, expected: expected.type, why: expected.why })
  return wanted === params.length
    ? { kind: 'fn', fn: id, instance, type, span }
    : wrapInLambda(cx, span, type, args => ({ kind: 'call', fn: id, instance, args, type: result, span }))
}
