import type { CoreExpectation, CoreExpr, CorePattern, CoreTest } from '../core/core.js'
import type { TestItem } from '../syntax/ast.js'
import { closeBody, finishBody } from './bodies.js'
import type { BodyContextParts, Env, UntypedLambda } from './body-context.js'
import { BodyContext } from './body-context.js'
import { castTo } from './coerce.js'
import { check, infer } from './elaborate.js'
import { elaborateLambda } from './functions.js'
import { bindPattern, elaborateBoundValue } from './let-bindings.js'
import { typeBool, typeF32, typeI32 } from './solver.js'
import { zonk, zonkPattern } from './zonk.js'

type Parts = Pick<BodyContextParts, 'world' | 'constant' | 'uses'>

interface Bound {
  readonly pattern: CorePattern
  /** Known at the end: a lambda without written types waits for its first use. */
  readonly value: () => CoreExpr
}

/** A `test` block: its sizes are all numbers. */
export const elaborateTest = (parts: Parts, module: string, item: TestItem): CoreTest => {
  const { world } = parts
  const cx = new BodyContext({
    ...parts,
    scope: world.scope(module),
    definitions: world.definitionsOf(module),
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
      const { value } = s
      if (
        s.pattern.kind === 'name' &&
        !s.type &&
        value.kind === 'lambda' &&
        value.params.some(p => !p.type)
      ) {
        const waiting: UntypedLambda = { expr: value, env }
        const { text, span } = s.pattern.name
        const local = cx.bind(
          text,
          cx.solver.freshType('any', span),
          'variable',
          span,
          waiting && { lambda: waiting },
        )
        env = new Map(env).set(text, local)
        lets.push({
          pattern: { kind: 'name', id: local.id, name: text, type: local.type },
          value: () => waiting.core ?? elaborateLambda(cx, waiting.env, waiting.expr),
        })
        continue
      }
      const bound = elaborateBoundValue(cx, env, s)
      const made = bindPattern(cx, env, s.pattern, bound.type, 'variable')
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
    const actual = check(cx, env, s.actual, typeBool, {
      kind: 'plain',
      text: 'an expectation is a bool, or `a == b`',
    })
    return { actual, span: s.span }
  }
  const plain = infer(cx, env, s.actual)
  const actual = cx.solver.head(plain.type).kind === 'idx' ? castTo(typeI32, plain) : plain
  const why = {
    kind: 'plain',
    text: `it is compared with ${cx.show(actual.type)}`,
    at: s.actual.span,
  } as const

  const expected = check(cx, env, s.expected, actual.type, why)
  const within =
    s.within === undefined
      ? undefined
      : check(cx, env, s.within, typeF32, { kind: 'plain', text: 'a tolerance is an f32' })
  return { actual, expected, ...(within && { within }), span: s.span }
}
