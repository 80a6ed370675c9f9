import { constant } from '../ir/expr.js'
import { type NodeRule, withoutReduction } from './rewrite-rule.js'

/**
 * A reduction over an axis of extent 1 is its body; a factor of extent 1 in a product of axes is none. (Its
 * index is 0 by its interval.)
 */
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
