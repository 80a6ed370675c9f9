import { index, mixedRadix, postorder, substituteAxes } from '../ir/expr.js'
import type { Axis, ComputeNode } from '../ir/ir.js'
import { isConst, type NodeRule } from './rewrite-rule.js'

/** The largest divisor by which the body divides an axis, where it divides the extent too. */
const divisorOf = (node: ComputeNode, axis: Axis): number | undefined => {
  let best: number | undefined
  for (const e of postorder(node.body)) {
    if (e.op !== 'idiv' && e.op !== 'mod') continue
    const [x, n] = e.args
    if (x!.op !== 'index' || x!.axis.id !== axis.id || !isConst(n!)) continue
    const fits = n.value > 1 && n.value < axis.extent && axis.extent % n.value === 0
    if (fits && n.value > (best ?? 0)) best = n.value
  }
  return best
}

/**
 * An axis h of which the body uses `h / G` and `h mod G` becomes the product of axes (k, g), with `h = k·G
 * + g`: no division remains.
 */
export const splitAxes: NodeRule = (node, facts) => {
  const axes = [...node.dims.flat(), ...(node.reduce?.axes ?? [])]
  const argument = node.reduce?.op.startsWith('arg') ? node.reduce.axes[0] : undefined
  for (const h of axes) {
    const n = h === argument || facts.sequential.has(h.id) ? undefined : divisorOf(node, h)
    if (n === undefined) continue
    const k = facts.axis(h.name, h.extent / n)
    const g = facts.axis(`${h.name}_in`, n)
    const replace = (of: readonly Axis[]): readonly Axis[] => of.flatMap(a => (a.id === h.id ? [k, g] : [a]))
    const body = substituteAxes(node.body, new Map([[h.id, mixedRadix([index(k), index(g)], [k.extent, n])]]))
    const dims = node.dims.map(replace)
    return node.reduce
      ? { ...node, dims, body, reduce: { op: node.reduce.op, axes: replace(node.reduce.axes) } }
      : { ...node, dims, body }
  }
  return undefined
}
