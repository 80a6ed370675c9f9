import type { Artifact } from '../compiler/artifact.js'
import type { Command } from './commands.js'
import type { Device } from './device.js'
import type { Stamps } from './encode.js'
import { mapMode, usage } from './flags.js'

/** The time of all dispatches of one kernel in a run. */
export interface KernelTime {
  /** Number and name of the kernel in the artifact. */
  readonly kernel: number
  readonly name: string
  readonly dispatches: number
  readonly nanoseconds: number
}

/**
 * The times of a run's kernels, and the clock that measured them: the device's, or the host's around each
 * single dispatch.
 */
export interface Profile {
  readonly clock: 'device' | 'host'
  readonly times: readonly KernelTime[]
}

// A query set holds 4096 stamps.
const dispatchesPerSet = 2048

/**
 * Stamps for the begin and end of each dispatch of a run, and the sums by kernel once it has been submitted.
 */
export interface Stopwatch {
  readonly stamps: Stamps
  /** Resolves the stamps, after the last pass. */
  readonly encode: (encoder: GPUCommandEncoder) => void
  readonly times: () => Promise<readonly KernelTime[]>
}

const sums = (
  artifact: Artifact,
  kernels: readonly number[],
  nanoseconds: readonly number[],
): readonly KernelTime[] =>
  artifact.kernels.map(({ name }, kernel) => {
    const own = nanoseconds.filter((_, i) => kernels[i] === kernel)
    return { kernel, name, dispatches: own.length, nanoseconds: own.reduce((a, b) => a + b, 0) }
  })

const kernelsOf = (commands: readonly Command[]): readonly number[] =>
  commands.flatMap(command => (command.kind === 'dispatch' ? [command.kernel] : []))

/**
 * For devices without timestamps: submits the commands one by one, waits for each, and takes the host's time.
 */
export const hostTimes = async (
  device: Device,
  artifact: Artifact,
  commands: readonly Command[],
  submit: (command: number) => void,
): Promise<readonly KernelTime[]> => {
  const nanoseconds: number[] = []
  await device.idle()
  for (const [i, command] of commands.entries()) {
    const start = performance.now()
    submit(i)
    await device.idle()
    if (command.kind === 'dispatch') nanoseconds.push((performance.now() - start) * 1e6)
  }
  return sums(artifact, kernelsOf(commands), nanoseconds)
}

/** Timestamps around each dispatch, for a device that has them. */
export const stopwatch = (device: Device, artifact: Artifact, commands: readonly Command[]): Stopwatch => {
  const kernels = kernelsOf(commands)
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
      return sums(
        artifact,
        kernels,
        kernels.map((_, i) => Number(stamps[2 * i + 1] - stamps[2 * i])),
      )
    },
  }
}
