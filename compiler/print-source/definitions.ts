import { postorder, rewrite } from '../ir/expr.js'
import type { ComputeNode, Expr, Node, NodeId } from '../ir/ir.js'
import { sizeInput } from '../open/name-sizes.js'
import { operationCount } from './inline-definitions.js'
import type { Tidy } from './tidy.js'
import { dependsOn, reductionNode } from './write-expr.js'

/** A definition as it will be written: what is reduced, and what stands around the reduction. */
export interface PrintedDefinition {
  readonly node: ComputeNode
  readonly outer: Expr
  readonly inner?: Expr
}

/** Everything that is written for a definition. */
export const partsOfDefinition = (d: PrintedDefinition): readonly Expr[] => [
  d.outer,
  ...(d.inner === undefined ? [] : [d.inner]),
]

export const hasAxes = (e: Expr): boolean => postorder(e).some(x => x.op === 'index')

/** A definition's expressions, tidy, with all that does not depend on the axes of a sum before it. */
export const showDefinition = (
  node: ComputeNode,
  { tidy, productOf, fromProduct, intern }: Tidy,
): PrintedDefinition => {
  const body = tidy(node.body)
  const { reduce } = node
  if (reduce === undefined) return { node, outer: body }
  const hole: Expr = intern({ op: 'read', dtype: node.dtype, node: reductionNode, at: [], guarded: false })
  if (reduce.op !== 'sum' || node.dtype !== 'f32') return { node, outer: hole, inner: body }
  const p = productOf(body)
  const inside = (e: Expr): boolean => dependsOn(e, reduce.axes)
  const inner = fromProduct({
    coefficient: 1,
    numerator: p.numerator.filter(inside),
    denominator: p.denominator.filter(inside),
  })
  const outer = fromProduct({
    coefficient: p.coefficient,
    numerator: [...p.numerator.filter(e => !inside(e)), hole],
    denominator: p.denominator.filter(e => !inside(e)),
  })
  return { node, outer, inner }
}

/** The expressions that occur more than once and are more than a read: they get names. */
export const sharedParts = (shown: readonly PrintedDefinition[]): ReadonlySet<Expr> => {
  const roots = shown.flatMap(partsOfDefinition)
  const uses = new Map<Expr, number>()
  const count = (e: Expr): void => {
    uses.set(e, (uses.get(e) ?? 0) + 1)
  }
  roots.forEach(count)
  const parts = postorder(...roots)
  for (const e of parts)
    (e.op === 'const' || e.op === 'index' ? [] : e.op === 'read' ? e.at : e.args).forEach(count)
  const costly = [
    ...['exp', 'expm1', 'log', 'log1p', 'sqrt', 'rsqrt', 'tanh', 'sigmoid', 'erf'],
    ...['sin', 'cos', 'tan', 'atan2'],
  ]
  return new Set(
    parts.filter(
      e =>
        (uses.get(e) ?? 0) > 1 &&
        e.dtype === 'f32' &&
        e.op !== 'const' &&
        e.op !== 'read' &&
        (operationCount(e) >= 2 || costly.includes(e.op)) &&
        // Each definition has a reduction of its own there.
        !postorder(e).some(x => x.op === 'read' && x.node === reductionNode),
    ),
  )
}

/**
 * Gives a number that is only ever used within one expression the whole of that expression: `scale = Σ x²`
 * of which only `rsqrt(scale / E + eps)` occurs becomes `scale = rsqrt(Σ x² / E + eps)`.
 */
export const completeDefinitions = (
  shown: readonly PrintedDefinition[],
  outputs: readonly NodeId[],
  tidy: Tidy,
): readonly PrintedDefinition[] => {
  let current = [...shown]
  for (const { id } of shown.map(d => d.node)) {
    const d = current.find(o => o.node.id === id)!
    if (d.node.dims.length > 0 || d.inner === undefined || outputs.includes(id)) continue
    const all = current.flatMap(partsOfDefinition)
    const part = wholeUse(all, id)
    if (part === undefined) continue
    const own: Expr = tidy.intern({ op: 'read', dtype: d.node.dtype, node: id, at: [], guarded: false })
    const put = (e: Expr): Expr => tidy.replace(e, x => (x === part ? own : undefined))
    const outer = tidy.replace(part, x => (x.op === 'read' && x.node === id ? d.outer : undefined))
    current = current.map(o =>
      o.node.id === id
        ? { ...o, outer: tidy.tidy(outer) }
        : { ...o, outer: put(o.outer), ...(o.inner === undefined ? {} : { inner: put(o.inner) }) },
    )
  }
  return current
}

/** The largest expression without axes and other nodes within which a node is always read. */
const wholeUse = (all: readonly Expr[], id: NodeId): Expr | undefined => {
  const parents = new Map<Expr, Expr[]>()
  const parts = postorder(...all)
  for (const e of parts)
    for (const c of e.op === 'const' || e.op === 'index' ? [] : e.op === 'read' ? e.at : e.args)
      parents.set(c, [...(parents.get(c) ?? []), e])
  let at = parts.find(e => e.op === 'read' && e.node === id)
  if (at === undefined) return undefined
  const start = at
  for (;;) {
    const above: readonly Expr[] = [...new Set(parents.get(at) ?? [])]
    if (above.length !== 1 || all.includes(at)) break
    const [next] = above
    const foreign = postorder(next!).some(
      e => e.op === 'index' || (e.op === 'read' && e.node !== id && e.dtype === 'f32'),
    )
    if (foreign) break
    at = next!
  }
  return at === start ? undefined : at
}

/**
 * The expression around a mean: around a sum divided by the number of its terms, without that division.
 */
export const meanOf = (
  d: PrintedDefinition,
  nodes: ReadonlyMap<NodeId, Node>,
  { productOf, fromProduct, intern }: Tidy,
): Expr | undefined => {
  const { reduce } = d.node
  if (reduce?.op !== 'sum' || d.node.dtype !== 'f32') return undefined
  const terms = reduce.axes.reduce((n, a) => n * a.extent, 1)
  const isCount = (e: Expr): boolean => {
    const read = e.op === 'cast' ? e.args[0]! : e
    const node = read.op === 'read' ? nodes.get(read.node) : undefined
    return node?.kind === 'input' && node.name === `${sizeInput}${terms}`
  }
  const isHole = (e: Expr): boolean => e.op === 'read' && e.node === reductionNode
  let found = false
  const outer = rewrite(d.outer, x => {
    if (found || x.op !== 'div') return intern(x)
    const p = productOf(x)
    const at = p.denominator.findIndex(isCount)
    if (at < 0 || !p.numerator.some(isHole)) return intern(x)
    found = true
    return fromProduct({ ...p, denominator: p.denominator.filter((_, i) => i !== at) })
  })
  return found ? outer : undefined
}
