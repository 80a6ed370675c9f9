/**
 * WebGPU limits how many storage buffers a kernel binds. A tensor that is larger than the largest binding
 * takes several bindings, called windows (see `wgsl/slices.ts`), and counts as that many.
 */
import type { DeviceTraits } from '../artifact.js'
import type { NodeId } from '../ir/ir.js'

/** The number of bindings that a tensor takes in a kernel, for the tensors that take more than one. */
export type WindowCounts = ReadonlyMap<NodeId, number>

/** The bindings that one kernel may have. */
export interface BindingBudget {
  readonly buffers: number
  readonly bindingBytes: number
  readonly windows: WindowCounts
}

/** The budget of a device. */
export const bindingBudgetOf = (traits: DeviceTraits, windows: WindowCounts = new Map()): BindingBudget => ({
  buffers: traits.storageBuffersPerStage,
  bindingBytes: traits.bindingBytes,
  windows,
})

/** The number of bindings that some tensors take together, each counted once. */
export const countBindings = ({ windows }: BindingBudget, ids: Iterable<NodeId>): number =>
  [...new Set(ids)].reduce((n, id) => n + (windows.get(id) ?? 1), 0)

/** Whether some tensors fit into the bindings of one kernel. */
export const fitsBudget = (room: BindingBudget, ids: Iterable<NodeId>): boolean =>
  countBindings(room, ids) <= room.buffers
