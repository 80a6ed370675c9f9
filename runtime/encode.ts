import type { Bound } from './bindings.js'
import type { Command } from './commands.js'
import { countAt, gridFor } from './open-sizes.js'

/** The objects that a command needs besides its own bind group. */
export interface Encoding {
  readonly pipelines: readonly GPUComputePipeline[]
  /** The bind group of each kernel's uniforms; absent where it has none. */
  readonly uniforms: readonly (GPUBindGroup | undefined)[]
  /** Bytes between the loop indices of two slots. */
  readonly stride: number
  /** The numbers of the open sizes in the run. */
  readonly sizes: readonly number[]
  /** Absent in a run that is not measured. */
  readonly stamps?: Stamps | undefined
}

/** The place for the times of a dispatch's begin and end; `undefined` in a run that is not measured. */
export type Stamps = (dispatch: number) => GPUComputePassTimestampWrites | undefined

/**
 * Encodes the commands. Consecutive dispatches share a pass, but each measured dispatch has its own. WebGPU
 * orders the dispatches of a pass by their reads and writes.
 */
export const encodeCommands = (
  encoder: GPUCommandEncoder,
  commands: readonly Command[],
  { buffers, groups: all }: Bound,
  { pipelines, uniforms, stride, sizes, stamps }: Encoding,
): void => {
  const groups = all(commands)
  let pass: GPUComputePassEncoder | undefined
  let pipeline: GPUComputePipeline | undefined
  let group: GPUBindGroup | undefined
  let uniform: GPUBindGroup | undefined
  let slot: number | undefined
  let dispatch = 0

  const end = (): void => {
    pass?.end()
    pass = undefined
    pipeline = undefined
    group = undefined
    uniform = undefined
    slot = undefined
  }

  for (const [i, command] of commands.entries()) {
    if (command.kind === 'copy') {
      end()
      const { from, fromOffset, to, toOffset, bytes } = command
      if (bytes > 0) encoder.copyBufferToBuffer(buffers[from], fromOffset, buffers[to], toOffset, bytes)
      continue
    }
    const { workgroups, count } = command
    const grid = count === undefined ? workgroups : gridFor(workgroups, countAt(count, sizes))
    const timestampWrites = stamps?.(dispatch)
    dispatch += 1
    if (grid[0] === 0) continue
    if (timestampWrites !== undefined) end()
    pass ??= encoder.beginComputePass(timestampWrites === undefined ? {} : { timestampWrites })
    if (pipelines[command.kernel] !== pipeline) {
      pipeline = pipelines[command.kernel]
      pass.setPipeline(pipeline)
    }
    const own = groups[i]
    if (own !== undefined && own !== group) {
      group = own
      pass.setBindGroup(0, own)
    }
    const wanted = uniforms[command.kernel]
    if (wanted !== undefined && (wanted !== uniform || command.slot !== slot)) {
      uniform = wanted
      slot = command.slot
      pass.setBindGroup(1, wanted, slot === undefined ? [] : [slot * stride])
    }
    pass.dispatchWorkgroups(...grid)
  }
  end()
}
