import { constant, substituteAxes } from '../ir/expr.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'
import { type ChoiceValue, type CoreValue, scalar } from './value.js'

/** Each axis replaced by an expression, everywhere in a value. */
export const substituteInValue = (v: CoreValue, of: ReadonlyMap<AxisId, Expr>): CoreValue => {
  switch (v.kind) {
    case 'scalar':
      return scalar(substituteAxes(v.expr, of))
    case 'tensor':
      return { ...v, at: position => substituteAxes(v.at(position), of) }
    case 'array':
      return { ...v, at: position => substituteInValue(v.at(position), of) }
    case 'record':
      return { kind: 'record', fields: new Map([...v.fields].map(([k, x]) => [k, substituteInValue(x, of)])) }
    case 'tuple':
      return { kind: 'tuple', items: v.items.map(x => substituteInValue(x, of)) }
    case 'key':
      return { kind: 'key', words: [substituteAxes(v.words[0], of), substituteAxes(v.words[1], of)] }
    case 'undecided':
      return substituteChoice(v, of)
    case 'fn':
    case 'choice':
      return v
  }
}

const substituteChoice = (v: ChoiceValue, of: ReadonlyMap<AxisId, Expr>): ChoiceValue =>
  v.kind === 'choice'
    ? v
    : {
        kind: 'undecided',
        test: substituteAxes(v.test, of),
        yes: substituteChoice(v.yes, of),
        no: substituteChoice(v.no, of),
      }

/**
 * A value over `axes` turned into a function of them: what `for` does to its body. Each of `groups` is one
 * dimension, a product of axes; an index into it is taken apart into its digits.
 */
export const abstract = (body: CoreValue, groups: readonly (readonly Axis[])[]): CoreValue => {
  const shape = groups.map(g => g.reduce((n, a) => n * a.extent, 1))
  const bind = (position: readonly Expr[]): ReadonlyMap<AxisId, Expr> =>
    new Map(groups.flatMap((g, i) => digits(position[i]!, g).map((e, k) => [g[k]!.id, e] as const)))
  switch (body.kind) {
    case 'scalar':
      return {
        kind: 'tensor',
        dtype: body.expr.dtype,
        shape,
        at: position => substituteAxes(body.expr, bind(position)),
      }
    case 'tensor':
      return {
        kind: 'tensor',
        dtype: body.dtype,
        shape: [...shape, ...body.shape],
        at: position =>
          substituteAxes(body.at(position.slice(groups.length)), bind(position.slice(0, groups.length))),
      }
    default:
      return { kind: 'array', shape, at: position => substituteInValue(body, bind(position)) }
  }
}

/**
 * The digits of a mixed-radix number; the parts of an index that was written as a product come back as they
 * were.
 */
const digits = (e: Expr, axes: readonly Axis[]): readonly Expr[] => {
  if (axes.length === 1) return [e]
  const last = axes[axes.length - 1]!
  const rest = axes.slice(0, -1)
  const split = splitLast(e, last.extent)
  return [...digits(split.high, rest), split.low]
}

const splitLast = (e: Expr, radix: number): { high: Expr; low: Expr } => {
  const r = constant('i32', radix)
  if (e.op === 'add') {
    const [product, low] = [e.args[0]!, e.args[1]!]
    if (
      product.op === 'mul' &&
      product.args[1]!.op === 'const' &&
      product.args[1]!.value === radix &&
      below(low, radix)
    )
      return { high: product.args[0]!, low }
  }
  return {
    high: { op: 'idiv', dtype: 'i32', args: [e, r] },
    low: { op: 'mod', dtype: 'i32', args: [e, r] },
  }
}

const below = (e: Expr, bound: number): boolean =>
  (e.op === 'index' && e.axis.extent <= bound) || (e.op === 'const' && e.value < bound)
