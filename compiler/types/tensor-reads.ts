import type { CoreExpr } from '../core/core.js'
import type { Size } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { SourceExpr } from '../syntax/ast.js'
import { isError, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { castTo, coerce, errorExpr } from './coerce.js'
import { tooManyIndices } from './index-messages.js'
import { elaborateIndex } from './indices.js'
import type { Env } from './locals.js'
import { originLabels } from './message-labels.js'
import { arrayOf } from './type-traversal.js'
import { countOf, quoteSource } from './wording.js'

/** Places as written: `x[i, j]`, `x.at(i, j, else: v)` or `x with [i, j] = v`. */
type ReadExpr = SourceExpr & { kind: 'index' | 'at' | 'replace' }

export interface ArrayShape {
  readonly element: Type
  readonly dims: readonly Size[]
}

/**
 * The axes of the target of a read, at least as many as are read; undefined when it has fewer, which is
 * reported.
 */
export const shapeOfTarget = (cx: BodyContext, target: CoreExpr, e: ReadExpr): ArrayShape | undefined => {
  const t = cx.solver.head(target.type)
  const given = e.at.length
  if (t.kind === 'tensor' || t.kind === 'array') {
    if (given <= t.dims.length) return t
    cx.report(tooManyIndices(cx, e.span, target, { axes: t.dims.length, given }))
  } else if (t.kind === 'var' && !isError(t) && !cx.solver.isNumber(t))
    cx.report({
      code: 'E0332',
      title: `the type of ${quoteSource(target.span)} is not known here`,
      labels: [{ span: target.span, text: 'cannot be read before its type is known' }],
      hint: 'write the type of the lambda’s parameter: `(x: f32[N]) -> …`',
    })
  else if (t.kind === 'scalar' || t.kind === 'idx' || (t.kind === 'var' && !isError(t)))
    cx.report(tooManyIndices(cx, e.span, target, { axes: 0, given }))
  else if (!isError(t))
    cx.report({
      code: 'E0326',
      title: `${quoteSource(target.span)} is ${cx.show(t)}, which has no axes to read`,
      labels: [{ span: target.span, text: `this is ${cx.show(t)}` }, ...originLabels(cx, target)],
      ...(t.kind === 'record' && { hint: 'read a field of it' }),
      ...(t.kind === 'tuple' && { hint: 'take it apart: `let (a, b) = …`' }),
      ...(t.kind === 'fn' && { hint: 'call it' }),
    })
  return undefined
}

/** The type that is left after some axes were read. */
export const restOf = (shape: ArrayShape, read: number): Type =>
  arrayOf(shape.element, shape.dims.slice(read))

/** `x[t, (k, g)]`. Fewer indices than axes give the rest. */
export const elaborateRead = (cx: BodyContext, env: Env, e: ReadExpr & { kind: 'index' }): CoreExpr => {
  const target = cx.infer(env, e.target)
  const shape = shapeOfTarget(cx, target, e)
  if (shape === undefined) {
    if (!hasAxes(cx, target)) for (const at of e.at) if (at.kind !== 'tuple') cx.infer(env, at)
    return errorExpr(e.span)
  }
  const at = e.at.map((index, axis) =>
    elaborateIndex(cx, env, index, {
      dim: shape.dims[axis]!,
      read: { whole: e.span, target, axis, count: e.at.length },
    }),
  )
  return { kind: 'read', target, at, type: restOf(shape, e.at.length), span: e.span }
}

const hasAxes = (cx: BodyContext, target: CoreExpr): boolean => {
  const { kind } = cx.solver.head(target.type)
  return kind === 'tensor' || kind === 'array'
}

/** `x.at(i, j, else: v)`: a read at any integers, with a value for positions outside. */
export const elaborateGuardedRead = (cx: BodyContext, env: Env, e: ReadExpr & { kind: 'at' }): CoreExpr => {
  const target = cx.infer(env, e.target)
  const shape = shapeOfTarget(cx, target, e)
  if (shape === undefined) return errorExpr(e.span)
  const at = e.at.map(index => {
    const i = cx.infer(env, index)
    const t = cx.solver.head(i.type)
    if (t.kind === 'idx') return castTo(typeI32, i)
    return coerce(cx, i, typeI32, { kind: 'plain', text: 'an integer is wanted' })
  })
  const type = restOf(shape, e.at.length)
  const indices = countOf(e.at.length, 'index', 'indices')
  const otherwise = cx.check(env, e.otherwise, type, {
    kind: 'plain',
    text: `${quoteSource(target.span)} read with ${indices} is ${cx.show(type)}`,
    at: e.target.span,
  })
  return { kind: 'at', target, at, otherwise, type, span: e.span }
}
