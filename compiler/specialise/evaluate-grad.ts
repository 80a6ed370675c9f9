import type { CoreExpr } from '../core/core.js'
import { differentiate } from '../differentiate/differentiate.js'
import { index, read } from '../ir/expr.js'
import { type EvalContext, evaluateCore, here } from './eval-context.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import { leavesOf, rebuild } from './leaves.js'
import { asExpr, asFn, type CoreValue, unexpected } from './value.js'

/**
 * `grad(f)(x)`. Every tensor of x is copied to a node of its own, f is evaluated on the copies, and the
 * differentiator adds the cotangents of the copies to the same graph.
 */
export const evaluateGrad = (c: EvalContext, e: Extract<CoreExpr, { kind: 'grad' }>): CoreValue => {
  const { m } = c
  const x = evaluateCore(c, e.at)
  const at = here(c, e)
  const { region } = c.scope
  const forced = { over: c.scope.axes, ...(region === undefined ? {} : { region }) }
  const copies = leavesOf(m, x).map(leaf => {
    const own = tensorAxes(m.builder, leaf.shape)
    const made = m.node({
      scope: c.scope,
      own: dimensionsOf(own),
      body: leaf.at(own.map(index)),
      ...forced,
      unique: true,
      here: { label: leaf.name === '' ? c.label : leaf.name, span: e.span },
    })
    return { leaf, ...made }
  })
  const asLeaves = (ids: readonly number[]) =>
    copies.map((copy, k) => ({
      ...copy.leaf,
      at: (own: readonly ReturnType<typeof index>[]) =>
        read(ids[k]!, copy.dtype, [...copy.front.map(index), ...own]),
    }))

  const result = asFn(evaluateCore(c, e.fn))([rebuild(m, x, asLeaves(copies.map(k => k.id)))], c.scope)
  const first = result.kind === 'tuple' ? result.items[0]! : result
  if (first.kind !== 'scalar' && first.kind !== 'tensor') return unexpected('scalar', first)
  const loss = m.node({
    scope: c.scope,
    own: [],
    body: asExpr(first),
    ...forced,
    here: { ...at, label: 'loss' },
  })
  const cotangents = differentiate(
    m.builder,
    loss.id,
    copies.map(k => k.id),
  )
  const dx = rebuild(m, x, asLeaves(cotangents))
  return e.withValue ? { kind: 'tuple', items: [result, dx] } : dx
}
