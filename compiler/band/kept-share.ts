import { affineInterval, restDependsOn } from '../affine/affine.js'
import type { Bound } from '../affine/bound.js'
import type { Axis } from '../ir/ir.js'

/** Positions at which a bound is tried along each axis. */
const samples = 16

/** The share of positions that a bound keeps where data decides it. */
const unknownShare = 0.5

const sampled = (axis: Axis): readonly number[] =>
  [...Array(samples).keys()].map(i => ((i + 0.5) * axis.extent) / samples - 0.5)

/** The share of the positions of its axes for which a bound holds, at the most of open sizes. */
export const keptShare = ({ form, unless }: Bound): number => {
  const axes = [...form.terms.values()].map(t => t.axis)
  if (form.rest.size > 0 || unless !== undefined || axes.length > 2) return unknownShare
  const at = new Map<number, number>()
  let kept = 0
  let all = 0
  const go = (i: number): void => {
    const axis = axes[i]
    if (axis === undefined) {
      const value = affineInterval(form, e => {
        const x = e.op === 'index' ? at.get(e.axis.id)! : 0
        return { lo: x, hi: x }
      })
      all += 1
      kept += value.lo >= 0 ? 1 : 0
      return
    }
    for (const x of sampled(axis)) {
      at.set(axis.id, x)
      go(i + 1)
    }
  }
  go(0)
  return kept / all
}

/** A bound pays if it leaves out a part of a loop that is long enough. */
const leastExtent = 32
const mostKept = 0.85

/** Whether kernels should compute the ends of their loops from a bound. */
export const isWorthwhile = (bound: Bound): boolean => {
  const solvable = [...bound.form.terms.values()].filter(
    t =>
      Math.abs(t.coefficient) === 1 && t.axis.extent >= leastExtent && !restDependsOn(bound.form, t.axis.id),
  )
  return solvable.length > 0 && keptShare(bound) <= mostKept
}
