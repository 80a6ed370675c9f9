import type { CoreExpr } from '../core/core.js'
import { differentiate } from '../differentiate/differentiate.js'
import { index, read } from '../ir/expr.js'
import type { Expr, NodeId } from '../ir/ir.js'
import { peelLast } from '../simplify/peel-last.js'
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
  const narrow = region === undefined ? narrowed(c, e, result, loss.id) : { result, loss: loss.id }
  const cotangents = differentiate(
    m.builder,
    narrow.loss,
    copies.map(k => k.id),
  )
  const dx = rebuild(m, x, asLeaves(cotangents))
  return e.withValue ? { kind: 'tuple', items: [narrow.result, dx] } : dx
}

/**
 * The loss, and the result that it is the first part of, with the last iteration of a loop computed only
 * where it is read. The result must read the same nodes as the loss, or the loop would run twice.
 */
const narrowed = (
  c: EvalContext,
  e: Extract<CoreExpr, { kind: 'grad' }>,
  result: CoreValue,
  loss: NodeId,
): { readonly result: CoreValue; readonly loss: NodeId } => {
  const { m } = c
  const alone = peelLast(m.builder, [loss])
  if (alone === undefined) return { result, loss }
  if (!e.withValue) return { result, loss: alone.get(loss)! }
  const parts = leavesOf(m, result).map(leaf => {
    const own = tensorAxes(m.builder, leaf.shape)
    const body = leaf.at(own.map(index))
    return { leaf, ...m.node({ scope: c.scope, own: dimensionsOf(own), body, here: here(c, e) }) }
  })
  const together = peelLast(m.builder, [loss, ...parts.map(p => p.id)])
  if (together === undefined) return { result, loss }
  const leaves = parts.map(({ leaf, id, dtype, front }) => ({
    ...leaf,
    at: (position: readonly Expr[]) => read(together.get(id)!, dtype, [...front.map(index), ...position]),
  }))
  return { result: rebuild(m, result, leaves), loss: together.get(loss)! }
}
