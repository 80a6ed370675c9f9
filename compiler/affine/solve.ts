import { i32, prim } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import {
  type Affine,
  affineAxis,
  affineDifference,
  affineScale,
  coefficientOf,
  restDependsOn,
} from './affine.js'

/** `size · axis = numerator`, with a size of at least 1 and a numerator without the axis. */
export interface AxisEquation {
  readonly size: number
  readonly numerator: Affine
}

/** Solves `form = 0` for an axis. Undefined where the axis does not occur, or occurs inside an atom too. */
export const solveFor = (form: Affine, axis: Axis): AxisEquation | undefined => {
  const by = coefficientOf(form, axis.id)
  if (by === 0 || restDependsOn(form, axis.id)) return undefined
  return {
    size: Math.abs(by),
    numerator: affineScale(affineDifference(form, affineAxis(axis, by)), -Math.sign(by)),
  }
}

/** `numerator / size` as an expression, and the condition on which the division comes out even. */
export const exactQuotient = (
  numerator: Expr,
  size: number,
): { readonly value: Expr; readonly conditions: readonly Expr[] } =>
  size === 1
    ? { value: numerator, conditions: [] }
    : {
        value: prim('idiv', numerator, i32(size)),
        conditions: [prim('eq', prim('mod', numerator, i32(size)), i32(0))],
      }
