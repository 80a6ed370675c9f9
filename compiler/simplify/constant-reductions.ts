import { axesOf, constant } from '../ir/expr.js'
import { isConst, isValue, type NodeRule, withoutReduction } from './rewrite-rule.js'

/**
 * A maximum over what does not depend on the axis is that; a sum of a whole number n times is n times it; a
 * sum of nothing but zeros is 0.
 */
export const constantReductions: NodeRule = node => {
  const { reduce, body } = node
  if (reduce === undefined) return undefined
  if (reduce.op === 'sum' && isValue(body, 0)) return withoutReduction(node)
  if (reduce.op === 'sum' && isConst(body) && Number.isInteger(body.value)) {
    // A sum of no negative numbers is 0, not −0.
    const total = body.value * reduce.axes.reduce((n, a) => n * a.extent, 1) + 0
    return Math.abs(total) <= 2 ** 24
      ? withoutReduction({ ...node, body: constant(node.dtype, total) })
      : undefined
  }
  if (reduce.op !== 'max' && reduce.op !== 'min') return undefined
  const used = axesOf(body)
  const axes = reduce.axes.filter(a => used.has(a.id) || a.extent === 0)
  if (axes.length === reduce.axes.length) return undefined
  return axes.length === 0 ? withoutReduction(node) : { ...node, reduce: { op: reduce.op, axes } }
}
