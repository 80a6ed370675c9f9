import { axesOf, constant, postorder, prim } from '../ir/expr.js'
import type { Axis, AxisId, ComputeNode, Expr } from '../ir/ir.js'

/**
 * A sum of products `out[batch, m, n] = Σ k · left[batch, m, k] · right[batch, n, k]`: a batched matrix
 * product as in BLAS's GEMM, with any number of axes in each role.
 */
export interface Contraction {
  readonly left: Expr
  readonly right: Expr
  readonly batch: readonly Axis[]
  readonly m: readonly Axis[]
  readonly n: readonly Axis[]
  readonly k: readonly Axis[]
}

const one = constant('f32', 1)
const product = (es: readonly Expr[]): Expr => es.reduce((a, b) => prim('mul', a, b))
const isZero = (e: Expr): boolean => e.op === 'const' && e.value === 0

/**
 * The factors of a product. A condition around the product moves to the factors that have all of its axes:
 * what they are where it does not hold may be no number.
 */
const factorsOf = (e: Expr): readonly Expr[] => {
  if (e.op === 'mul') return [...factorsOf(e.args[0]!), ...factorsOf(e.args[1]!)]
  if (e.op === 'neg') return [constant('f32', -1), ...factorsOf(e.args[0]!)]
  if (e.op === 'div') return [...factorsOf(e.args[0]!), prim('div', one, e.args[1]!)]
  if (e.op === 'select' && isZero(e.args[2]!)) {
    const inner = factorsOf(e.args[1]!)
    const needed = [...axesOf(e.args[0]!).keys()]
    const hosts = inner.filter(f => needed.every(a => axesOf(f).has(a)))
    if (inner.length > 1 && hosts.length > 0)
      return [
        prim('select', e.args[0]!, product(hosts), e.args[2]!),
        ...inner.filter(f => !hosts.includes(f)),
      ]
  }
  return [e]
}

/**
 * The node as a contraction, or undefined. A contraction is an f32 sum whose factors fall into two operands,
 * each with output axes that the other lacks. `outer` are the node's axes without those of the loops around
 * it.
 *
 * The two factors with the most axes start the operands; every other factor joins an operand that has its
 * axes.
 */
export const contractionOf = (node: ComputeNode, outer: readonly Axis[]): Contraction | undefined => {
  if (node.reduce?.op !== 'sum' || node.dtype !== 'f32') return undefined
  const factors = factorsOf(node.body)
  if (factors.length < 2) return undefined
  const k = node.reduce.axes
  const outerIds = new Set(outer.map(a => a.id))
  const kIds = new Set(k.map(a => a.id))
  const own = factors.map(f => {
    const axes = [...axesOf(f).keys()]
    return { f, outer: new Set(axes.filter(a => outerIds.has(a))), k: axes.filter(a => kIds.has(a)).length }
  })
  const lacks = (a: ReadonlySet<AxisId>, b: ReadonlySet<AxisId>): boolean => [...a].some(x => !b.has(x))
  let seeds: readonly [number, number] | undefined
  let best = 0
  for (let i = 0; i < own.length; i++)
    for (let j = i + 1; j < own.length; j++) {
      const a = own[i]!
      const b = own[j]!
      if (a.k === 0 || b.k === 0 || !lacks(a.outer, b.outer) || !lacks(b.outer, a.outer)) continue
      const size = a.outer.size + b.outer.size + a.k + b.k
      if (size > best) {
        best = size
        seeds = [i, j]
      }
    }
  if (seeds === undefined) return undefined
  const [i, j] = seeds
  const left: Expr[] = [own[i]!.f]
  const right: Expr[] = [own[j]!.f]
  for (const [x, o] of own.entries()) {
    if (x === i || x === j) continue
    if (!lacks(o.outer, own[i]!.outer)) left.push(o.f)
    else if (!lacks(o.outer, own[j]!.outer)) right.push(o.f)
    else return undefined
  }
  const a = own[i]!.outer
  const b = own[j]!.outer
  const parts = {
    batch: outer.filter(x => a.has(x.id) === b.has(x.id)),
    m: outer.filter(x => a.has(x.id) && !b.has(x.id)),
    n: outer.filter(x => b.has(x.id) && !a.has(x.id)),
    k,
  }
  // The output's fastest axis belongs to the columns, where four neighbours are stored at once.
  const last = outer.at(-1)!
  return parts.m.some(x => x.id === last.id)
    ? { ...parts, m: parts.n, n: parts.m, left: product(right), right: product(left) }
    : { ...parts, left: product(left), right: product(right) }
}

/** The number of reads in an operand: the price of its prologue in the inner loop. */
export const loadsOf = (e: Expr): number => postorder(e).filter(x => x.op === 'read').length
