import { axesOf, constant } from '../ir/expr.js'
import type { ComputeNode } from '../ir/ir.js'
import { isConst, isValue, type NodeRule } from './rule.js'

const withoutReduction = ({ reduce: _, ...node }: ComputeNode): ComputeNode => node

/** A reduction over an axis of extent 1 is its body; a factor of extent 1 in a product of axes is none. (Its index is 0 by its interval.) */
export const unitAxes: NodeRule = node => {
  const dims = node.dims.map(axes => {
    const wide = axes.filter(a => a.extent !== 1)
    return axes.length === wide.length ? axes : wide.length > 0 ? wide : axes.slice(0, 1)
  })
  const fewer = dims.some((d, i) => d.length !== node.dims[i]!.length)
  const out = fewer ? { ...node, dims } : node
  const { reduce } = node
  if (reduce === undefined) return fewer ? out : undefined
  if (reduce.op === 'argmax' || reduce.op === 'argmin')
    return reduce.axes[0]!.extent === 1
      ? withoutReduction({ ...out, body: constant('i32', 0) })
      : fewer
        ? out
        : undefined
  const axes = reduce.axes.filter(a => a.extent !== 1)
  if (axes.length === reduce.axes.length) return fewer ? out : undefined
  return axes.length === 0 ? withoutReduction(out) : { ...out, reduce: { op: reduce.op, axes } }
}

/** A maximum over what does not depend on the axis is that; a sum of a whole number n times is n times it; a sum of nothing but zeros is 0. */
export const constantReductions: NodeRule = node => {
  const { reduce, body } = node
  if (reduce === undefined) return undefined
  if (reduce.op === 'sum' && isValue(body, 0)) return withoutReduction(node)
  if (reduce.op === 'sum' && isConst(body) && Number.isInteger(body.value)) {
    const total = body.value * reduce.axes.reduce((n, a) => n * a.extent, 1)
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
