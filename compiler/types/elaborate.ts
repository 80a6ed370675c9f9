/**
 * Elaboration: from the syntax tree of a function's body to the typed core, or to errors.
 *
 * The method is bidirectional typing (Pierce and Turner, "Local type inference", 2000): `inferExpr` finds a
 * type from the expression alone, `checkExpr` takes the type that the place expects, which gives lambdas,
 * records and numbers theirs. Both work with unification variables for types and sizes (`type-solver.ts`,
 * `size-solver.ts`); at the end of a body `zonk.ts` replaces them by their solutions.
 *
 *     for t, e -> x[t, e] * 2      in:  x: f32[T, E]
 *     for t: T, e: E -> mul(read(x, [t, e]): f32, 2: f32)   : f32[T, E]
 *
 * Let-bound lambdas are not generalised: each has one type. Functions of a module are generic over the sizes
 * and `type` parameters that their signatures mention.
 */
import type { CoreExpr } from '../core/core.js'
import type { SourceExpr } from '../syntax/ast.js'
import { elaborateArrayLiteral } from './array-literals.js'
import { errorType, isError, typeBool, typeF32, typeI32 } from './basic-types.js'
import { BodyContext, type BodyContextParts } from './body-context.js'
import { resolveCallee } from './callee.js'
import { elaborateCall } from './calls.js'
import { type ChoiceType, noChoice } from './choices.js'
import { coerce, errorExpr } from './coerce.js'
import { elaborateFold, elaborateFor, elaborateReduce } from './comprehensions.js'
import type { Expected, ExpectedBy } from './expected.js'
import { elaborateFunctionName } from './functions.js'
import { elaborateLiteralIndex, elaborateProductIndex } from './indices.js'
import { elaborateLambda } from './lambdas.js'
import { elaborateLet } from './let-bindings.js'
import type { Env } from './locals.js'
import { elaborateField, elaborateName } from './name-expressions.js'
import { elaborateBinary, elaborateUnary } from './operators.js'
import { checkRecordLiteral, elaborateRecord } from './record-literals.js'
import { elaborateReplacement } from './replacements.js'
import { elaborateGuardedRead, elaborateRead } from './tensor-reads.js'
import { quoteSource } from './wording.js'

/** The context in which one body is checked. */
export const openBody = (parts: BodyContextParts): BodyContext =>
  new BodyContext(parts, { inferExpr, checkExpr })

/** The typed expression; its type comes from the expression alone. */
const inferExpr = (cx: BodyContext, env: Env, e: SourceExpr): CoreExpr => {
  switch (e.kind) {
    case 'number': {
      const type = e.integer ? cx.solver.freshType('number', e.span) : typeF32
      return { kind: 'const', value: e.value, type, span: e.span }
    }
    case 'bool':
      return { kind: 'const', value: e.value, type: typeBool, span: e.span }
    case 'name':
      return elaborateName(cx, env, e.path, e.span)
    case 'let':
      return elaborateLet(cx, env, e, (inner, body) => inferExpr(cx, inner, body))
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
    case 'replace':
      return elaborateReplacement(cx, env, e)
    case 'field':
      return elaborateField(cx, env, e)
    case 'binary':
      return elaborateBinary(cx, env, e)
    case 'unary':
      return elaborateUnary(cx, env, e)
    case 'tuple': {
      const items = e.items.map(item => inferExpr(cx, env, item))
      return { kind: 'tuple', items, type: { kind: 'tuple', items: items.map(i => i.type) }, span: e.span }
    }
    case 'array':
      return elaborateArrayLiteral(cx, env, e)
    case 'record':
      return elaborateRecord(cx, env, e)
  }
}

/** The typed expression where a type is expected. */
const checkExpr = (cx: BodyContext, env: Env, e: SourceExpr, expected: Expected): CoreExpr => {
  const { why } = expected
  const want = cx.solver.head(expected.type)
  switch (e.kind) {
    case 'number':
      if (want.kind === 'idx') return elaborateLiteralIndex(cx, e, { dim: want.bound })
      break
    case 'let':
      return elaborateLet(cx, env, e, (inner, body) => checkExpr(cx, inner, body, expected))
    case 'if': {
      if (want.kind === 'var') break
      const condition = cx.check(env, e.condition, typeBool, { kind: 'condition' })
      const then = cx.check(env, e.then, want, why)
      const otherwise = cx.check(env, e.otherwise, want, why)
      return { kind: 'if', condition, then, otherwise, type: want, span: e.span }
    }
    case 'lambda':
      if (want.kind === 'fn') return elaborateLambda(cx, env, e, { type: want, why })
      break
    case 'name':
      if (want.kind === 'fn') return elaborateFunctionName(cx, env, e, { type: want, why })
      if (want.kind === 'choice') {
        const choice = checkChoice(cx, env, e, { type: want, why })
        if (choice !== undefined) return choice
        return coerce(cx, inferExpr(cx, env, e), want, why)
      }
      break
    case 'tuple':
      if (want.kind === 'idx') return elaborateProductIndex(cx, env, e, { dim: want.bound })
      if (want.kind === 'tuple' && want.items.length === e.items.length) {
        const items = e.items.map((item, i) => cx.check(env, item, want.items[i]!, why))
        return { kind: 'tuple', items, type: want, span: e.span }
      }
      break
    case 'record':
      if (e.type === undefined && e.base === undefined && (want.kind === 'record' || want.kind === 'fields'))
        return checkRecordLiteral(cx, env, e, want)
      break
    case 'array':
      if (want.kind === 'tensor') return elaborateArrayLiteral(cx, env, e, { type: want, why })
      break
    default:
  }
  const before = cx.errors
  const inferred = inferExpr(cx, env, e)
  // What has an error inside has a type that nobody should be told about.
  return cx.errors > before ? errorExpr(e.span) : coerce(cx, inferred, expected.type, why)
}

/**
 * A name where a choice is expected: one of the choices, or an error; undefined when the name means something
 * else.
 */
const checkChoice = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'name' },
  { type, why }: Expected<ChoiceType>,
): CoreExpr | undefined => {
  const word = e.path.name.text
  if (e.path.module !== undefined || env.has(word)) return undefined
  if (type.names.includes(word)) return { kind: 'choice', name: word, type, span: e.span }
  if (resolveCallee(cx, env, e).kind !== 'unknown') return undefined
  const owner = why.kind === 'operand' && why.at !== undefined ? quoteSource(why.at) : 'this'
  cx.report(noChoice(owner, type, word, e.span))
  return errorExpr(e.span)
}

/** An `if` of which no type is expected: the second branch must have the type of the first. */
const inferIf = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'if' }): CoreExpr => {
  const condition = cx.check(env, e.condition, typeBool, { kind: 'condition' })
  const then = inferExpr(cx, env, e.then)
  const t = cx.solver.head(then.type)
  const why: ExpectedBy = { kind: 'branch', at: e.then.span }
  // An index in one branch and a computed integer in the other become `i32`.
  if (t.kind === 'idx') {
    const other = inferExpr(cx, env, e.otherwise)
    const o = cx.solver.head(other.type)
    const plain = o.kind !== 'idx' && !isError(o)
    const type = plain ? typeI32 : t
    const first = plain ? coerce(cx, then, typeI32, why) : then
    const otherwise = coerce(cx, other, type, why)
    // biome-ignore lint/suspicious/noThenProperty: the branch of the core's `if`, never awaited
    return { kind: 'if', condition, then: first, otherwise, type, span: e.span }
  }
  const before = cx.errors
  const otherwise = isError(t) ? inferExpr(cx, env, e.otherwise) : cx.check(env, e.otherwise, t, why)
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
