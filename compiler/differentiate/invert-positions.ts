import { type Affine, affineAxis, affineDifference } from '../affine/affine.js'
import { orderedExpr } from '../affine/affine-expr.js'
import { affineOfAnySize } from '../affine/affine-of.js'
import { radixAxes } from '../affine/radix.js'
import { exactQuotient, solveFor } from '../affine/solve.js'
import { axesOf, i32, index, prim, rewrite, substituteAxes } from '../ir/expr.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'

/**
 * All solutions of f(a) = j. `dims` are the axes of j, one product of axes for each position; axes of a
 * that are found among them stand for themselves, those in `of` follow from j, and the solution counts only
 * where `conditions` hold. Over those in `free` one has to search.
 */
export interface PositionInverse {
  readonly dims: readonly (readonly Axis[])[]
  readonly of: ReadonlyMap<AxisId, Expr>
  readonly conditions: readonly Expr[]
  readonly free: readonly Axis[]
}

/**
 * For each position the axes it is the mixed-radix number of, where it is one of axes in `axes` that no
 * earlier position took, and covers its dimension.
 */
export const plainPositions = (
  positions: readonly Expr[],
  extents: readonly number[],
  axes: readonly Axis[],
): readonly (readonly Axis[] | undefined)[] => {
  const left = new Set(axes.map(a => a.id))
  return positions.map((p, i) => {
    const digits = radixAxes(affineOfAnySize(p), extents[i]!)
    if (digits === undefined || !digits.every(a => left.has(a.id))) return undefined
    for (const a of digits) left.delete(a.id)
    return digits
  })
}

/**
 * Inverts `positions` in the given axes; other axes in them are parameters. `fresh` makes the axis of
 * dimension i.
 */
export const invertPositions = (
  positions: readonly Expr[],
  extents: readonly number[],
  axes: readonly Axis[],
  fresh: (i: number) => Axis,
): PositionInverse => {
  const plain = plainPositions(positions, extents, axes)
  const dims = plain.map((p, i) => p ?? [fresh(i)])
  const unknown = new Map(axes.map(a => [a.id, a]))
  for (const a of plain.flatMap(p => p ?? [])) unknown.delete(a.id)

  const of = new Map<AxisId, Expr>()
  const unsolved: number[] = []
  const divides: Expr[] = []
  positions.forEach((p, i) => {
    if (plain[i] !== undefined) return
    const position = substituteAxes(p, of)
    const form = affineOfAnySize(position)
    const solution = [...form.terms.values()]
      .filter(x => unknown.has(x.axis.id))
      .sort((x, y) => Math.abs(x.coefficient) - Math.abs(y.coefficient) || y.axis.extent - x.axis.extent)
      .map(x => solvePosition(form, x.axis, dims[i]![0]!))
      .find(s => s !== undefined)
    if (solution === undefined) {
      unsolved.push(i)
      return
    }
    const { axis, value } = solution
    for (const [id, v] of of) of.set(id, substituteAxes(v, new Map([[axis.id, value]])))
    of.set(axis.id, value)
    unknown.delete(axis.id)
    divides.push(...solution.conditions)
  })
  const inRange = axes.flatMap(a => {
    const value = of.get(a.id)
    return value === undefined ? [] : [prim('ge', value, i32(0)), prim('lt', value, i32(a.extent))]
  })
  const equal = unsolved.map(i => prim('eq', replaceAxes(positions[i]!, of), index(dims[i]![0]!)))
  return {
    dims,
    of,
    conditions: [...divides.map(c => replaceAxes(c, of)), ...inRange, ...equal],
    free: [...unknown.values()],
  }
}

/** Where a position has the value j: the axis as an expression of j and the rest, on conditions. */
interface AxisSolution {
  readonly axis: Axis
  readonly value: Expr
  readonly conditions: readonly Expr[]
}

/**
 * The axis of a position as a function of the position's value j. Undefined where the axis occurs in an
 * atom too.
 */
const solvePosition = (position: Affine, axis: Axis, j: Axis): AxisSolution | undefined => {
  const equation = solveFor(affineDifference(affineAxis(j), position), axis)
  if (equation === undefined) return undefined
  return { axis, ...exactQuotient(orderedExpr(equation.numerator), equation.size) }
}

/** Axes replaced by expressions that may leave their range: what is read there is read guarded. */
export const replaceAxes = (e: Expr, of: ReadonlyMap<AxisId, Expr>): Expr => {
  if (of.size === 0) return e
  const guarded = rewrite(e, x =>
    x.op === 'read' && !x.guarded && [...axesOf(x).keys()].some(id => of.has(id))
      ? { ...x, guarded: true }
      : x,
  )
  return substituteAxes(guarded, of)
}
