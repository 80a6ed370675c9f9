import type { ComputeNode, Expr, NodeId, Region, RegionId } from '../ir/ir.js'
import type { Lanes, LoopBody } from './scan-lanes.js'

/** The kinds of kernels. Each has its own families of schedules. */
export type GroupKind = 'map' | 'rows' | 'contract' | 'scatter' | 'scan'

/**
 * The nodes of one kernel, in evaluation order, with their bodies after inlining.
 * - `map`: elementwise nodes over one index space.
 * - `rows`: reductions over rows, and elementwise nodes over the same rows. The first `rowRank` axes count
 *   the rows. A reduction with fewer axes is computed again in each row; a shared member is computed once by
 *   each workgroup.
 * - `contract`: a sum of products and its epilogue, elementwise nodes at the same positions.
 * - `scatter`: a sum whose terms are selected by a condition on data.
 * - `scan`: all nodes of a loop, which runs inside the kernel. Its `region` is the loop's parent.
 */
export interface Group {
  readonly kind: GroupKind
  readonly members: readonly ComputeNode[]
  /** The members that other kernels or the caller read. */
  readonly stored: ReadonlySet<NodeId>
  readonly region?: RegionId
  readonly rowRank: number
  /**
   * The members of a `map` or of `rows` that are written into an input's memory. No other member reads them.
   */
  readonly updates: ReadonlyMap<NodeId, UpdateTarget>
  /**
   * The members of `rows` that all rows have in common: each workgroup, which is one subgroup, computes them
   * before its rows. They are numbers, and vectors of which each lane keeps its own elements: the others read
   * them along their inner axis only.
   */
  readonly shared?: ReadonlySet<NodeId>
  /** Of a `scan`: its loop. */
  readonly scan?: ScanLoop
}

/** A loop that runs inside a kernel. */
export interface ScanLoop extends Omit<LoopBody, 'members'> {
  /** The loops around it, outermost first. */
  readonly outer: readonly Region[]
  readonly lanes: Lanes
  /** Who runs a lane: one thread, or a workgroup whose threads share its arrays. */
  readonly by: 'thread' | 'workgroup'
}

/**
 * The positions of an input at which a node's elements are written. Only those are written that are `within`
 * it.
 */
export interface UpdateTarget {
  readonly into: NodeId
  readonly at: readonly Expr[]
  readonly within: Expr
}
