import type { CoreExpr } from '../core/core.js'
import { i32, index, prim, read } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { abstract } from './abstract.js'
import { bindAll, type EvalContext, evaluateCore, extent, here, matchPattern } from './eval-context.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import { type Leaf, leavesOf, rebuild } from './leaves.js'
import { type Scope, within } from './scope.js'
import { type CoreValue, scalar } from './value.js'

/**
 * `fold x = init for l -> body`, and `scan`: a region whose carries hold every value of x, one slot an
 * iteration. The carries range over all surrounding index variables, since any of them may occur in the body.
 */
export const evaluateFold = (
  c: EvalContext,
  e: Extract<CoreExpr, { kind: 'fold' }>,
): ReturnType<typeof evaluateCore> => {
  const { m } = c
  const count = extent(c, e.binder.bound)
  const init = evaluateCore(c, e.init)
  const leaves = leavesOf(m, init)
  const parents = m.builder.enclosing(c.scope.region).map(r => r.axis)
  const parallel = c.scope.axes.filter(a => !parents.includes(a))
  const axis = m.builder.axis(e.binder.name, count)
  const region = m.builder.region(axis, e.direction, c.scope.region)
  const at = here(c, e)

  const carries = leaves.map(leaf => {
    const own = tensorAxes(m.builder, leaf.shape)
    const body = leaf.at(own.map(index))
    const start = m.node({
      scope: c.scope,
      own: dimensionsOf(own),
      body,
      over: parallel,
      ...(c.scope.region === undefined ? {} : { region: c.scope.region }),
      here: at,
    })
    const shape = [...parents.map(a => a.extent), count + 1, ...parallel.map(a => a.extent), ...leaf.shape]
    const id = m.builder.openCarry({
      dtype: start.dtype,
      shape,
      region: region.id,
      init: start.id,
      origin: { label: nameOf(e, leaf), span: e.span },
    })
    return { id, dtype: start.dtype, leaf }
  })
  /** The carried value as it stands in one slot. */
  const slot = (position: Expr) =>
    rebuild(
      m,
      init,
      carries.map(({ id, dtype, leaf }) => ({
        ...leaf,
        at: own => read(id, dtype, [...parents.map(index), position, ...parallel.map(index), ...own]),
      })),
    )

  const inside: Scope = { ...within(c.scope, [axis]), region: region.id }
  const context = bindAll({ ...c, scope: inside }, [
    ...matchPattern(e.pattern, slot(e.direction === 'up' ? index(axis) : after(index(axis)))),
    [e.binder.id, scalar(index(axis))],
  ])
  const next = leavesOf(m, evaluateCore(context, e.body))
  carries.forEach((carry, k) => {
    const leaf = next[k]!
    const own: readonly Axis[] = tensorAxes(m.builder, leaf.shape)
    const made = m.node({
      scope: inside,
      own: dimensionsOf(own),
      body: leaf.at(own.map(index)),
      over: parallel,
      region: region.id,
      here: { label: nameOf(e, carry.leaf), span: e.span },
    })
    m.builder.closeCarry(carry.id, made.id)
  })
  if (e.keeps === 'last') return slot(i32(e.direction === 'up' ? count : 0))
  const p = m.builder.axis(e.binder.name, count)
  return stacked(slot(e.direction === 'up' ? after(index(p)) : index(p)), p)
}

const after = (l: Expr): Expr => prim('add', l, i32(1))

/** A value over an axis as what a `scan` gives: each part of a tuple with the axis in front. */
const stacked = (v: CoreValue, axis: Axis): CoreValue =>
  v.kind === 'tuple'
    ? { kind: 'tuple', items: v.items.map(i => stacked(i, axis)) }
    : abstract(v, dimensionsOf([axis]))

const nameOf = (e: Extract<CoreExpr, { kind: 'fold' }>, leaf: Leaf): string => {
  const base = e.pattern.kind === 'name' ? e.pattern.name : 'carry'
  return leaf.name === '' ? base : `${base}.${leaf.name}`
}
