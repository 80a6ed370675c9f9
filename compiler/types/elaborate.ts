import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { SourceExpr } from '../syntax/ast.js'
import { elaborateArrayLiteral } from './array-literals.js'
import { type BodyContext, type Env, type ExpectedBy, quoteSource } from './body-context.js'
import { resolveCallee } from './callee.js'
import { elaborateCall } from './calls.js'
import { type ChoiceType, noChoice } from './choices.js'
import { coerce, errorExpr } from './coerce.js'
import { elaborateFold, elaborateFor, elaborateReduce } from './comprehensions.js'
import { elaborateFunctionName, elaborateLambda } from './functions.js'
import {
  elaborateGuardedRead,
  elaborateLiteralIndex,
  elaborateProductIndex,
  elaborateRead,
} from './indexing.js'
import { elaborateLet } from './let-bindings.js'
import { elaborateName } from './name-expressions.js'
import { elaborateBinary, elaborateUnary } from './operators.js'
import { checkRecordLiteral, elaborateField, elaborateRecord } from './record-literals.js'
import { errorType, isError, typeBool, typeF32, typeI32 } from './solver.js'

/** The typed expression; its type is found from the expression alone. */
export const infer = (cx: BodyContext, env: Env, e: SourceExpr): CoreExpr => {
  switch (e.kind) {
    case 'number':
      return {
        kind: 'const',
        value: e.value,
        type: e.integer ? cx.solver.freshType('number', e.span) : typeF32,
        span: e.span,
      }
    case 'bool':
      return { kind: 'const', value: e.value, type: typeBool, span: e.span }
    case 'name':
      return elaborateName(cx, env, e.path, e.span)
    case 'let':
      return elaborateLet(cx, env, e, (inner, body) => infer(cx, inner, body))
    case 'if':
      return inferIf(cx, env, e)
    case 'for':
      return elaborateFor(cx, env, e)
    case 'reduce':
      return elaborateReduce(cx, env, e)
    case 'fold':
      return elaborateFold(cx, env, e)
    case 'lambda':
      return elaborateLambda(cx, env, e)
    case 'call':
      return elaborateCall(cx, env, e)
    case 'index':
      return elaborateRead(cx, env, e)
    case 'at':
      return elaborateGuardedRead(cx, env, e)
    case 'field':
      return elaborateField(cx, env, e)
    case 'binary':
      return elaborateBinary(cx, env, e)
    case 'unary':
      return elaborateUnary(cx, env, e)
    case 'tuple': {
      const items = e.items.map(item => infer(cx, env, item))
      return { kind: 'tuple', items, type: { kind: 'tuple', items: items.map(i => i.type) }, span: e.span }
    }
    case 'array':
      return elaborateArrayLiteral(cx, env, e)
    case 'record':
      return elaborateRecord(cx, env, e)
  }
}

/** The typed expression where a type is expected; what is expected tells lambdas, records and numbers what they are. */
export const check = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr,
  expected: Type,
  why: ExpectedBy,
): CoreExpr => {
  const want = cx.solver.head(expected)
  switch (e.kind) {
    case 'number':
      if (want.kind === 'idx') return elaborateLiteralIndex(cx, e, want.bound)
      break
    case 'let':
      return elaborateLet(cx, env, e, (inner, body) => check(cx, inner, body, expected, why))
    case 'if': {
      if (want.kind === 'var') break
      const condition = check(cx, env, e.condition, typeBool, { kind: 'condition' })
      const then = check(cx, env, e.then, want, why)
      const otherwise = check(cx, env, e.otherwise, want, why)
      return { kind: 'if', condition, then, otherwise, type: want, span: e.span }
    }
    case 'lambda':
      if (want.kind === 'fn') return elaborateLambda(cx, env, e, want, why)
      break
    case 'name':
      if (want.kind === 'fn') return elaborateFunctionName(cx, env, e, want, why)
      if (want.kind === 'choice')
        return choiceNamed(cx, env, e, want, why) ?? coerce(cx, infer(cx, env, e), want, why)
      break
    case 'tuple':
      if (want.kind === 'idx') return elaborateProductIndex(cx, env, e, want.bound)
      if (want.kind === 'tuple' && want.items.length === e.items.length) {
        const items = e.items.map((item, i) => check(cx, env, item, want.items[i]!, why))
        return { kind: 'tuple', items, type: want, span: e.span }
      }
      break
    case 'record':
      if (e.type === undefined && e.base === undefined && (want.kind === 'record' || want.kind === 'fields'))
        return checkRecordLiteral(cx, env, e, want)
      break
    case 'array':
      if (want.kind === 'tensor') return elaborateArrayLiteral(cx, env, e, want, why)
      break
    default:
  }
  return coerce(cx, infer(cx, env, e), expected, why)
}

/** A name where a choice is expected: one of the choices, or nothing at all; undefined when it means something else. */
const choiceNamed = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'name' },
  want: ChoiceType,
  why: ExpectedBy,
): CoreExpr | undefined => {
  const word = e.path.name.text
  if (e.path.module !== undefined || env.has(word)) return undefined
  if (want.names.includes(word)) return { kind: 'choice', name: word, type: want, span: e.span }
  if (resolveCallee(cx, env, e).kind !== 'unknown') return undefined
  const owner = why.kind === 'operand' && why.at !== undefined ? quoteSource(why.at) : 'this'
  cx.report(noChoice(owner, want, word, e.span))
  return errorExpr(e.span)
}

const inferIf = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'if' }): CoreExpr => {
  const condition = check(cx, env, e.condition, typeBool, { kind: 'condition' })
  const then = infer(cx, env, e.then)
  const t = cx.solver.head(then.type)
  const why: ExpectedBy = { kind: 'branch', at: e.then.span }
  // An index in one branch and a computed integer in the other meet as `i32`.
  if (t.kind === 'idx') {
    const other = infer(cx, env, e.otherwise)
    const o = cx.solver.head(other.type)
    const plain = o.kind !== 'idx' && !isError(o)
    const type = plain ? typeI32 : t
    const first = plain ? coerce(cx, then, typeI32, why) : then
    const otherwise = coerce(cx, other, type, why)
    // biome-ignore lint/suspicious/noThenProperty: the branch of the core's `if`, never awaited
    return { kind: 'if', condition, then: first, otherwise, type, span: e.span }
  }
  const before = cx.errors
  const otherwise = isError(t) ? infer(cx, env, e.otherwise) : check(cx, env, e.otherwise, t, why)
  if (cx.errors > before) return errorExpr(e.span)
  const type = isError(t) ? otherwise.type : t
  if (type.kind === 'fn') {
    cx.report({
      code: 'E0306',
      title: 'a function cannot be chosen by an `if`',
      labels: [{ span: e.span, text: 'each branch is a function' }],
      hint: 'put the `if` inside one lambda',
    })
    return { ...errorExpr(e.span), type: errorType }
  }
  return { kind: 'if', condition, then, otherwise, type, span: e.span }
}
