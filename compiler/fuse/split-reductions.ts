import type { DeviceTraits } from '../artifact.js'
import { Builder } from '../ir/builder.js'
import { constant, i32, identityAt, index, prim, read, substituteAxes } from '../ir/expr.js'
import type { Axis, ComputeNode, Graph } from '../ir/ir.js'
import { identityOf } from '../ir/reduction-identity.js'
import { productOf } from '../kernel/context.js'
import { contractionOf } from '../kernel/contraction.js'
import { isTiled } from './inline-producers.js'

/** Fewer results than this leave most cores of a device idle. */
const fewResults = (traits: DeviceTraits): number => (traits.software ? 8 : 256)
/** Shorter reductions than this are done before a second kernel is launched. */
const longReduction = (traits: DeviceTraits): number => (traits.software ? 65536 : 4096)
/** Partial results of a reduction to few results: enough to occupy the device. */
const chunks = (traits: DeviceTraits): number => (traits.software ? 32 : 256)
/**
 * A product whose sums are at least `longest` goes through its operands in chunks of `chunk` positions, which
 * stay in the cache. All partial results together are at most `elements`.
 */
const longProduct = { longest: 8192, chunk: 1024, elements: 2 ** 24 } as const
/**
 * A reduced axis of such an extent serves as the chunks as it is, if each chunk reduces `rest` elements or
 * more.
 */
const wholeAxis = { least: 16, most: 4096, rest: 256 } as const
/** The number of chunks may grow by this factor to find one that divides the axis. */
const chunkSearch = 4

/**
 * Splits long reductions with few results into two: partial results of chunks, then their reduction (the
 * split-k of matrix products). Chunks depend on sizes only, so the order of summation is fixed.
 */
export const splitReductions = (graph: Graph, traits: DeviceTraits): Graph => {
  const b = new Builder(graph)
  for (const n of graph.nodes) {
    if (n.kind !== 'compute' || n.reduce === undefined || n.reduce.op.startsWith('arg')) continue
    const depth = b.enclosing(n.region).length
    const outer = n.dims.flat().slice(depth)
    const product = contractionOf(n, outer)
    if (product !== undefined && isTiled(product)) {
      const longest = Math.max(...n.reduce.axes.map(a => a.extent))
      const parts = Math.ceil(longest / longProduct.chunk)
      if (longest >= longProduct.longest && parts * productOf(outer) <= longProduct.elements)
        splitReduction(b, n, traits, { depth, wanted: parts, byAxis: false })
      continue
    }
    if (productOf(outer) > fewResults(traits) || productOf(n.reduce.axes) < longReduction(traits)) continue
    splitReduction(b, n, traits, { depth, wanted: chunks(traits), byAxis: true })
  }
  return b.finish()
}

/**
 * How a reduction is split: into `wanted` chunks, below `depth` loops. `byAxis` allows a whole axis as the
 * chunks.
 */
interface Parts {
  readonly depth: number
  readonly wanted: number
  readonly byAxis: boolean
}

const splitReduction = (
  b: Builder,
  n: ComputeNode,
  traits: DeviceTraits,
  { depth, wanted, byAxis }: Parts,
): void => {
  const reduce = n.reduce!
  const loops = n.dims.slice(0, depth)
  const outer = n.dims.slice(depth)
  // A whole axis as the chunks needs no index arithmetic.
  const whole = byAxis
    ? reduce.axes.find(
        a =>
          a.extent >= wholeAxis.least &&
          a.extent <= wholeAxis.most &&
          productOf(reduce.axes) / a.extent >= wholeAxis.rest,
      )
    : undefined
  const found = whole
    ? { chunk: whole, rest: reduce.axes.filter(a => a !== whole), body: n.body }
    : inChunks(b, n, wanted, traits.bindingBytes / (4 * productOf(outer.flat())))
  if (found === undefined) return
  const { chunk, rest, body } = found
  const partial = b.compute({
    dtype: n.dtype,
    dims: [...loops, [chunk], ...outer],
    reduce: { op: reduce.op, axes: rest },
    body,
    ...(n.region === undefined ? {} : { region: n.region }),
    origin: { ...n.origin, label: `${n.origin.label} in parts` },
  })
  const own = b.axis(chunk.name, chunk.extent, chunk.open)
  b.nodes.set(n.id, {
    ...n,
    reduce: { op: reduce.op, axes: [own] },
    body: read(partial, n.dtype, [...identityAt(loops), index(own), ...identityAt(outer)]),
  })
}

/**
 * Splits the longest reduced axis into at most `most` chunks of equal length. Where no number of chunks
 * divides the axis, the last chunk is masked where the axis ends.
 */
const inChunks = (
  b: Builder,
  n: ComputeNode,
  wanted: number,
  most: number,
): { chunk: Axis; rest: readonly Axis[]; body: ComputeNode['body'] } | undefined => {
  const { op, axes } = n.reduce!
  const long = axes.filter(a => a.open === undefined).sort((x, y) => y.extent - x.extent)[0]
  if (long === undefined) return undefined
  const divisor = [...Array(wanted * chunkSearch).keys()]
    .reverse()
    .find(d => d >= wanted && d <= most && long.extent % d === 0)
  const count = divisor ?? wanted
  const length = Math.ceil(long.extent / count)
  const chunk = b.axis(`${long.name}_chunk`, count)
  const inner = b.axis(long.name, length)
  const position = prim('add', prim('mul', index(chunk), i32(length)), index(inner))
  const body = substituteAxes(n.body, new Map([[long.id, position]]))
  return {
    chunk,
    rest: [...axes.filter(a => a !== long), inner],
    body:
      divisor === undefined
        ? prim(
            'select',
            prim('lt', position, i32(long.extent)),
            body,
            constant(n.dtype, identityOf(op, n.dtype)),
          )
        : body,
  }
}
