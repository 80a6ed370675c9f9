import { sameIndex } from '../affine/affine-of.js'
import { identityAt, type ReadExpr } from '../ir/expr.js'
import { outerAxes, regionPath } from '../ir/graph.js'
import type { Axis, ComputeNode, Graph } from '../ir/ir.js'
import { equalExtents } from '../ir/open-extent.js'
import { renameAxes } from '../kernel/context.js'

/** Whether two lists of axes have the same extents, one by one. */
export const sameExtents = (a: readonly Axis[], b: readonly Axis[]): boolean =>
  a.length === b.length && a.every((x, i) => equalExtents(x, b[i]!))

/** Answers, for the nodes of a graph, whether a read takes the element at the reader's own position. */
export interface Alignment {
  /** A node's axes without those of the loops around it. */
  readonly own: (n: ComputeNode) => readonly Axis[]
  /** Whether a read of `m` is at the reader's first `rank` axes. */
  readonly aligned: (r: ReadExpr, m: ComputeNode, reader: ComputeNode, rank: number) => boolean
}

/** The alignment of a graph's nodes. */
export const alignmentOf = (graph: Graph): Alignment => {
  const depth = (n: ComputeNode): number => regionPath(graph, n.region).length
  const own = (n: ComputeNode): readonly Axis[] => outerAxes(n).slice(depth(n))
  const loops = (n: ComputeNode): readonly Axis[] => outerAxes(n).slice(0, depth(n))
  return {
    own,
    aligned: (r, m, reader, rank) => {
      const axes = own(m)
      const mine = own(reader).slice(0, rank)
      if (axes.length !== rank || !sameExtents(axes, mine)) return false
      const wanted = identityAt(m.dims).map(e =>
        renameAxes(e, [...loops(m), ...axes], [...loops(reader), ...mine]),
      )
      return !r.guarded && r.at.every((e, i) => sameIndex(e, wanted[i]!))
    },
  }
}
