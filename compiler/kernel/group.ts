import type { ComputeNode, Expr, NodeId, RegionId } from '../ir/ir.js'

/** How the nodes of a kernel relate; each kind is a family of schedules. */
export type GroupKind = 'map' | 'rows' | 'contract' | 'scatter'

/**
 * The nodes of one kernel, in evaluation order, their bodies after inlining.
 * - `map`: elementwise nodes over one index space.
 * - `rows`: reductions over rows, and elementwise nodes over the same rows: `rowRank` leading axes are the
 *   row's. A reduction with fewer axes is done again in each row.
 * - `contract`: a sum of products, then elementwise nodes at the same positions (its epilogue).
 * - `scatter`: a sum of what a condition selects.
 */
export interface Group {
  readonly kind: GroupKind
  readonly members: readonly ComputeNode[]
  /** The members that other kernels or the caller read. */
  readonly stored: ReadonlySet<NodeId>
  readonly region?: RegionId
  readonly rowRank: number
  /**
   * The members, of a `map` or of `rows`, that are written into an input whose place they take. No other
   * member reads them.
   */
  readonly updates: ReadonlyMap<NodeId, UpdateTarget>
}

/** The positions of an input at which a node's elements are written, where they are `within` it. */
export interface UpdateTarget {
  readonly into: NodeId
  readonly at: readonly Expr[]
  readonly within: Expr
}
