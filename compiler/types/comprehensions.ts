import type { CoreBinder, CoreExpr } from '../core/core.js'
import type { Size } from '../core/size.js'
import { productOfSizes } from '../core/size.js'
import type { Type } from '../core/type.js'
import { duplicate } from '../names/module-scopes.js'
import type { Binder, Name, SourceExpr } from '../syntax/ast.js'
import { isError, typeBool, typeF32, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { castTo, coerce, errorExpr, unifyTypes } from './coerce.js'
import { bindPattern, elaboratePattern } from './let-bindings.js'
import type { Env } from './locals.js'
import { arrayOf } from './type-traversal.js'

interface BoundIndices {
  readonly binders: readonly CoreBinder[]
  /** The size of each axis of the result. A product of indices makes one axis. */
  readonly extents: readonly Size[]
  readonly env: Env
}

/** Binds the indices of a comprehension. The body's reads fix the ranges that are not written. */
const bindIndices = (cx: BodyContext, env: Env, binders: readonly Binder[]): BoundIndices => {
  const inner = new Map(env)
  const seen = new Map<string, Name>()
  const one = (b: Binder): { core: CoreBinder; extent: Size } => {
    if (b.kind === 'product') {
      const parts = b.parts.map(one)
      return {
        core: { kind: 'product', parts: parts.map(p => p.core) },
        extent: productOfSizes(parts.map(p => p.extent)),
      }
    }
    const first = seen.get(b.name.text)
    if (first !== undefined) cx.report(duplicate(b.name, first.span))
    seen.set(b.name.text, b.name)
    const extent =
      b.range === undefined
        ? cx.solver.sizes.fresh({ kind: 'index', name: b.name.text, span: b.name.span })
        : cx.size(b.range)
    const local = cx.bind({
      name: b.name.text,
      type: { kind: 'idx', bound: extent },
      role: 'index',
      span: b.name.span,
    })
    inner.set(local.name, local)
    return { core: { kind: 'index', id: local.id, name: local.name, bound: extent }, extent }
  }
  const bound = binders.map(one)
  return { binders: bound.map(b => b.core), extents: bound.map(b => b.extent), env: inner }
}

/** `for i, j -> e`: a tensor, or an array where the body is a record or a tuple. */
export const elaborateFor = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'for' }): CoreExpr => {
  const { binders, extents, env: inner } = bindIndices(cx, env, e.binders)
  const body = cx.infer(inner, e.body)
  const t = cx.solver.head(body.type)
  if (isError(t)) return errorExpr(e.span)
  if (t.kind === 'fn' || t.kind === 'key' || t.kind === 'per' || t.kind === 'choice') {
    const collected = t.kind === 'fn' ? 'functions' : t.kind === 'key' ? 'keys' : 'settings'
    cx.report({
      code: 'E0305',
      title: `a \`for\` cannot collect ${collected}`,
      labels: [{ span: e.body.span, text: `this is ${cx.show(t)}` }],
      ...(t.kind === 'key' && { hint: 'derive the key where it is used: `fold_in(key, i)`' }),
    })
    return errorExpr(e.span)
  }
  return { kind: 'for', binders, body, type: arrayOf(t, extents), span: e.span }
}

/** `sum i, j -> e` and its kin. */
export const elaborateReduce = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'reduce' }): CoreExpr => {
  const { binders, env: inner } = bindIndices(cx, env, e.binders)
  const body = cx.infer(inner, e.body)
  const t = cx.solver.head(body.type)
  if (isError(t)) return errorExpr(e.span)
  const reduce = (arg: CoreExpr, type: Type): CoreExpr => ({
    kind: 'reduce',
    op: e.op,
    binders,
    body: arg,
    type,
    span: e.span,
  })
  if (e.op === 'any' || e.op === 'all')
    return reduce(coerce(cx, body, typeBool, { kind: 'plain', text: `\`${e.op}\` wants a bool` }), typeBool)
  if (t.kind === 'tensor' && (e.op === 'sum' || e.op === 'mean')) return sumTensors(cx, e, binders, body)
  const numeric = t.kind === 'idx' || cx.solver.isNumber(t) || (t.kind === 'scalar' && t.dtype !== 'bool')
  if (!numeric) {
    const swallowed = e.body.kind === 'binary' && t.kind === 'scalar'
    cx.report({
      code: 'E0333',
      title: `\`${e.op}\` reduces numbers, but its body is ${cx.show(t)}`,
      labels: [{ span: e.body.span, text: `this is ${cx.show(t)}` }],
      hint: swallowed
        ? `a body reaches as far as it can: put parentheses around the \`${e.op}\``
        : t.kind === 'tensor' || t.kind === 'array'
          ? `read one element of it and write the \`for\` around the \`${e.op}\``
          : t.kind === 'scalar'
            ? 'count with `i32(…)`, or use `any` or `all`'
            : 'reduce its fields one by one',
    })
    return errorExpr(e.span)
  }
  if (e.op === 'argmax' || e.op === 'argmin') {
    const [only] = binders
    if (binders.length !== 1 || only?.kind !== 'index') {
      const several = binders.length === 1 ? 'this is a product' : 'there are several'
      cx.report({
        code: 'E0334',
        title: `\`${e.op}\` finds one index, but ${several}`,
        labels: [{ span: e.binders[0]!.span, text: 'name one index' }],
        hint: `write one \`${e.op}\` inside another, or a \`for\` over the other indices`,
      })
      return errorExpr(e.span)
    }
    return reduce(body, { kind: 'idx', bound: only.bound })
  }
  if (e.op === 'mean')
    return reduce(coerce(cx, body, typeF32, { kind: 'plain', text: '`mean` wants f32' }), typeF32)
  // The largest of some indices is an index; their sum is a plain integer.
  const kept = t.kind === 'idx' && (e.op === 'sum' || e.op === 'prod') ? castTo(typeI32, body) : body
  return reduce(kept, kept.type)
}

