import type { Expr } from '../ir/ir.js'
import { type Affine, affineDifference, affineScale, affineShift, sameAffine } from './affine.js'
import { affineOf } from './affine-of.js'

/**
 * A condition that an axis can be solved for: it holds where the form is at least 0, and wherever `unless`
 * holds. `s <= t` has the form t - s; of `not near or t - s < w`, a window that only some layers have, the
 * form is w - 1 - t + s, unless not near.
 */
export interface Bound {
  readonly form: Affine
  readonly unless?: Expr
}

/** The conditions that hold where a condition holds. */
export const conjunctsOf = (e: Expr): readonly Expr[] => (e.op === 'and' ? e.args.flatMap(conjunctsOf) : [e])

/** The form that is at least 0 where a comparison of whole numbers holds. */
const comparisonForm = (e: Expr): Affine | undefined => {
  if (!('args' in e) || e.args.length !== 2 || e.args[0]!.dtype !== 'i32') return undefined
  const [x, y] = e.args.map(affineOf) as [Affine, Affine]
  if (e.op === 'le') return affineDifference(y, x)
  if (e.op === 'lt') return affineShift(affineDifference(y, x), -1)
  if (e.op === 'ge') return affineDifference(x, y)
  if (e.op === 'gt') return affineShift(affineDifference(x, y), -1)
  return undefined
}

/** A condition as a bound; undefined where it is no comparison, nor one with an exception. */
export const boundOf = (e: Expr): Bound | undefined => {
  const form = comparisonForm(e)
  if (form !== undefined) return { form }
  if (e.op !== 'or') return undefined
  const [a, b] = e.args as readonly [Expr, Expr]
  const [x, y] = [boundOf(a), boundOf(b)]
  // Of two comparisons, the one over more axes bounds a loop; the other says where it does not.
  const first = (x?.form.terms.size ?? -1) >= (y?.form.terms.size ?? -1)
  const [bound, other] = first ? [x, b] : [y, a]
  if (bound === undefined || bound.unless !== undefined) return undefined
  return { ...bound, unless: other }
}

/** Whether two bounds are one. Their expressions must have been through one interner. */
export const sameBound = (a: Bound, b: Bound): boolean => a.unless === b.unless && sameAffine(a.form, b.form)

/** The constant number d of `a = b + d`. */
const distance = (a: Affine, b: Affine): number | undefined => {
  const d = affineDifference(a, b)
  return d.summands.size === 0 ? d.constant : undefined
}

/**
 * What a condition is where a bound holds, or where it does not; undefined where that is not known. Both must
 * have been through one interner.
 */
export const decideBy = (bound: Bound, holds: boolean, e: Expr): boolean | undefined => {
  const other = boundOf(e)
  if (other === undefined) return undefined
  if (other.unless !== undefined && other.unless !== bound.unless) return undefined
  // Where the bound holds by its exception alone, its form says nothing.
  if (holds && bound.unless !== undefined) return sameBound(bound, other) ? true : undefined
  const same = distance(other.form, bound.form)
  const mirrored = distance(other.form, affineScale(bound.form, -1))
  // The form is at least 0 where the bound holds, and at most -1 where it does not.
  if (holds)
    return same !== undefined && same >= 0 ? true : mirrored !== undefined && mirrored < 0 ? false : undefined
  return same !== undefined && same <= 0 ? false : mirrored !== undefined && mirrored >= -1 ? true : undefined
}
