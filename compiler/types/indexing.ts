import type { CoreExpr } from '../core/core.js'
import { countOf, ordinal } from '../core/show-type.js'
import type { Size } from '../core/size.js'
import { isPositiveSize, productOfSizes, sizeConstant, sizeNamesIn, subtractSizes } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env } from './body-context.js'
import { quoteSource } from './body-context.js'
import { castTo, coerce, errorExpr } from './coerce.js'
import { check, infer } from './elaborate.js'
import { literalOutside, originOf, readMismatch, tooManyIndices } from './mismatch-messages.js'
import { errorSize, isError, typeI32 } from './solver.js'
import { arrayOf } from './type-traversal.js'

interface Axis {
  readonly whole: Span
  readonly target?: CoreExpr
  readonly axis: number
}

/** What reading an axis by something that is no index has to say. */
const notAnIndex = (cx: BodyContext, e: CoreExpr, dim: Size | undefined, axis?: Axis): CoreExpr => {
  const t = cx.solver.head(e.type)
  if (isError(t)) return e
  const integer = cx.solver.isNumber(t) || (t.kind === 'scalar' && (t.dtype === 'i32' || t.dtype === 'u32'))
  cx.report({
    code: 'E0322',
    title: integer
      ? `${quoteSource(e.span)} is a computed number and may be out of range`
      : `${quoteSource(e.span)} is ${cx.show(t)}, not an index`,
    labels: [
      {
        span: e.span,
        text: dim === undefined ? 'read here' : `nothing says that it is below ${cx.showSize(dim)}`,
      },
    ],
    hint:
      integer && axis?.target !== undefined
        ? `read with a guard: \`${quoteSource(axis.target.span, 'x').replaceAll('`', '')}.at(${quoteSource(e.span, '…').replaceAll('`', '')}, else: 0)\``
        : 'an index comes from a `for`, a reduction or a fold, from data of type `idx[N]`, or is a whole number',
  })
  return errorExpr(e.span)
}

/** A whole number where an index is wanted: it must be below the bound whatever the sizes are. */
export const elaborateLiteralIndex = (
  cx: BodyContext,
  e: SourceExpr & { kind: 'number' },
  bound: Size,
  axis?: Axis,
): CoreExpr => {
  if (!e.integer) return notAnIndex(cx, infer(cx, new Map(), e), bound, axis)
  cx.solver.later(bound, known => {
    // A bound that nothing tells is an error of its own.
    if (sizeNamesIn(known).some(n => n.startsWith('?'))) return
    if (!isPositiveSize(subtractSizes(known, sizeConstant(e.value))) && cx.errors === 0)
      cx.report(literalOutside(cx, e.span, e.value, known, axis?.target))
  })
  return { kind: 'const', value: e.value, type: { kind: 'idx', bound }, span: e.span }
}

/** `(k, g)`: one index of an axis whose length is the product of the parts' ranges. */
export const elaborateProductIndex = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'tuple' },
  dim: Size,
  axis?: Axis,
): CoreExpr => {
  const bounds: Size[] = []
  const parts = e.items.map((item, i) => {
    if (item.kind === 'number') {
      const bound = cx.solver.freshSize({ kind: 'extent', name: ordinal(i), span: item.span })
      bounds.push(bound)
      return elaborateLiteralIndex(cx, item, bound, axis)
    }
    if (item.kind === 'tuple') {
      const bound = cx.solver.freshSize({ kind: 'extent', name: ordinal(i), span: item.span })
      bounds.push(bound)
      return elaborateProductIndex(cx, env, item, bound, axis)
    }
    const part = infer(cx, env, item)
    const t = cx.solver.head(part.type)
    bounds.push(t.kind === 'idx' ? t.bound : errorSize)
    return t.kind === 'idx' ? part : notAnIndex(cx, part, undefined, axis)
  })
  const all = productOfSizes(bounds)
  matchAxis(cx, e.span, all, dim, axis)
  return { kind: 'product', parts, bounds, type: { kind: 'idx', bound: dim }, span: e.span }
}

const matchAxis = (cx: BodyContext, span: Span, bound: Size, dim: Size, axis?: Axis): void => {
  const target = axis?.target
  const place =
    axis === undefined ? '' : `the ${ordinal(axis.axis)} axis of ${quoteSource(target?.span ?? span)}`
  cx.solver.unifySizes(
    bound,
    dim,
    {
      span: axis?.whole ?? span,
      text:
        place === ''
          ? `${quoteSource(span)} is used here`
          : `${quoteSource(span, 'the index')} reads ${place} here`,
    },
    m => {
      if (axis !== undefined && target !== undefined)
        cx.report(readMismatch(cx, axis.whole, target, { span, bound }, axis.axis, dim, m))
      else
        cx.report({
          code: 'E0321',
          title: `${quoteSource(span)} runs over ${cx.showSize(bound)}, but an index below ${cx.showSize(dim)} is wanted`,
          labels: [{ span, text: `runs over ${cx.showSize(bound)}` }],
        })
    },
  )
}

