/**
 * The core language: what the checker gives to the other phases. Every name is resolved, every expression has
 * its type, every index its range, and operators are chosen for their types.
 *
 *     for t -> x[t] * 2   ⟶   for t: T -> op mul [read x [t], 2.0]   : f32[T]
 *
 * The core still has functions, records and sizes by name. `specialise/` inlines and replaces them.
 */
import type { Span } from '../diagnostics/source.js'
import type { ConfigExpr, Direction, Kept, ReducerName } from '../syntax/ast.js'
import type { Size } from './size.js'
import type { Instance, RecordDecl, Type } from './type.js'

/** Unique within a program. */
export type VarId = number

/**
 * A checked program.
 * Sizes are polynomials over the size names of the enclosing declaration.
 */
export interface Program {
  readonly fns: ReadonlyMap<string, CoreFn>
  readonly consts: ReadonlyMap<string, CoreConst>
  readonly records: ReadonlyMap<string, RecordDecl>
  readonly recipes: ReadonlyMap<string, CoreRecipe>
  /** The tests of the requested modules, without those of imported ones. */
  readonly tests: readonly CoreTest[]
  /** Module name to what it exports, for `jola run FILE --fn NAME`. */
  readonly modules: ReadonlyMap<string, CoreModule>
}

export interface CoreModule {
  readonly name: string
  readonly doc?: string
  readonly sizes: ReadonlyMap<string, SizeDecl>
  /** Local name to qualified id. */
  readonly fns: ReadonlyMap<string, string>
  readonly recipes: ReadonlyMap<string, string>
}

/**
 * `from` is how `config.json` gives the size; with a definition the equation is solved for the unknown name.
 */
export interface SizeDecl {
  readonly name: string
  readonly definition?: Size
  readonly from?: ConfigExpr
  readonly doc?: string
  readonly span: Span
}

export interface CoreParam {
  readonly id: VarId
  readonly name: string
  readonly type: Type
  readonly default?: CoreExpr
}

export interface CoreFn {
  /** `std.nn.softmax`. */
  readonly id: string
  readonly name: string
  readonly params: readonly CoreParam[]
  readonly result: Type
  /** The size names and type parameters the function is generic over. */
  readonly sizes: readonly string[]
  readonly types: readonly string[]
  readonly body: CoreExpr
  readonly doc?: string
  readonly span: Span
}

/** A constant; `from` is read only where the `bool` constant `when` is true. */
export interface CoreConst {
  readonly id: string
  readonly name: string
  /** One number, bool or choice, or a tensor of them over declared sizes: one for each layer. */
  readonly type: Type
  readonly value: CoreExpr
  readonly from?: ConfigExpr
  readonly when?: string
  readonly span: Span
}

export interface CoreSetting {
  readonly id: VarId
  readonly name: string
  readonly type: Type
  /** Whether it is a size of the recipe's state, and so a whole number of at least 1. */
  readonly isSize?: true
  readonly value: CoreExpr
  readonly doc?: string
  readonly span: Span
}

/**
 * `recipe Jola(model: llama.Model) { … }`. A method's parameters are its own; the recipe's parameters and
 * settings are variables in its scope. `state` is a record declared by the recipe itself (id `….Jola.State`).
 */
export interface CoreRecipe {
  readonly id: string
  readonly name: string
  readonly params: readonly CoreParam[]
  readonly sizes: readonly string[]
  readonly settings: readonly CoreSetting[]
  readonly state: RecordDecl
  readonly methods: ReadonlyMap<string, CoreFn>
  readonly doc?: string
  readonly span: Span
}

export interface CoreTest {
  readonly title: string
  readonly module: string
  /** The `let`s around it included; either a `bool`, or two values to be equal within a tolerance. */
  readonly expectations: readonly CoreExpectation[]
  readonly span: Span
}

export interface CoreExpectation {
  readonly lets: readonly { readonly pattern: CorePattern; readonly value: CoreExpr }[]
  readonly actual: CoreExpr
  readonly expected?: CoreExpr
  readonly within?: CoreExpr
  readonly span: Span
}

export type CorePattern =
  | { readonly kind: 'name'; readonly id: VarId; readonly name: string; readonly type: Type }
  | { readonly kind: 'tuple'; readonly items: readonly CorePattern[] }

export type CoreBinder =
  | { readonly kind: 'index'; readonly id: VarId; readonly name: string; readonly bound: Size }
  | { readonly kind: 'product'; readonly parts: readonly CoreBinder[] }

/**
 * Scalar operations. On tensors of one type they act elementwise. `i32`/`idx` operands were coerced by
 * `cast`.
 */
