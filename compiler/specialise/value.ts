import type { DType } from '../artifact.js'
import { constant, index } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import type { Scope } from './scope.js'

/**
 * The value of an expression of the core, where all sizes are numbers: scalars are IR expressions over the
 * index variables in scope, tensors are functions from positions to such expressions, and records, tuples
 * and functions have disappeared into the compiler.
 */
export type CoreValue =
  | { readonly kind: 'scalar'; readonly expr: Expr }
  | TensorValue
  | ArrayValue
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, CoreValue> }
  | { readonly kind: 'tuple'; readonly items: readonly CoreValue[] }
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

export const isChoice = (v: CoreValue): v is ChoiceValue => v.kind === 'choice' || v.kind === 'undecided'

/** An i32 that is 0 where two choices are the same word, and 1 elsewhere. */
export const differs = (a: ChoiceValue, b: ChoiceValue): Expr =>
  a.kind === 'undecided'
    ? { op: 'select', dtype: 'i32', args: [a.test, differs(a.yes, b), differs(a.no, b)] }
    : b.kind === 'undecided'
      ? differs(b, a)
      : constant('i32', a.name === b.name ? 0 : 1)

/** A value that is given for a setting or a constant: a number, a truth value, or one of its choices. */
export type GivenValue = number | boolean | string

/** A value that is given for a constant: one value, or a list of them in the order of its axis. */
export type ConstantValue = GivenValue | readonly (number | boolean)[]

export const isList = (value: unknown): value is readonly (number | boolean)[] => Array.isArray(value)

export type Apply = (args: readonly CoreValue[], scope: Scope) => CoreValue

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
  readonly at: (position: readonly Expr[]) => CoreValue
}

export const scalar = (expr: Expr): CoreValue => ({ kind: 'scalar', expr })
export const number = (dtype: DType, value: number): CoreValue => scalar(constant(dtype, value))

/**
 * The compiler promised itself a value of one kind and got another: a defect of the checker, not of the
 * program.
 */
export const unexpected = (wanted: string, got: CoreValue): never => {
  throw new Error(`specialise: expected a ${wanted}, got a ${got.kind}`)
}

export const asExpr = (v: CoreValue): Expr =>
  v.kind === 'scalar'
    ? v.expr
    : v.kind === 'tensor' && v.shape.length === 0
      ? v.at([])
      : unexpected('scalar', v)
export const asTensor = (v: CoreValue): TensorValue => (v.kind === 'tensor' ? v : unexpected('tensor', v))
export const asKey = (v: CoreValue): readonly [Expr, Expr] =>
  v.kind === 'key' ? v.words : unexpected('key', v)
export const asFn = (v: CoreValue): Apply => (v.kind === 'fn' ? v.apply : unexpected('function', v))

/** The value of a constant expression, if it is one. */
export const constantOf = (v: CoreValue): number | undefined =>
  v.kind === 'scalar' && v.expr.op === 'const' ? v.expr.value : undefined

export const indices = (axes: readonly Axis[]): readonly Expr[] => axes.map(index)