/** The elementwise sum of tensors: `for` around a sum of their elements. */
const sumTensors = (
  cx: BodyContext,
  e: SourceExpr & { kind: 'reduce' },
  binders: readonly CoreBinder[],
  body: CoreExpr,
): CoreExpr => {
  const t = cx.solver.head(body.type) as Type & { kind: 'tensor' }
  const why = { kind: 'plain', text: 'only tensors of f32 are summed as they are' } as const
  unifyTypes(cx, { span: body.span, actual: t.element, expected: typeF32, why })
  const axes = t.dims.map((bound, i) => {
    const name = `axis${i}`
    const local = cx.bind({ name, type: { kind: 'idx', bound }, role: 'index', span: e.span })
    return { kind: 'index', id: local.id, name, bound } as const
  })
  const at = axes.map(
    (a): CoreExpr => ({
      kind: 'var',
      id: a.id,
      name: a.name,
      type: { kind: 'idx', bound: a.bound },
      span: e.span,
    }),
  )
  const element: CoreExpr = { kind: 'read', target: body, at, type: typeF32, span: body.span }
  const sum: CoreExpr = { kind: 'reduce', op: e.op, binders, body: element, type: typeF32, span: e.span }
  return { kind: 'for', binders: axes, body: sum, type: t, span: e.span }
}

/** What a `scan` gives: the carry after each iteration, with the loop's axis in front of each tensor. */
const stacked = (t: Type, bound: Size): Type =>
  t.kind === 'tuple' ? { ...t, items: t.items.map(i => stacked(i, bound)) } : arrayOf(t, [bound])

/** `fold x = init for l -> e`, and `scan`: the body has the type of the carry. */
export const elaborateFold = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'fold' }): CoreExpr => {
  const word = e.keeps === 'all' ? 'scan' : 'fold'
  const init = e.init === undefined ? elaboratePattern(cx, env, e.pattern) : cx.infer(env, e.init)
  const carry = cx.solver.head(init.type)
  const indices = bindIndices(cx, env, [e.binder])
  const [binder] = indices.binders
  if (binder?.kind !== 'index') {
    cx.report({
      code: 'E0334',
      title: `a \`${word}\` runs over one index`,
      labels: [{ span: e.binder.span, text: 'a product' }],
      hint: `write a \`${word}\` over one index inside a \`${word}\` over the other`,
    })
    return errorExpr(e.span)
  }
  if (carry.kind === 'fn') {
    cx.report({
      code: 'E0306',
      title: `a \`${word}\` cannot carry a function`,
      labels: [{ span: init.span, text: `this is ${cx.show(carry)}` }],
    })
    return errorExpr(e.span)
  }
  // An index that is carried need not stay below its bound.
  const begin = carry.kind === 'idx' ? castTo(typeI32, init) : init
  const bound = bindPattern(cx, indices.env, e.pattern, begin.type)
  const before = cx.errors
  const body = cx.check(bound.env, e.body, begin.type, { kind: 'carry', at: init.span })
  if (cx.errors > before) return errorExpr(e.span)
  const { id, name } = binder
  return {
    kind: 'fold',
    keeps: e.keeps,
    direction: e.direction,
    pattern: bound.pattern,
    init: begin,
    binder: { id, name, bound: binder.bound },
    body,
    type: e.keeps === 'all' ? stacked(cx.solver.head(begin.type), binder.bound) : begin.type,
    span: e.span,
  }
}