export type CoreOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'idiv'
  | 'mod'
  | 'pow'
  | 'neg'
  | 'min'
  | 'max'
  | 'abs'
  | 'sign'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'rsqrt'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sigmoid'
  | 'floor'
  | 'round'
  | 'erf'
  | 'atan2'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'eq'
  | 'ne'
  | 'and'
  | 'or'
  | 'not'

export type Builtin =
  /**
   * `map(f, a, b, …)`: f on every element of trees of one record type (arguments may be `per` it); tuples of
   * results give tuples of trees.
   */
  | 'map'
  /** `total(f, a, b, …)`: the sum of f over every element of every tensor. */
  | 'total'
  /** `zeros_like(a)`. */
  | 'zeros_like'
  /** `key(7)`; `split(k) -> (key, key)`; `fold_in(k, n) -> key`. */
  | 'key'
  | 'split'
  | 'fold_in'
  /** `uniform(k, (i, j)) : f32` in (0, 1); `normal(k, (i, j)) : f32`. The second argument is a `product`. */
  | 'uniform'
  | 'normal'
  /** `stop(x)`: x without a derivative. */
  | 'stop'

interface Base {
  readonly type: Type
  readonly span: Span
}

export type CoreExpr = Base &
  (
    | { readonly kind: 'const'; readonly value: number | boolean }
    /** A setting's choice. */
    | { readonly kind: 'choice'; readonly name: string }
    /** A size as a number. */
    | { readonly kind: 'size'; readonly size: Size }
    | { readonly kind: 'var'; readonly id: VarId; readonly name: string }
    | { readonly kind: 'global'; readonly id: string }
    | {
        readonly kind: 'let'
        readonly pattern: CorePattern
        readonly value: CoreExpr
        readonly body: CoreExpr
      }
    | {
        readonly kind: 'if'
        readonly condition: CoreExpr
        readonly then: CoreExpr
        readonly otherwise: CoreExpr
      }
    | { readonly kind: 'for'; readonly binders: readonly CoreBinder[]; readonly body: CoreExpr }
    | {
        readonly kind: 'reduce'
        readonly op: ReducerName
        readonly binders: readonly CoreBinder[]
        readonly body: CoreExpr
      }
    | {
        readonly kind: 'fold'
        readonly keeps: Kept
        readonly direction: Direction
        readonly pattern: CorePattern
        readonly init: CoreExpr
        readonly binder: { readonly id: VarId; readonly name: string; readonly bound: Size }
        readonly body: CoreExpr
      }
    | { readonly kind: 'lambda'; readonly params: readonly CoreParam[]; readonly body: CoreExpr }
    /**
     * A top-level function; the instance is in terms of the caller's sizes. Missing arguments take their
     * defaults.
     */
    | {
        readonly kind: 'call'
        readonly fn: string
        readonly instance: Instance
        readonly args: readonly CoreExpr[]
      }
    /** A function held by a variable or a lambda. */
    | { readonly kind: 'apply'; readonly callee: CoreExpr; readonly args: readonly CoreExpr[] }
    /** A top-level function as a value. */
    | { readonly kind: 'fn'; readonly fn: string; readonly instance: Instance }
    /** Reads a tensor or an array; fewer indices than axes give the rest. */
    | { readonly kind: 'read'; readonly target: CoreExpr; readonly at: readonly CoreExpr[] }
    /** Guarded read at any integers. */
    | {
        readonly kind: 'at'
        readonly target: CoreExpr
        readonly at: readonly CoreExpr[]
        readonly otherwise: CoreExpr
      }
    /** A product index `(k, g)`; its value is the mixed-radix number with these bounds. */
    | { readonly kind: 'product'; readonly parts: readonly CoreExpr[]; readonly bounds: readonly Size[] }
    | { readonly kind: 'op'; readonly op: CoreOp; readonly args: readonly CoreExpr[] }
    /**
     * To the expression's scalar type; `bool` becomes 0 or 1, floats are cut towards zero. Elementwise on
     * tensors.
     */
    | { readonly kind: 'cast'; readonly arg: CoreExpr }
    | { readonly kind: 'tuple'; readonly items: readonly CoreExpr[] }
    /** With `base`, the other fields are taken from it. */
    | { readonly kind: 'record'; readonly base?: CoreExpr; readonly fields: ReadonlyMap<string, CoreExpr> }
    | { readonly kind: 'field'; readonly target: CoreExpr; readonly name: string }
    /** A literal tensor, row-major. */
    | { readonly kind: 'array'; readonly items: readonly CoreExpr[] }
    /** `grad(f)(x)` and `value_and_grad(f)(x)`; f gives an `f32`, or a tuple that begins with one. */
    | { readonly kind: 'grad'; readonly withValue: boolean; readonly fn: CoreExpr; readonly at: CoreExpr }
    | { readonly kind: 'builtin'; readonly builtin: Builtin; readonly args: readonly CoreExpr[] }
  )
