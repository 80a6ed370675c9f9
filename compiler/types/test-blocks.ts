import type { CoreExpectation, CoreExpr, CorePattern, CoreTest } from '../core/core.js'
import type { TestItem } from '../syntax/ast.js'
import { typeBool, typeF32, typeI32 } from './basic-types.js'
import { closeBody, finishBody } from './bodies.js'
import type { BodyContext, BodyContextParts } from './body-context.js'
import { castTo } from './coerce.js'
import { openBody } from './elaborate.js'
import { elaborateLambda } from './lambdas.js'
import { bindPattern, bindUntypedLambda, elaborateBoundValue } from './let-bindings.js'
import type { Env } from './locals.js'
import { zonk, zonkPattern } from './zonk.js'

type Parts = Pick<BodyContextParts, 'declarations' | 'constant' | 'uses'>

interface Bound {
  readonly pattern: CorePattern
  /** Known at the end: a lambda without written types waits for its first use. */
  readonly value: () => CoreExpr
}

/** A `test` block: its sizes are all numbers. */
export const elaborateTest = (parts: Parts, module: string, item: TestItem): CoreTest => {
  const { declarations } = parts
  const cx = openBody({
    ...parts,
    scope: declarations.scope(module),
    definitions: declarations.definitionsOf(module),
    sizes: new Set(),
    types: new Set(),
    owner: 'a test',
  })
  let env: Env = new Map()
  const lets: Bound[] = []
  const expectations: Omit<CoreExpectation, 'lets'>[] = []
  const before: number[] = []
  for (const s of item.statements) {
    if (s.kind === 'let') {
      const untyped = bindUntypedLambda(cx, env, s)
      if (untyped !== undefined) {
        const { lambda, pattern } = untyped
        env = untyped.env
        lets.push({ pattern, value: () => lambda.core ?? elaborateLambda(cx, lambda.env, lambda.expr) })
        continue
      }
      const bound = elaborateBoundValue(cx, env, s)
      const made = bindPattern(cx, env, s.pattern, bound.type)
      env = made.env
      lets.push({ pattern: made.pattern, value: () => bound.core })
      continue
    }
    before.push(lets.length)
    expectations.push(expectation(cx, env, s))
  }
  const values = lets.map(l => l.value())
  const filling = finishBody(cx, item.span)
  const core = (e: CoreExpr): CoreExpr => zonk(e, filling)
  const items = [...values, ...expectations.flatMap(e => [e.actual, ...(e.expected ? [e.expected] : [])])]
  closeBody(cx, { kind: 'tuple', items, type: typeBool, span: item.span }, filling)
  return {
    title: item.title,
    module,
    expectations: expectations.map((e, i) => ({
      lets: lets
        .slice(0, before[i])
        .map((l, k) => ({ pattern: zonkPattern(l.pattern, filling), value: core(values[k]!) })),
      actual: core(e.actual),
      ...(e.expected && { expected: core(e.expected) }),
      ...(e.within && { within: core(e.within) }),
      span: e.span,
    })),
    span: item.span,
  }
}

const expectation = (
  cx: BodyContext,
  env: Env,
  s: TestItem['statements'][number] & { kind: 'expect' },
): Omit<CoreExpectation, 'lets'> => {
  if (s.expected === undefined) {
    const actual = cx.check(env, s.actual, typeBool, {
      kind: 'plain',
      text: 'an expectation is a bool, or `a == b`',
    })
    return { actual, span: s.span }
  }
  const plain = cx.infer(env, s.actual)
  const actual = cx.solver.head(plain.type).kind === 'idx' ? castTo(typeI32, plain) : plain
  const why = {
    kind: 'plain',
    text: `it is compared with ${cx.show(actual.type)}`,
    at: s.actual.span,
  } as const

  const expected = cx.check(env, s.expected, actual.type, why)
  const within =
    s.within === undefined
      ? undefined
      : cx.check(env, s.within, typeF32, { kind: 'plain', text: 'a tolerance is an f32' })
  return { actual, expected, ...(within && { within }), span: s.span }
}
