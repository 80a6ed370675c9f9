import {
  addSizes,
  evaluateSize,
  multiplySizes,
  type Size,
  scaleSize,
  sizeConstant,
  sizeName,
} from '../core/size.js'
import { childrenOf } from '../ir/expr.js'
import type { Axis, Expr, Graph, Node } from '../ir/ir.js'

/**
 * Numbers of a graph that are sizes in disguise, as polynomials; of f32 constants also with a coefficient
 * that is no integer.
 */
export interface SizeNames {
  readonly whole: ReadonlyMap<number, Size>
  readonly real: ReadonlyMap<number, { readonly coefficient: number; readonly size: Size }>
}

/** The prefix of the inputs that stand for sizes (`sizesAsInputs`). */
export const sizeInput = 'size '

type Pairs = Map<number, number>

/**
 * Names the sizes in graph `a`, which was made for the sizes `at[0]`, by the help of graph `b`, made from
 * the same program for the sizes `at[1]`. Undefined where the two graphs differ in more than numbers: then
 * something was decided that does not hold for all sizes.
 */
export const nameSizes = (
  a: Graph,
  b: Graph,
  at: readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>],
): SizeNames | undefined => {
  const whole: Pairs = new Map()
  const real: Pairs = new Map()
  if (!samePairs(a, b, whole, real)) return undefined
  const polyOf = finder(at)
  const out = new Map<number, Size>()
  for (const [x, y] of whole) {
    if (x === y) continue
    const p = polyOf.whole(x, y)
    if (p === undefined) return undefined
    out.set(x, p)
  }
  const scaled = new Map<number, { readonly coefficient: number; readonly size: Size }>()
  for (const [x, y] of real) {
    if (Object.is(x, y)) continue
    const found = polyOf.real(x, y)
    if (found === undefined) return undefined
    scaled.set(x, found)
  }
  return { whole: out, real: scaled }
}

/** Whether both graphs are the same but for numbers, whose pairs are collected. */
const samePairs = (a: Graph, b: Graph, whole: Pairs, real: Pairs): boolean => {
  const note = (pairs: Pairs, x: number, y: number): boolean => {
    const known = pairs.get(x)
    if (known === undefined) pairs.set(x, y)
    return known === undefined || Object.is(known, y)
  }
  const position = (nodes: readonly Node[]) => new Map(nodes.map((n, i) => [n.id, i]))
  const [at, bt] = [position(a.nodes), position(b.nodes)]
  const axes = new Map<number, number>()
  const sameAxes = (x: readonly Axis[], y: readonly Axis[]): boolean =>
    x.length === y.length &&
    x.every((p, i) => {
      axes.set(p.id, y[i]!.id)
      return note(whole, p.extent, y[i]!.extent)
    })
  const seen = new Map<Expr, Expr>()
  const same = (x: Expr, y: Expr): boolean => {
    if (seen.get(x) === y) return true
    if (x.op !== y.op || x.dtype !== y.dtype) return false
    if (x.op === 'const' && y.op === 'const')
      return x.dtype === 'bool'
        ? x.value === y.value
        : note(x.dtype === 'f32' ? real : whole, x.value, y.value)
    if (x.op === 'index' && y.op === 'index') return axes.get(x.axis.id) === y.axis.id
    if (x.op === 'read' && y.op === 'read' && (at.get(x.node) !== bt.get(y.node) || x.guarded !== y.guarded))
      return false
    const [p, q] = [childrenOf(x), childrenOf(y)]
    const equal = p.length === q.length && p.every((e, i) => same(e, q[i]!))
    if (equal) seen.set(x, y)
    return equal
  }
  const regions = (g: Graph) => g.regions.map(r => r.axis)
  if (!sameAxes(regions(a), regions(b))) return false
  const sameNode = (x: Node, y: Node): boolean => {
    if (x.kind === 'input' && y.kind === 'input') {
      if (x.name.startsWith(sizeInput) && y.name.startsWith(sizeInput))
        return note(whole, Number(x.name.slice(sizeInput.length)), Number(y.name.slice(sizeInput.length)))
      return x.name === y.name && x.shape.every((n, i) => note(whole, n, y.shape[i]!))
    }
    if (x.kind === 'literal' && y.kind === 'literal')
      return x.data.length === y.data.length && x.data.every((v, i) => v === y.data[i])
    if (x.kind === 'carry' && y.kind === 'carry')
      return (
        at.get(x.init) === bt.get(y.init) &&
        at.get(x.next) === bt.get(y.next) &&
        x.shape.every((n, i) => note(whole, n, y.shape[i]!))
      )
    if (x.kind !== 'compute' || y.kind !== 'compute') return false
    return (
      x.dims.length === y.dims.length &&
      x.dims.every((d, i) => sameAxes(d, y.dims[i]!)) &&
      x.reduce?.op === y.reduce?.op &&
      sameAxes(x.reduce?.axes ?? [], y.reduce?.axes ?? []) &&
      same(x.body, y.body)
    )
  }
  return a.nodes.length === b.nodes.length && a.nodes.every((x, i) => sameNode(x, b.nodes[i]!))
}

/** How far a coefficient or an offset of a size in a program may reach. */
const coefficients = [...Array(16).keys()].map(k => k + 1)
const largestOffset = 4096

/** Searches for the polynomial that has one value under one assignment and another under the other. */
const finder = (at: readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>]) => {
  const names = [...at[0].keys()].map(sizeName)
  const degrees: Size[][] = [names]
  for (let d = 2; d <= 4 && degrees[d - 2]!.length < 200; d++) {
    const made = degrees[d - 2]!.flatMap(m => names.map(n => multiplySizes(m, n)))
    degrees.push([...new Map(made.map(p => [[...p.terms.keys()][0], p])).values()])
  }
  const valued = (p: Size) => ({ p, x: evaluateSize(p, at[0]), y: evaluateSize(p, at[1]) })
  const monomials = degrees.flat().map(valued)
  const low = degrees.slice(0, 2).flat().map(valued)
  const linear = (x: number, y: number, of: typeof monomials): Size | undefined => {
    for (const m of of)
      for (const k of coefficients) {
        const rest = x - k * m.x
        if (rest === y - k * m.y && Math.abs(rest) <= largestOffset)
          return addSizes(scaleSize(m.p, k), sizeConstant(rest))
      }
    return undefined
  }
  const whole = (x: number, y: number): Size | undefined => {
    if (x < 0) {
      const p = whole(-x, -y)
      return p && scaleSize(p, -1)
    }
    const found = linear(x, y, monomials)
    if (found !== undefined) return found
    for (const first of low)
      for (const k of [1, 2, 3, 4, -1]) {
        const rest = linear(x - k * first.x, y - k * first.y, low)
        if (rest !== undefined) return addSizes(scaleSize(first.p, k), rest)
      }
    return undefined
  }
  return {
    whole,
    real: (x: number, y: number) => {
      for (const m of monomials) {
        const coefficient = x / m.x
        if (Math.abs(coefficient - y / m.y) <= 1e-12 * Math.abs(coefficient))
          return { coefficient, size: m.p }
      }
      return undefined
    },
  }
}
