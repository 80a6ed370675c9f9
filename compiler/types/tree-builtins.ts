import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { SourceExpr } from '../syntax/ast.js'
import { isError, typeF32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { coerce, errorExpr, unifyTypes } from './coerce.js'
import type { Env } from './locals.js'
import { fieldTypes } from './type-traversal.js'
import { quoteSource } from './wording.js'

type Call = SourceExpr & { kind: 'call' }

/** A value that is made of `f32` alone; anything else is reported. */
const tree = (cx: BodyContext, env: Env, name: string, e: SourceExpr): CoreExpr | undefined => {
  const core = cx.infer(env, e)
  const t = cx.solver.head(core.type)
  if (isError(t)) return undefined
  if (cx.solver.isTree(t)) return core
  cx.report({
    code: 'E0347',
    title: `\`${name}\` works on records and tensors of f32, but ${quoteSource(core.span)} is ${cx.show(t)}`,
    labels: [{ span: core.span, text: `this is ${cx.show(t)}` }],
    hint: 'integers and keys are no part of such a tree',
  })
  return undefined
}

/**
 * The trees of `map` and `total`: the first tells the shape, the others have it too or are an `f32` per it.
 */
const trees = (
  cx: BodyContext,
  env: Env,
  name: string,
  args: readonly SourceExpr[],
): readonly CoreExpr[] | undefined => {
  const [head, ...rest] = args
  const first = tree(cx, env, name, head!)
  if (first === undefined) {
    for (const arg of rest) cx.infer(env, arg)
    return undefined
  }
  const shape = cx.solver.head(first.type)
  const others = rest.map(arg => {
    const core = cx.infer(env, arg)
    const t = cx.solver.head(core.type)
    const per =
      (t.kind === 'per' || cx.solver.isNumber(t) || (t.kind === 'scalar' && t.dtype === 'f32')) &&
      !(shape.kind === 'scalar')
    const expected: Type = per || numbersByField(cx, t, shape) ? { kind: 'per', of: shape } : shape
    return coerce(cx, core, expected, {
      kind: 'plain',
      text: `\`${name}\` goes over ${quoteSource(first.span, 'the first tree')}, which is ${cx.show(shape)}`,
      at: first.span,
    })
  })
  return [first, ...others]
}

/**
 * Whether a record holds numbers where the tree has tensors: an `f32` for each field rather than a tree like
 * it.
 */
const numbersByField = (cx: BodyContext, t: Type, shape: Type): boolean => {
  if (t.kind !== 'record' && t.kind !== 'fields') return false
  const theirs = fieldTypes(shape)
  return [...fieldTypes(t)].some(([n, type]) => {
    const mine = cx.solver.head(type)
    const other = theirs.get(n)
    return other !== undefined && mine.kind !== cx.solver.head(other).kind
  })
}

const function32 = (n: number, result: Type): Type => ({
  kind: 'fn',
  params: Array.from({ length: n }, () => typeF32),
  result,
})

/** `map(f, a, b, …)`: a tree like `a`, or a tuple of them where f gives a tuple. */
export const elaborateMap = (cx: BodyContext, env: Env, e: Call): CoreExpr => {
  const [f, ...rest] = e.args
  const values = trees(cx, env, 'map', rest)
  if (values === undefined) return errorExpr(e.span)
  const result = cx.solver.freshType('any', f!.span)
  const fn = cx.check(env, f!, function32(values.length, result), { kind: 'argument', fn: 'map', param: '' })
  if (isError(cx.solver.head(fn.type))) return errorExpr(e.span)
  const out = cx.solver.head(result)
  const shape = values[0]!.type
  const why = {
    kind: 'plain',
    text: '`map` wants an f32, or a tuple of them, from its function',
    at: f!.span,
  } as const
  if (out.kind === 'tuple')
    for (const item of out.items) unifyTypes(cx, { span: f!.span, actual: item, expected: typeF32, why })
  else unifyTypes(cx, { span: f!.span, actual: out, expected: typeF32, why })
  const type: Type = out.kind === 'tuple' ? { kind: 'tuple', items: out.items.map(() => shape) } : shape
  return { kind: 'builtin', builtin: 'map', args: [fn, ...values], type, span: e.span }
}

/** `total(f, a, b, …)`: one `f32`. */
export const elaborateTotal = (cx: BodyContext, env: Env, e: Call): CoreExpr => {
  const [f, ...rest] = e.args
  const values = trees(cx, env, 'total', rest)
  if (values === undefined) return { ...errorExpr(e.span), type: typeF32 }
  const fn = cx.check(env, f!, function32(values.length, typeF32), {
    kind: 'argument',
    fn: 'total',
    param: '',
  })
  return { kind: 'builtin', builtin: 'total', args: [fn, ...values], type: typeF32, span: e.span }
}

export const elaborateZerosLike = (cx: BodyContext, env: Env, e: Call): CoreExpr => {
  const value = tree(cx, env, 'zeros_like', e.args[0]!)
  if (value === undefined) return errorExpr(e.span)
  return { kind: 'builtin', builtin: 'zeros_like', args: [value], type: value.type, span: e.span }
}
