/*
 * Reverse-mode differentiation of the tensor IR (Griewank and Walther, "Evaluating Derivatives", 2008).
 * 1. Activity analysis: which nodes depend on `wrt` and reach the loss (`activity.ts`).
 * 2. In reverse order of evaluation, each node's cotangent is the sum of what its readers contribute
 *    (`cotangent-sum.ts`).
 * 3. A read M[f(a)] contributes to M̄ at f(a). The position is inverted, so that the contribution is a
 *    gather and not a scatter: of `y[i] = 2·x[i + 1]`, x̄[j] = if 1 <= j then 2·ȳ[j - 1] else 0
 *    (`invert-positions.ts`, `contribute.ts`).
 * 4. A loop is reversed as a loop the other way, whose carries are the cotangents of its carries
 *    (`reverse-region.ts`).
 * The result is a graph like any other. It keeps all that the forward loop made: what is computed again
 * instead of kept is decided later, in the room `memory`.
 */
import type { Builder } from '../ir/builder.js'
import { identityAt, read } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { ComputeNode, Expr, Node, NodeId } from '../ir/ir.js'
import { analyseActivity } from './activity.js'
import { contribute } from './contribute.js'
import { cotangentPlace, storeCotangent, sumOfTerms, zeroCotangent } from './cotangent-sum.js'
import { cotangentOfBody } from './reduction-cotangent.js'
import { type ReversalUnit, reversalOrder } from './reversal-order.js'
import { reverseRegion } from './reverse-region.js'
import { axisFor, inReversedRegion, type ReverseState, regionsOf, reversedRegions } from './reverse-state.js'
import { adjoints, one } from './scalar-adjoints.js'
import { splitDigits } from './split-digits.js'

/**
 * Reverse mode. Adds to the builder the derivative of the sum of all elements of `loss` by each of `wrt`, a
 * tensor of that node's shape (zeros where the loss does not depend on it), and nothing that these do not
 * need. The nodes of `wrt` count as independent of each other and of what they were computed from.
 *
 * Within a fold's body, where loss and `wrt` are nodes of the region, the derivative is that of one
 * iteration: carries are constants, and the results are nodes of the region too.
 */
export const differentiate = (builder: Builder, loss: NodeId, wrt: readonly NodeId[]): readonly NodeId[] => {
  const activity = analyseActivity(builder, loss, wrt)
  const reverse: ReverseState = {
    ...activity,
    builder,
    wrt: new Set(wrt),
    terms: new Map(),
    results: new Map(),
    reversed: new Map(),
  }
  seedLoss(reverse, builder.node(loss))
  reverseUnits(reverse, reversalOrder(builder, activity))
  return wrt.map(id => reverse.results.get(id) ?? zeroNode(reverse, builder.node(id)))
}

/** ∂ Σ loss / ∂ loss = 1. */
const seedLoss = (reverse: ReverseState, loss: Node): void => {
  if (!reverse.active.has(loss.id)) return
  const dims = shapeOf(loss).map((n, i) => [axisFor(reverse, loss, i, n)])
  reverse.terms.set(loss.id, [{ inside: 0, dims, value: one }])
}

const reverseUnits = (reverse: ReverseState, units: readonly ReversalUnit[]): void => {
  for (const unit of [...units].reverse())
    if (unit.kind === 'region') reverseRegion(reverse, unit, inner => reverseUnits(reverse, inner))
    else reverseNode(reverse, reverse.builder.node(unit.id))
}

/** The node's cotangent is complete: all that reads it has been reversed. */
const reverseNode = (reverse: ReverseState, node: Node): void => {
  const place = cotangentPlace(reverse, node)
  const sum = sumOfTerms(reverse, node, place)
  if (sum === undefined) return
  if (reverse.wrt.has(node.id)) {
    reverse.results.set(node.id, storeCotangent(reverse, { sum, place, node }))
    return
  }
  if (node.kind !== 'compute') return
  const bar = sum.body.op === 'const' ? undefined : storeCotangent(reverse, { sum, place, node })
  propagateToReads(reverse, node, at => (bar === undefined ? sum.body : read(bar, 'f32', at)))
}

/**
 * Each read M[f(a, r)] in N = for a -> reduce r -> b contributes N̄[a] · ∂N/∂b · ∂b/∂M[f(a, r)] to M̄ at
 * f(a, r).
 */
const propagateToReads = (
  reverse: ReverseState,
  node: ComputeNode,
  cotangent: (at: readonly Expr[]) => Expr,
): void => {
  const path = regionsOf(reverse, node)
  const inner = reversedRegions(reverse, path)
  const own = node.dims.slice(path.length)
  const reduced = node.reduce?.axes ?? []
  const { body, digits } = splitDigits(
    inReversedRegion(reverse, path, node.body),
    [...own.flat(), ...reduced],
    (name, extent) => reverse.builder.axis(name, extent),
  )
  const dims = [...inner.map(r => [r.axis]), ...own.map(d => d.flatMap(digits))]
  const over = reduced.flatMap(digits)
  const at = identityAt(dims)
  const bar = cotangentOfBody(reverse, { node, path: inner, dims, over, body }, cotangent(at))
  const sources = new Set(reverse.sources.get(node.id))
  const result = node.reduce === undefined ? read(node.id, 'f32', at) : undefined
  for (const { read: from, value } of adjoints(body, bar, id => sources.has(id), result))
    contribute(reverse, {
      path,
      axes: [...dims.slice(path.length).flat(), ...over],
      value,
      to: from.node,
      at: from.at,
    })
}

const zeroNode = (reverse: ReverseState, node: Node): NodeId => {
  const outside = { path: [], lead: [] }
  return storeCotangent(reverse, { sum: zeroCotangent(reverse, node, outside), place: outside, node })
}
