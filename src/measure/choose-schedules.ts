import type { Graph } from '../../compiler/ir/ir.js'
import type { Tuning } from '../../compiler/schedule/choose.js'
import type { Device } from '../../runtime/index.js'

/**
 * Finds schedules for a graph's kernels, by their signatures. The cost model decides for kernels that it
 * leaves out. It may measure, which takes time; an aborted signal ends it.
 */
export type ChooseSchedules = (device: Device, graph: Graph, signal?: AbortSignal) => Promise<Tuning>

/** Leaves every kernel to the cost model. */
export const chooseByCostModel: ChooseSchedules = async () => new Map()
