import type { Graph } from '../../compiler/ir/ir.js'
import type { Tuning } from '../../compiler/schedule/choose.js'
import type { Device } from '../../runtime/index.js'

/**
 * Finds the schedules that a graph is to be compiled with, by its kernels' signatures; the cost model decides
 * for the kernels that it leaves out. It may measure, which takes time; an aborted signal ends that.
 */
export type ChooseSchedules = (device: Device, graph: Graph, signal?: AbortSignal) => Promise<Tuning>

/** Leaves every kernel to the cost model. */
export const chooseByCostModel: ChooseSchedules = async () => new Map()
