import { asConstantSize, linearSizeIn, type Size, sameSize, sizeNamesIn } from '../core/size.js'
import { cast, constant, i32, index, read, rewriter } from '../ir/expr.js'
import { sortGraph } from '../ir/graph.js'
import type { Axis, Expr, Graph, InputNode, Node, NodeId, OpenExtent, OpenSize } from '../ir/ir.js'
import { extentExpr } from '../ir/open-extent.js'
import { verified } from '../ir/verify.js'
import { simplify } from '../simplify/simplify.js'
import { nameSizes, type SizeNames, sizeInput } from './name-sizes.js'

/**
 * A graph for all sizes up to some. A program is specialised twice, for the most of its open sizes and for
 * other numbers of them, and simplified. Where both graphs are the same but for numbers, each number that
 * differs is a function of an open size, and it becomes one again: of an axis its `open` extent, of an input
 * its shape, elsewhere an expression over an input that a run gives (`Graph.sizes`).
 *
 *     y[i=512] = x[i] + 512   and   y[i=488] = x[i] + 488   →   y[i=T≤512] = x[i] + size T
 */

/** Specialises a program for some sizes, with sizes as inputs where it uses them as numbers. */
export type SpecialiseAt = (sizes: ReadonlyMap<string, number>) => Graph

/** How often larger sizes are tried where two sizes have one number by chance. */
const attempts = 8

const isPrime = (n: number): boolean => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return n > 1
}

/** The `nth` prime below `n`, or above it where there is none below; never `n`. */
const otherThan = (n: number, nth: number): number => {
  const below = Array.from({ length: n }, (_, i) => n - 1 - i).filter(isPrime)
  if (below[nth] !== undefined && below[nth]! > 2) return below[nth]!
  let found = n + 1
  for (let left = nth; ; found++) if (isPrime(found) && left-- === 0) return found
}

/**
 * The graph for all numbers of the open sizes up to the most that they are given, which may come out a little
 * larger. Undefined where something in it depends on an open size in another way, as a `fold` over one does:
 * the program must then be specialised for each number.
 */
export const openGraph = (specialise: SpecialiseAt, wanted: readonly OpenSize[]): Graph | undefined => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const sizes = wanted.map(({ most, step, ...size }) => ({
      ...size,
      step,
      most: (Math.ceil(Math.max(1, most) / step) + attempt) * step,
    }))
    const found = openAt(specialise, sizes, attempt)
    if (found === 'never') return undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Undefined where other numbers may do better, `never` where none do. */
const openAt = (
  specialise: SpecialiseAt,
  sizes: readonly OpenSize[],
  attempt: number,
): Graph | 'never' | undefined => {
  const most = new Map(sizes.map(s => [s.name, s.most]))
  const otherBy = (choice: (i: number) => number) =>
    new Map(sizes.map((s, i) => [s.name, otherThan(s.most / s.step, attempt + choice(i)) * s.step]))
  const namedBy = (other: ReadonlyMap<string, number>) => {
    const pair = withKnownSizes(specialise(most), specialise(other))
    if (pair === undefined) return undefined
    const [a, b] = pair.map(g => simplify(verified(g, 'specialise'))) as [Graph, Graph]
    const names = nameSizes(a, b, [most, other])
    return names && { graph: a, names }
  }
  const named = namedBy(otherBy(i => i))
  if (named === undefined) return undefined
  // Of two sizes, one number may be named by either: then another pair of numbers names it otherwise.
  if (sizes.length > 1) {
    const again = namedBy(otherBy(i => 2 * i + 1))
    if (again === undefined || !sameNames(named.names, again.names)) return undefined
  }
  return withOpenSizes(named.graph, sizes, named.names) ?? 'never'
}

const sameNames = (a: SizeNames, b: SizeNames): boolean =>
  a.whole.size === b.whole.size &&
  [...a.whole].every(([n, p]) => {
    const q = b.whole.get(n)
    return q !== undefined && sameSize(p, q)
  })

const sizeInputsOf = (graph: Graph): readonly InputNode[] =>
  graph.nodes.flatMap(n => (n.kind === 'input' && n.name.startsWith(sizeInput) ? [n] : []))

const numberOf = (n: InputNode): number => Number(n.name.slice(sizeInput.length))

