import type { DeviceTraits } from '../artifact.js'
import { index, readsOf, rewrite, substituteAxes } from '../ir/expr.js'
import { elementsOf } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, InputNode, NodeId } from '../ir/ir.js'
import { bytesOf } from '../ir/packing.js'
import { lowerRead, type Placement, type Storage } from './placement.js'

/** What the schedules of one artifact share. */
export interface KernelContext {
  readonly traits: DeviceTraits
  readonly placements: ReadonlyMap<NodeId, Placement>
  readonly storages: readonly Storage[]
  readonly axis: (name: string, extent: number) => Axis
}

/** Source of axes that no node has. */
export const createAxisSource = (first: number): ((name: string, extent: number) => Axis) => {
  let next = first
  return (name, extent) => ({ id: next++, name, extent })
}

/** A member's body over the axes of the group: its own `from` replaced by `to`, one by one. */
export const renameAxes = (e: Expr, from: readonly Axis[], to: readonly Axis[]): Expr =>
  substituteAxes(
    e,
    new Map(from.flatMap((a, i) => (a.id === to[i]!.id ? [] : [[a.id, index(to[i]!)] as const]))),
  )

/** The stand-in for the value of a node that the kernel computes itself. */
export const localOf = (node: NodeId): number => -1 - node

/** Reads of nodes become loads from storage; reads of the group's members become stand-ins. */
export const lowerBody = (e: Expr, ctx: KernelContext, members: ReadonlySet<NodeId>): Expr =>
  rewrite(e, x => {
    if (x.op !== 'read' || x.node < 0) return x
    if (members.has(x.node))
      return { op: 'read', dtype: x.dtype, node: localOf(x.node), at: [], guarded: false }
    return lowerRead(x, ctx.placements)
  })

/** Stand-ins replaced by what they stand for. */
export const substituteLocals = (e: Expr, values: ReadonlyMap<NodeId, Expr>): Expr =>
  values.size === 0
    ? e
    : rewrite(e, x => (x.op === 'read' && x.node < 0 ? (values.get(-1 - x.node) ?? x) : x))

/** Bytes that stay in a processor's last cache from run to run. */
const lastCache = 24 * 2 ** 20

/**
 * Which of some inputs each run on a software device reads from memory: all, where together they are more
 * than stays in the cache; else none. Each counts whole, though a run may read but a part, and writes into
 * some.
 */
export const inputsFromMemory = (inputs: readonly InputNode[], traits: DeviceTraits): ReadonlySet<NodeId> => {
  const bytes = inputs.reduce((sum, n) => sum + bytesOf(elementsOf(n), n.packing), 0)
  return new Set(traits.software && bytes > lastCache ? inputs.map(n => n.id) : [])
}

export const productOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)

export const reduceAxes = (n: ComputeNode): readonly Axis[] => n.reduce?.axes ?? []

/** How what an expression reads is packed in storage, read by read; nothing where it is plain numbers. */
export const packingsOf = (e: Expr, ctx: KernelContext): readonly string[] =>
  readsOf(e).flatMap(r => (r.node < 0 ? [] : (ctx.storages[r.node]!.packing ?? [])))
