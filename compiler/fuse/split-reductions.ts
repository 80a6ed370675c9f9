import type { DeviceTraits } from '../artifact.js'
import { Builder } from '../ir/builder.js'
import { constant, i32, identityAt, index, prim, read, substituteAxes } from '../ir/expr.js'
import type { Axis, ComputeNode, Graph } from '../ir/ir.js'
import { identityOf } from '../ir/reduction-identity.js'
import { productOf } from '../kernel/context.js'
import { contractionOf } from '../kernel/contraction.js'
import { isTiled } from './inline-producers.js'

/** Fewer results than this leave a device idle, if each takes long. */
const fewResults = (traits: DeviceTraits): number => (traits.software ? 8 : 256)
const longReduction = (traits: DeviceTraits): number => (traits.software ? 65536 : 4096)
const longSum = 8192
const sumChunk = 1024
/** Elements of all partial results together. */
const largestParts = 2 ** 24
const chunks = (traits: DeviceTraits): number => (traits.software ? 32 : 256)

/**
 * Long reductions to few results become two: partial results of chunks, then their reduction. The chunks are
 * fixed, so the order of summation is, too.
 */
export const splitReductions = (graph: Graph, traits: DeviceTraits): Graph => {
  const b = new Builder(graph)
  for (const n of graph.nodes) {
    if (n.kind !== 'compute' || n.reduce === undefined || n.reduce.op.startsWith('arg')) continue
    const depth = b.enclosing(n.region).length
    const outer = n.dims.flat().slice(depth)
    const product = contractionOf(n, outer)
    if (product !== undefined && isTiled(product)) {
      // Operands of so many rows fit no cache: a product of long sums goes through them chunk by chunk.
      const longest = Math.max(...n.reduce.axes.map(a => a.extent))
      const parts = Math.ceil(longest / sumChunk)
      if (longest >= longSum && parts * productOf(outer) <= largestParts)
        split(b, n, traits, { depth, wanted: parts, byAxis: false })
      continue
    }
    if (productOf(outer) > fewResults(traits) || productOf(n.reduce.axes) < longReduction(traits)) continue
    split(b, n, traits, { depth, wanted: chunks(traits), byAxis: true })
  }
  return b.finish()
}

interface Parts {
  readonly depth: number
  readonly wanted: number
  readonly byAxis: boolean
}

const split = (b: Builder, n: ComputeNode, traits: DeviceTraits, { depth, wanted, byAxis }: Parts): void => {
  const reduce = n.reduce!
  const loops = n.dims.slice(0, depth)
  const outer = n.dims.slice(depth)
  // A whole axis makes parts without any arithmetic.
  const whole = byAxis
    ? reduce.axes.find(a => a.extent >= 16 && a.extent <= 4096 && productOf(reduce.axes) / a.extent >= 256)
    : undefined
  const { chunk, rest, body } = whole
    ? { chunk: whole, rest: reduce.axes.filter(a => a !== whole), body: n.body }
    : inChunks(b, n, wanted, traits.bindingBytes / (4 * productOf(outer.flat())))
  const partial = b.compute({
    dtype: n.dtype,
    dims: [...loops, [chunk], ...outer],
    reduce: { op: reduce.op, axes: rest },
    body,
    ...(n.region === undefined ? {} : { region: n.region }),
    origin: { ...n.origin, label: `${n.origin.label} in parts` },
  })
  const own = b.axis(chunk.name, chunk.extent)
  b.nodes.set(n.id, {
    ...n,
    reduce: { op: reduce.op, axes: [own] },
    body: read(partial, n.dtype, [...identityAt(loops), index(own), ...identityAt(outer)]),
  })
}

/**
 * The longest reduced axis as chunks of equal length, at most `most`, the last one cut off where the axis
 * ends.
 */
const inChunks = (
  b: Builder,
  n: ComputeNode,
  wanted: number,
  most: number,
): { chunk: Axis; rest: readonly Axis[]; body: ComputeNode['body'] } => {
  const { op, axes } = n.reduce!
  const long = [...axes].sort((x, y) => y.extent - x.extent)[0]!
  const divisor = [...Array(wanted * 4).keys()]
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
