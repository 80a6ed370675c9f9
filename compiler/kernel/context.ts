import type { DeviceTraits } from '../artifact.js'
import { index, readsOf, rewrite, substituteAxes } from '../ir/expr.js'
import { elementsOf } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, InputNode, NodeId, OpenExtent } from '../ir/ir.js'
import { bytesOf } from '../ir/packing.js'
import { lowerRead, type Placement, type Storage } from './placement.js'

/** The facts that all kernels of one artifact share. */
export interface KernelContext {
  readonly traits: DeviceTraits
  readonly placements: ReadonlyMap<NodeId, Placement>
  readonly storages: readonly Storage[]
  readonly axis: (name: string, extent: number, open?: OpenExtent) => Axis
}

/** Makes axes with ids from `first` on, which no node has. */
export const createAxisSource = (first: number): KernelContext['axis'] => {
  let next = first
  return (name, extent, open) => ({ id: next++, name, extent, ...(open === undefined ? {} : { open }) })
}

/** An expression with the axes `from` replaced by the axes `to`, one by one. */
export const renameAxes = (e: Expr, from: readonly Axis[], to: readonly Axis[]): Expr =>
  substituteAxes(
    e,
    new Map(from.flatMap((a, i) => (a.id === to[i]!.id ? [] : [[a.id, index(to[i]!)] as const]))),
  )

/**
 * A negative id in place of a node's id. A read of it means the value that the kernel itself has computed.
 */
export const localOf = (node: NodeId): number => -1 - node

/**
 * Turns reads of nodes into loads from storage, and reads of the group's members into reads of local values.
 */
export const lowerBody = (e: Expr, ctx: KernelContext, members: ReadonlySet<NodeId>): Expr =>
  rewrite(e, x => {
    if (x.op !== 'read' || x.node < 0) return x
    if (members.has(x.node))
      return { op: 'read', dtype: x.dtype, node: localOf(x.node), at: [], guarded: false }
    return lowerRead(x, ctx.placements)
  })

/** Replaces reads of local values by the expressions that compute them. */
export const substituteLocals = (e: Expr, values: ReadonlyMap<NodeId, Expr>): Expr =>
  values.size === 0
    ? e
    : rewrite(e, x => (x.op === 'read' && x.node < 0 ? (values.get(-1 - x.node) ?? x) : x))

/** Bytes that stay in a processor's last-level cache from run to run. */
const lastCache = 24 * 2 ** 20

/**
 * The inputs that each run on a software device reads from main memory. These are all of them where together
 * they are larger than the last-level cache, else none. An input counts with its whole size, though a run may
 * read only a part of it.
 */
export const inputsFromMemory = (inputs: readonly InputNode[], traits: DeviceTraits): ReadonlySet<NodeId> => {
  const bytes = inputs.reduce((sum, n) => sum + bytesOf(elementsOf(n), n.packing), 0)
  return new Set(traits.software && bytes > lastCache ? inputs.map(n => n.id) : [])
}

/** The number of elements of an index space: the product of the axes' extents. */
export const productOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)

export const reduceAxes = (n: ComputeNode): readonly Axis[] => n.reduce?.axes ?? []

/** The packing of every packed tensor that an expression reads, one entry for each read. */
export const packingsOf = (e: Expr, ctx: KernelContext): readonly string[] =>
  readsOf(e).flatMap(r => (r.node < 0 ? [] : (ctx.storages[r.node]!.packing ?? [])))
