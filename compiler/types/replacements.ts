import type { CoreExpr, CorePattern } from '../core/core.js'
import type { SourceExpr } from '../syntax/ast.js'
import { typeBool, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { castTo, errorExpr } from './coerce.js'
import { elaborateIndex } from './indices.js'
import type { Env } from './locals.js'
import { type ArrayShape, restOf, shapeOfTarget } from './tensor-reads.js'

type Replacement = SourceExpr & { kind: 'replace' }

/**
 * `x with [i, j] = v`: x with another value in one place. Fewer indices than axes replace a row. It means
 * `for a, b -> if a == i and b == j then v else x[a, b]`, with each part evaluated once.
 */
export const elaborateReplacement = (cx: BodyContext, env: Env, e: Replacement): CoreExpr => {
  const target = cx.infer(env, e.target)
  const shape = shapeOfTarget(cx, target, e)
  if (shape === undefined) return errorExpr(e.span)
  const at = e.at.map((index, axis) => elaborateIndex(cx, env, index, { dim: shape.dims[axis]! }))
  const type = restOf(shape, at.length)
  const value = cx.check(env, e.value, type, {
    kind: 'plain',
    text: `what it replaces is ${cx.show(type)}`,
    at: e.target.span,
  })
  return asComprehension(cx, { target, at, value }, shape)
}

interface Parts {
  readonly target: CoreExpr
  readonly at: readonly CoreExpr[]
  readonly value: CoreExpr
}

/** The `for` that a replacement means. */
const asComprehension = (cx: BodyContext, { target, at, value }: Parts, shape: ArrayShape): CoreExpr => {
  const { type, span } = target
  const lets: { readonly pattern: CorePattern; readonly value: CoreExpr }[] = []
  const shared = (name: string, e: CoreExpr): CoreExpr => {
    const { id } = cx.bind({ name, type: e.type, role: 'variable', span: e.span })
    lets.push({ pattern: { kind: 'name', id, name, type: e.type }, value: e })
    return { kind: 'var', id, name, type: e.type, span: e.span }
  }
  const whole = shared('whole', target)
  const places = at.map((i, axis) => shared(`place${axis}`, i))
  const then = shared('replaced', value)
  const binders = at.map((_, axis) => {
    const name = `axis${axis}`
    const bound = shape.dims[axis]!
    const { id } = cx.bind({ name, type: { kind: 'idx', bound }, role: 'index', span })
    return { kind: 'index', id, name, bound } as const
  })
  const indices = binders.map(
    (b): CoreExpr => ({ kind: 'var', id: b.id, name: b.name, type: { kind: 'idx', bound: b.bound }, span }),
  )
  const condition = indices
    .map((i, axis): CoreExpr => {
      const args = [castTo(typeI32, i), castTo(typeI32, places[axis]!)]
      return { kind: 'op', op: 'eq', args, type: typeBool, span }
    })
    .reduce((a, b): CoreExpr => ({ kind: 'op', op: 'and', args: [a, b], type: typeBool, span }))
  const otherwise: CoreExpr = { kind: 'read', target: whole, at: indices, type: value.type, span }
  const body: CoreExpr = { kind: 'if', condition, then, otherwise, type: value.type, span }
  return [...lets]
    .reverse()
    .reduce<CoreExpr>((inner, l) => ({ kind: 'let', ...l, body: inner, type, span }), {
      kind: 'for',
      binders,
      body,
      type,
      span,
    })
}