/** Both graphs with constants for the sizes that are equal in both; undefined where they read others. */
const withKnownSizes = (a: Graph, b: Graph): readonly [Graph, Graph] | undefined => {
  const [p, q] = [sizeInputsOf(a), sizeInputsOf(b)]
  if (p.length !== q.length) return undefined
  const equal = p.map((n, i) => numberOf(n) === numberOf(q[i]!))
  const known = (inputs: readonly InputNode[]) =>
    new Map(inputs.flatMap((n, i) => (equal[i] ? [[n.id, numberOf(n)] as const] : [])))
  return [withConstants(a, known(p)), withConstants(b, known(q))]
}

/** The graph with a number for each of some scalar inputs. */
export const withConstants = (graph: Graph, known: ReadonlyMap<NodeId, number>): Graph => {
  if (known.size === 0) return graph
  const put = rewriter(e => {
    const value = e.op === 'read' ? known.get(e.node) : undefined
    return value === undefined ? e : constant(e.dtype, value)
  })
  const nodes = graph.nodes
    .filter(n => !known.has(n.id))
    .map(n => (n.kind === 'compute' ? { ...n, body: put(n.body) } : n))
  return sortGraph({ ...graph, nodes })
}

/** A size as a function of one open size: scale · size + shift. */
const linear = (p: Size, sizes: readonly OpenSize[]): OpenExtent | undefined => {
  const names = sizeNamesIn(p)
  const size = sizes.findIndex(s => s.name === names[0])
  const form = names.length === 1 ? linearSizeIn(p, names[0]!) : undefined
  const [scale, shift] = [form && asConstantSize(form.coefficient), form && asConstantSize(form.rest)]
  if (scale === undefined || shift === undefined || scale < 1) return undefined
  return { size, scale, shift, per: 1, step: sizes[size]!.step }
}

const withOpenSizes = (
  graph: Graph,
  sizes: readonly OpenSize[],
  { whole, real }: SizeNames,
): Graph | undefined => {
  const forms = new Map([...whole].map(([n, p]) => [n, linear(p, sizes)] as const))
  if ([...forms.values()].includes(undefined) || real.size > 0) return undefined
  const formOf = (n: number): OpenExtent | undefined => forms.get(n)
  const firstId = 1 + Math.max(-1, ...graph.nodes.map(n => n.id))
  const inputs = sizes.map(
    (s, number): InputNode => ({
      kind: 'input',
      id: firstId + number,
      name: `${sizeInput}${s.name}`,
      dtype: 'i32',
      shape: [],
      size: { number, most: s.most },
      origin: { label: `${sizeInput}${s.name}` },
    }),
  )
  const openValue = (open: OpenExtent): Expr =>
    extentExpr({ extent: 0, open }, size => read(inputs[size]!.id, 'i32', []))
  const numbers = new Map(sizeInputsOf(graph).map(n => [n.id, numberOf(n)]))
  const axes = new Map<number, Axis>()
  const openAxis = (a: Axis): Axis => {
    const open = formOf(a.extent)
    const known = axes.get(a.id) ?? (open === undefined ? a : { ...a, open })
    axes.set(a.id, known)
    return known
  }
  const body = rewriter(e => {
    if (e.op === 'index') return axes.get(e.axis.id) === e.axis ? e : index(openAxis(e.axis))
    if (e.op === 'read' && numbers.has(e.node)) {
      const n = numbers.get(e.node)!
      const form = formOf(n)
      return form === undefined ? i32(n) : openValue(form)
    }
    if (e.op !== 'const' || e.dtype === 'f32' || e.dtype === 'bool') return e
    const form = formOf(e.value)
    return form === undefined ? e : cast(e.dtype, openValue(form))
  })
  if (graph.regions.some(r => formOf(r.axis.extent) !== undefined)) return undefined
  let fits = true
  const opened = graph.nodes
    .filter(n => !numbers.has(n.id))
    .map((n): Node => {
      if (n.kind === 'literal') return n
      if (n.kind !== 'compute') {
        const open = n.shape.map(formOf)
        return open.every(o => o === undefined) ? n : { ...n, open }
      }
      const dims = n.dims.map(d => d.map(openAxis))
      // The digits of an index into a product of axes are taken by the most, by which memory is laid out.
      if (dims.some(d => d.length > 1 && d.some(a => a.open !== undefined))) fits = false
      const reduce = n.reduce && { ...n.reduce, axes: n.reduce.axes.map(openAxis) }
      return { ...n, dims, ...(reduce ? { reduce } : {}), body: body(n.body) }
    })
  if (!fits) return undefined
  return verified(sortGraph({ ...graph, nodes: [...inputs, ...opened], sizes }), 'open sizes')
}
