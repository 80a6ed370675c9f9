import type { DeviceTraits } from '../artifact.js'
import type { NodeId } from '../ir/ir.js'

/** How many bindings a tensor takes in a kernel, where that is known to be more than one. */
export type WindowCounts = ReadonlyMap<NodeId, number>

/**
 * What a kernel may bind. A tensor that is larger than a binding takes several, its windows (see
 * `wgsl/slices.ts`).
 */
export interface BindingBudget {
  readonly buffers: number
  readonly bindingBytes: number
  readonly windows: WindowCounts
}

export const bindingBudgetOf = (traits: DeviceTraits, windows: WindowCounts = new Map()): BindingBudget => ({
  buffers: traits.storageBuffersPerStage,
  bindingBytes: traits.bindingBytes,
  windows,
})

/** How many bindings some tensors take together, each counted once. */
export const countBindings = ({ windows }: BindingBudget, ids: Iterable<NodeId>): number =>
  [...new Set(ids)].reduce((n, id) => n + (windows.get(id) ?? 1), 0)

/** Do some tensors fit into one kernel? */
export const fitsBudget = (room: BindingBudget, ids: Iterable<NodeId>): boolean =>
  countBindings(room, ids) <= room.buffers
