import { f32, identityAt, index, prim, read, substituteAxes } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr, Region } from '../ir/ir.js'
import { innermostRegion, type ReverseState } from './reverse-state.js'
import { maskedBy, scaleCotangent } from './scalar-adjoints.js'

/** A node as it reads in the reversed regions `path`: over their axes. */
export interface ReversedNode {
  readonly node: ComputeNode
  readonly path: readonly Region[]
  readonly dims: readonly (readonly Axis[])[]
  /** The axes of the reduction. */
  readonly over: readonly Axis[]
  readonly body: Expr
}

/**
 * The cotangent of the body b(a, r) of N[a] = reduce r -> b(a, r), given N̄[a]: sum: N̄; prod: N̄ · Π {r' ≠
 * r} b(a, r'), which holds where factors are 0; max and min: N̄ where b(a, r) = N[a], divided by the number
 * of such r.
 */
export const cotangentOfBody = (reverse: ReverseState, of: ReversedNode, cotangent: Expr): Expr => {
  const { reduce } = of.node
  if (reduce === undefined || reduce.op === 'sum') return cotangent
  return reduce.op === 'prod'
    ? scaleCotangent(cotangent, productOfOthers(reverse, of))
    : shareOfExtremum(reverse, of, cotangent)
}

/** Π of the other elements: Π r' -> if r' = r then 1 else b(a, r'). */
const productOfOthers = ({ builder }: ReverseState, { node, path, dims, over, body }: ReversedNode): Expr => {
  const primed = over.map(a => builder.axis(`${a.name}'`, a.extent))
  const same = over.map((a, i) => prim('eq', index(primed[i]!), index(a))).reduce((x, y) => prim('and', x, y))
  const all = [...dims, ...over.map(a => [a])]
  const product = builder.compute({
    dtype: 'f32',
    dims: all,
    reduce: { op: 'prod', axes: primed },
    body: prim(
      'select',
      same,
      f32(1),
      substituteAxes(body, new Map(over.map((a, i) => [a.id, index(primed[i]!)]))),
    ),
    ...innermostRegion(path),
    origin: { ...node.origin, label: `productOfOthers of ${node.origin.label}` },
  })
  return read(product, 'f32', identityAt(all))
}

const shareOfExtremum = (
  { builder }: ReverseState,
  { node, path, dims, over, body }: ReversedNode,
  cotangent: Expr,
): Expr => {
  const attained = prim('eq', body, read(node.id, 'f32', identityAt(dims)))
  const count = builder.compute({
    dtype: 'f32',
    dims,
    reduce: { op: 'sum', axes: over },
    body: maskedBy([attained], f32(1)),
    ...innermostRegion(path),
    origin: { ...node.origin, label: `ties of ${node.origin.label}` },
  })
  // At least 1: a device may round the body differently when it computes it again.
  const ties = prim('max', read(count, 'f32', identityAt(dims)), f32(1))
  return maskedBy([attained], prim('div', cotangent, ties))
}
