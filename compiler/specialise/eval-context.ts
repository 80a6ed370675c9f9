import type { DType } from '../artifact.js'
import type { CoreExpr, CorePattern, Program, VarId } from '../core/core.js'
import { type Size, evaluateSize as sizeOf, sizeText } from '../core/size.js'
import type { Type } from '../core/type.js'
import { ProgramLimit, programLimits } from '../diagnostics/limit.js'
import { cast, constant } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import type { CallCache } from './call-cache.js'
import type { Materialiser } from './materialiser.js'
import type { StandIn } from './parameters.js'
import type { Here, Scope } from './scope.js'
import { type ConstantValue, type CoreValue, unexpected } from './value.js'

/** The environment in which an expression of the core is evaluated. */
export interface EvalContext {
  readonly program: Program
  /**
   * Evaluates any kind of expression. The file of each kind calls its parts' evaluators through this field
   * only (open recursion), so that no two of the files import each other.
   */
  readonly evaluateKind: (c: EvalContext, e: CoreExpr) => CoreValue
  readonly m: Materialiser
  readonly calls: CallCache
  /** The sizes of the function at hand. */
  readonly sizes: ReadonlyMap<string, number>
  /** A size as a value; without this function it is a constant. */
  readonly sizeValue?: ((n: number) => Expr) | undefined
  /** Module constants that the model's configuration gave. */
  readonly constants: ReadonlyMap<string, ConstantValue>
  /** Inputs that do not exist, and the constant that stands in for each. */
  readonly absent: ReadonlyMap<string, StandIn>
  readonly variables: ReadonlyMap<VarId, CoreValue>
  readonly scope: Scope
  /** The nearest name around the expression, for messages and profiles. */
  readonly label: string
}

/**
 * Evaluates an expression to a value over IR expressions. Throws a `ProgramLimit` where the program is too
 * long once its functions are inlined, or nested too deep.
 */
export const evaluateCore = (c: EvalContext, e: CoreExpr): CoreValue =>
  c.calls.inside(() => c.evaluateKind(c, e))

export const bindAll = (c: EvalContext, more: Iterable<readonly [VarId, CoreValue]>): EvalContext => ({
  ...c,
  variables: new Map([...c.variables, ...more]),
})

/** The variables of a pattern with the values they get. */
export const matchPattern = (pattern: CorePattern, v: CoreValue): readonly (readonly [VarId, CoreValue])[] =>
  pattern.kind === 'name'
    ? [[pattern.id, v]]
    : pattern.items.flatMap((p, i) =>
        matchPattern(p, v.kind === 'tuple' ? v.items[i]! : unexpected('tuple', v)),
      )

/** The context after `let pattern = value`. */
export const bindLet = (c: EvalContext, pattern: CorePattern, value: CoreExpr): EvalContext => {
  const label = pattern.kind === 'name' ? pattern.name : c.label
  return bindAll(c, matchPattern(pattern, evaluateCore({ ...c, label }, value)))
}

/** The origin of the nodes that an expression makes. */
export const here = (c: EvalContext, e: CoreExpr): Here => ({ label: c.label, span: e.span })

/** The type of a scalar, of an index, or of a tensor's elements. */
export const elementType = (t: Type): DType =>
  t.kind === 'scalar'
    ? t.dtype
    : t.kind === 'idx'
      ? 'i32'
      : t.kind === 'tensor'
        ? elementType(t.element)
        : 'f32'

/** A size as a number. Throws a `ProgramLimit` for one that an index cannot count. */
export const extent = (c: EvalContext, p: Size): number => {
  const n = sizeOf(p, c.sizes)
  if (n <= programLimits.extent) return n
  throw new ProgramLimit(
    'a size is too large',
    `the size ${sizeText(p)} in \`${c.label}\` is ${n}, and an index counts to ${programLimits.extent}`,
    'take smaller sizes',
  )
}

/** A size that the program uses as a number. */
export const sizeOperand = (c: EvalContext, dtype: DType, n: number): Expr =>
  c.sizeValue === undefined ? constant(dtype, n) : cast(dtype, c.sizeValue(n))