const indexAt = (cx: BodyContext, env: Env, e: SourceExpr, dim: Size, axis: Axis): CoreExpr => {
  if (e.kind === 'number') return elaborateLiteralIndex(cx, e, dim, axis)
  if (e.kind === 'tuple') return elaborateProductIndex(cx, env, e, dim, axis)
  const index = infer(cx, env, e)
  const t = cx.solver.head(index.type)
  if (t.kind !== 'idx') return notAnIndex(cx, index, dim, axis)
  matchAxis(cx, e.span, t.bound, dim, axis)
  return index
}

/** The axes of what is read; undefined when it has none, which is reported. */
const axesOf = (
  cx: BodyContext,
  target: CoreExpr,
  span: Span,
  given: number,
): { element: Type; dims: readonly Size[] } | undefined => {
  const t = cx.solver.head(target.type)
  if (t.kind === 'tensor' || t.kind === 'array') return t
  if (isError(t)) return undefined
  if (t.kind === 'var' && !cx.solver.isNumber(t)) {
    cx.report({
      code: 'E0332',
      title: `the type of ${quoteSource(target.span)} is not known here`,
      labels: [{ span: target.span, text: 'cannot be read before its type is known' }],
      hint: 'write the type of the lambda’s parameter: `(x: f32[N]) -> …`',
    })
    return undefined
  }
  const origin = originOf(cx, target)
  if (t.kind === 'scalar' || t.kind === 'idx' || t.kind === 'var')
    cx.report(tooManyIndices(cx, span, target, 0, given))
  else
    cx.report({
      code: 'E0326',
      title: `${quoteSource(target.span)} is ${cx.show(t)}, which has no axes to read`,
      labels: [{ span: target.span, text: `this is ${cx.show(t)}` }, ...(origin ? [origin] : [])],
      ...(t.kind === 'record' && { hint: 'read a field of it' }),
      ...(t.kind === 'tuple' && { hint: 'take it apart: `let (a, b) = …`' }),
      ...(t.kind === 'fn' && { hint: 'call it' }),
    })
  return undefined
}

/** `x[t, (k, g)]`; fewer indices than axes give the rest. */
export const elaborateRead = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'index' }): CoreExpr => {
  const target = infer(cx, env, e.target)
  const shape = axesOf(cx, target, e.span, e.at.length)
  if (shape === undefined) {
    for (const at of e.at) if (at.kind !== 'tuple') infer(cx, env, at)
    return errorExpr(e.span)
  }
  if (e.at.length > shape.dims.length) {
    cx.report(tooManyIndices(cx, e.span, target, shape.dims.length, e.at.length))
    return errorExpr(e.span)
  }
  const at = e.at.map((index, axis) =>
    indexAt(cx, env, index, shape.dims[axis]!, { whole: e.span, target, axis }),
  )
  return {
    kind: 'read',
    target,
    at,
    type: arrayOf(shape.element, shape.dims.slice(e.at.length)),
    span: e.span,
  }
}

/** `x.at(i, j, else: v)`: total at any integers. */
export const elaborateGuardedRead = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'at' }): CoreExpr => {
  const target = infer(cx, env, e.target)
  const shape = axesOf(cx, target, e.span, e.at.length)
  if (shape === undefined) return errorExpr(e.span)
  if (e.at.length > shape.dims.length) {
    cx.report(tooManyIndices(cx, e.span, target, shape.dims.length, e.at.length))
    return errorExpr(e.span)
  }
  const at = e.at.map(index => {
    const i = infer(cx, env, index)
    const t = cx.solver.head(i.type)
    if (t.kind === 'idx') return castTo(typeI32, i)
    return coerce(cx, i, typeI32, { kind: 'plain', text: 'an integer is wanted' })
  })
  const type = arrayOf(shape.element, shape.dims.slice(e.at.length))
  const otherwise = check(cx, env, e.otherwise, type, {
    kind: 'plain',
    text: `${countOf(e.at.length, 'index', 'indices')} into ${quoteSource(target.span)} give ${cx.show(type)}`,
    at: e.target.span,
  })
  return { kind: 'at', target, at, otherwise, type, span: e.span }
}
