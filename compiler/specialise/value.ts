import type { DType } from '../artifact.js'
import { ofNothing } from '../ir/builder.js'
import { constant, index, substituteAxes } from '../ir/expr.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'
import type { Scope } from './scope.js'

/**
 * What an expression of the core is worth once all sizes are numbers: scalars are IR expressions over the index variables in scope, tensors are
 * functions from positions to such expressions, and records, tuples and functions have disappeared into the compiler.
 */
export type Value =
  | { readonly kind: 'scalar'; readonly expr: Expr }
  | TensorValue
  | ArrayValue
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, Value> }
  | { readonly kind: 'tuple'; readonly items: readonly Value[] }
  /** Functions are only handed inwards, so the scope of a call contains that of the function. */
  | {
      readonly kind: 'fn'
      readonly apply: Apply /** Equal for functions that do the same. */
      readonly key: () => string
    }
  /** The two u32 words of a counter-based generator's key. */
  | { readonly kind: 'key'; readonly words: readonly [Expr, Expr] }
  | ChoiceValue

/** One of a closed set of words, or what an `if` chose whose condition is known only while running. */
export type ChoiceValue =
  | { readonly kind: 'choice'; readonly name: string }
  | {
      readonly kind: 'undecided'
      readonly test: Expr
      readonly yes: ChoiceValue
      readonly no: ChoiceValue
    }

export const isChoice = (v: Value): v is ChoiceValue => v.kind === 'choice' || v.kind === 'undecided'

/** An i32 that is 0 where two choices are the same word, and 1 elsewhere. */
export const differs = (a: ChoiceValue, b: ChoiceValue): Expr =>
  a.kind === 'undecided'
    ? { op: 'select', dtype: 'i32', args: [a.test, differs(a.yes, b), differs(a.no, b)] }
    : b.kind === 'undecided'
      ? differs(b, a)
      : constant('i32', a.name === b.name ? 0 : 1)

/** What the outside says of a setting or of a constant: a number, a truth value, or one of its choices. */
export type GivenValue = number | boolean | string

/** What the outside says of a constant: one value, or a list of them in the order of its axis. */
export type ConstantValue = GivenValue | readonly (number | boolean)[]

export const isList = (value: unknown): value is readonly (number | boolean)[] => Array.isArray(value)

export type Apply = (args: readonly Value[], scope: Scope) => Value

export interface TensorValue {
  readonly kind: 'tensor'
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly at: (position: readonly Expr[]) => Expr
}

/** An array of records, tuples or keys. */
export interface ArrayValue {
  readonly kind: 'array'
  readonly shape: readonly number[]
  readonly at: (position: readonly Expr[]) => Value
}

export const scalar = (expr: Expr): Value => ({ kind: 'scalar', expr })
export const number = (dtype: DType, value: number): Value => scalar(constant(dtype, value))

/** The compiler promised itself a value of one kind and got another: a defect of the checker, not of the program. */
export const unexpected = (wanted: string, got: Value): never => {
  throw new Error(`specialise: expected a ${wanted}, got a ${got.kind}`)
}

export const asExpr = (v: Value): Expr =>
  v.kind === 'scalar'
    ? v.expr
    : v.kind === 'tensor' && v.shape.length === 0
      ? v.at([])
      : unexpected('scalar', v)
export const asTensor = (v: Value): TensorValue => (v.kind === 'tensor' ? v : unexpected('tensor', v))
export const asKey = (v: Value): readonly [Expr, Expr] => (v.kind === 'key' ? v.words : unexpected('key', v))
export const asFn = (v: Value): Apply => (v.kind === 'fn' ? v.apply : unexpected('function', v))

/** The value of a constant expression, if it is one. */
export const constantOf = (v: Value): number | undefined =>
  v.kind === 'scalar' && v.expr.op === 'const' ? v.expr.value : undefined

/** Each axis replaced by an expression, everywhere in a value. */
export const substitute = (v: Value, of: ReadonlyMap<AxisId, Expr>): Value => {
  switch (v.kind) {
    case 'scalar':
      return scalar(substituteAxes(v.expr, of))
    case 'tensor':
      return { ...v, at: position => substituteAxes(v.at(position), of) }
    case 'array':
      return { ...v, at: position => substitute(v.at(position), of) }
    case 'record':
      return { kind: 'record', fields: new Map([...v.fields].map(([k, x]) => [k, substitute(x, of)])) }
    case 'tuple':
      return { kind: 'tuple', items: v.items.map(x => substitute(x, of)) }
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
 * A value over `axes` turned into a function of them: what `for` does to its body. Each of `groups` is one dimension, a
 * product of axes; an index into it is taken apart into its digits.
 */
export const abstract = (body: Value, groups: readonly (readonly Axis[])[]): Value => {
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
      return { kind: 'array', shape, at: position => substitute(body, bind(position)) }
  }
}

/** The digits of a mixed-radix number; the parts of an index that was written as a product come back as they were. */
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

/** A partial or full read of a tensor or an array. What has no elements is read as {@link ofNothing}, whatever it was made of. */
export const readAt = (target: Value, position: readonly Expr[]): Value => {
  const got = elementsAt(target, position)
  return 'shape' in target && target.shape.includes(0) ? nothing(got) : got
}

const nothing = (v: Value): Value => {
  switch (v.kind) {
    case 'scalar':
      return number(v.expr.dtype, ofNothing[v.expr.dtype])
    case 'tensor':
      return { ...v, at: () => constant(v.dtype, ofNothing[v.dtype]) }
    case 'array':
      return { ...v, at: position => nothing(v.at(position)) }
    case 'record':
      return { kind: 'record', fields: new Map([...v.fields].map(([k, x]) => [k, nothing(x)])) }
    case 'tuple':
      return { kind: 'tuple', items: v.items.map(nothing) }
    case 'key':
      return { kind: 'key', words: [constant('u32', 0), constant('u32', 0)] }
    default:
      return v
  }
}

const elementsAt = (target: Value, position: readonly Expr[]): Value => {
  if (target.kind === 'tensor') {
    const rest = target.shape.slice(position.length)
    return rest.length === 0
      ? scalar(target.at(position))
      : { ...target, shape: rest, at: more => target.at([...position, ...more]) }
  }
  if (target.kind !== 'array') return unexpected('tensor', target)
  const own = target.shape.length
  if (position.length < own)
    return {
      kind: 'array',
      shape: target.shape.slice(position.length),
      at: more => target.at([...position, ...more]),
    }
  const element = target.at(position.slice(0, own))
  return position.length === own ? element : readAt(element, position.slice(own))
}

export const indices = (axes: readonly Axis[]): readonly Expr[] => axes.map(index)
