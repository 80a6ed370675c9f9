import type { Artifact } from '../compiler/artifact.js'
import type { Command } from './commands.js'
import type { Device } from './device.js'
import type { Stamps } from './encode.js'
import { DeviceError } from './errors.js'
import { mapMode, usage } from './flags.js'

/** Time that one kernel took in a run, all of its dispatches together. */
export interface KernelTime {
  /** Number and name of the kernel in the artifact. */
  readonly kernel: number
  readonly name: string
  readonly dispatches: number
  readonly nanoseconds: number
}

// A query set holds 4096 stamps.
const dispatchesPerSet = 2048

/** Stamps for the begin and end of each dispatch of a run, and the sums by kernel once it has been submitted. */
export interface Stopwatch {
  readonly stamps: Stamps
  /** Resolves the stamps, after the last pass. */
  readonly encode: (encoder: GPUCommandEncoder) => void
  readonly times: () => Promise<readonly KernelTime[]>
}

const sums = (
  artifact: Artifact,
  kernels: readonly number[],
  stamps: BigUint64Array,
): readonly KernelTime[] =>
  artifact.kernels.map(({ name }, kernel) => {
    const own = kernels.flatMap((number, i) => (number === kernel ? [i] : []))
    const nanoseconds = own.reduce((sum, i) => sum + Number(stamps[2 * i + 1] - stamps[2 * i]), 0)
    return { kernel, name, dispatches: own.length, nanoseconds }
  })

/** Throws a {@link DeviceError} if the device has no timestamps. */
export const stopwatch = (device: Device, artifact: Artifact, commands: readonly Command[]): Stopwatch => {
  if (!device.has('timestamp-query')) {
    throw new DeviceError('too-small', {
      what: `${device.traits.name} has no timestamps`,
      why: 'It lacks the feature timestamp-query, which times by kernel come from.',
      hint: 'Time whole runs instead, or use another device.',
    })
  }
  const kernels = commands.flatMap(command => (command.kind === 'dispatch' ? [command.kernel] : []))
  const { gpu } = device
  const sets = Array.from({ length: Math.ceil(kernels.length / dispatchesPerSet) }, (_, i) =>
    gpu.createQuerySet({
      type: 'timestamp',
      count: 2 * Math.min(dispatchesPerSet, kernels.length - i * dispatchesPerSet),
    }),
  )
  const size = Math.max(16, 16 * kernels.length)
  const resolved = gpu.createBuffer({ size, usage: usage.queryResolve | usage.copySource })
  const staging = gpu.createBuffer({ size, usage: usage.mapRead | usage.copyTarget })
  return {
    stamps: dispatch => {
      const first = 2 * (dispatch % dispatchesPerSet)
      return {
        querySet: sets[Math.floor(dispatch / dispatchesPerSet)],
        beginningOfPassWriteIndex: first,
        endOfPassWriteIndex: first + 1,
      }
    },
    encode: encoder => {
      for (const [i, set] of sets.entries()) {
        encoder.resolveQuerySet(set, 0, set.count, resolved, 16 * dispatchesPerSet * i)
      }
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    },
    times: async () => {
      await device.wait(staging.mapAsync(mapMode.read))
      const stamps = new BigUint64Array(staging.getMappedRange().slice(0))
      for (const resource of [...sets, resolved, staging]) resource.destroy()
      return sums(artifact, kernels, stamps)
    },
  }
}
