import { i32, prim } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import type { Affine } from './affine.js'

/**
 * The axes whose mixed-radix number (the last running fastest) a form is, if it is one that takes every
 * value below `extent`: `G·k + g` gives [k, g].
 */
export const radixAxes = (form: Affine, extent: number): readonly Axis[] | undefined => {
  if (form.constant !== 0 || form.rest.size > 0 || form.terms.size === 0) return undefined
  const digits = [...form.terms.values()].sort(
    (a, b) => b.coefficient - a.coefficient || b.axis.extent - a.axis.extent,
  )
  let stride = 1
  for (const { axis, coefficient } of [...digits].reverse()) {
    if (coefficient !== stride) return undefined
    stride *= axis.extent
  }
  return stride === extent ? digits.map(d => d.axis) : undefined
}

/**
 * The digits of a mixed-radix number whose last digit runs fastest: the inverse of `mixedRadix`, in the
 * order of the extents.
 */
export const radixDigits = (number: Expr, extents: readonly number[]): readonly Expr[] => {
  const digits: Expr[] = []
  let stride = 1
  for (const [i, extent] of [...extents.entries()].reverse()) {
    const shifted = stride === 1 ? number : prim('idiv', number, i32(stride))
    digits.unshift(i === 0 ? shifted : prim('mod', shifted, i32(extent)))
    stride *= extent
  }
  return digits
}
