import type { Artifact, BufferDecl } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { fromGpuError } from './errors.js'
import { bufferBytes, usage } from './flags.js'

const fill = (device: Device, buffer: GPUBuffer, words: NonNullable<BufferDecl['words']>): void => {
  if (words.length > 0) device.gpu.queue.writeBuffer(buffer, 0, Uint32Array.from(words))
}

/**
 * Temporary buffers that several executables of one device share. Nothing stays in a temporary buffer from
 * one run to the next, and runs follow one another, so all executables together need no more of them than the
 * largest one.
 */
export class SharedTemporaries {
  /** The largest first. */
  #buffers: readonly GPUBuffer[] = []

  constructor(private readonly device: Device) {}

  /**
   * Buffers of at least these bytes each, in the order of the sizes: those that there are, and new ones where
   * these are too small. Throws like {@link Device.allocate}.
   */
  take(sizes: readonly number[]): readonly GPUBuffer[] {
    const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]!)
    const taken: GPUBuffer[] = []
    let next = 0
    for (const i of order) {
      const found = this.#buffers[next]
      if (found !== undefined && found.size >= sizes[i]!) next += 1
      const buffer =
        found !== undefined && found.size >= sizes[i]!
          ? found
          : this.device.allocate(sizes[i]!, `shared temporary of ${sizes[i]} bytes`)
      taken[i] = buffer
      if (buffer !== found)
        this.#buffers = [...this.#buffers.slice(0, next), buffer, ...this.#buffers.slice(next)]
      if (buffer !== found) next += 1
    }
    return taken
  }

  /** Frees the buffers, after the last run of the executables. */
  destroy(): void {
    for (const buffer of this.#buffers) this.device.release(buffer)
    this.#buffers = []
  }
}

/** The buffers of a loaded artifact; `undefined` stands for those that the caller of a run provides. */
export interface AllocatedBuffers {
  readonly buffers: readonly (GPUBuffer | undefined)[]
  /** Those that belong to the artifact alone. */
  readonly own: readonly GPUBuffer[]
}

/**
 * Allocates the artifact's buffers and fills in literals. Temporary ones are those of `temporaries`, if they
 * are given. If memory runs out, rejects with a `DeviceError` and frees everything that is not shared.
 */
export const allocateBuffers = async (
  device: Device,
  artifact: Artifact,
  temporaries?: SharedTemporaries,
): Promise<AllocatedBuffers> => {
  const buffers: (GPUBuffer | undefined)[] = []
  const own: GPUBuffer[] = []
  const allocate = (): Promise<GPUError | null> => {
    device.gpu.pushErrorScope('out-of-memory')
    try {
      const sizes = artifact.buffers.flatMap(({ role, bytes }) =>
        role === 'temp' ? [bufferBytes(bytes)] : [],
      )
      const shared = [...(temporaries?.take(sizes) ?? [])]
      for (const [i, { role, bytes }] of artifact.buffers.entries()) {
        const common = role === 'temp' ? shared.shift() : undefined
        const made =
          role === 'input' || common !== undefined
            ? undefined
            : device.allocate(bufferBytes(bytes), `${artifact.name} ${role} ${i}`)
        if (made !== undefined) own.push(made)
        buffers.push(common ?? made)
      }
    } catch (error) {
      device.gpu.popErrorScope().catch(() => undefined)
      throw error
    }
    return device.gpu.popErrorScope()
  }
  try {
    const failure = await device.wait(allocate())
    if (failure !== null) throw fromGpuError(failure)
    for (const [i, { words }] of artifact.buffers.entries()) {
      const buffer = buffers[i]
      if (words !== undefined && buffer !== undefined) fill(device, buffer, words)
    }
    return { buffers, own }
  } catch (error) {
    for (const buffer of own) device.release(buffer)
    throw error
  }
}

/** A uniform buffer with rows of four loop indices, `stride` bytes apart. */
export const allocateSlots = (
  device: Device,
  rows: number,
): { readonly buffer: GPUBuffer; readonly stride: number } => {
  const stride = Math.max(16, device.gpu.limits.minUniformBufferOffsetAlignment)
  const buffer = device.gpu.createBuffer({
    label: 'loop indices',
    size: rows * stride,
    usage: usage.uniform | usage.copyTarget,
  })
  return { buffer, stride }
}

/**
 * Fills the table's first rows. The write happens after all earlier submissions and before all later ones.
 */
export const writeSlots = (
  device: Device,
  { buffer, stride }: { readonly buffer: GPUBuffer; readonly stride: number },
  slots: readonly (readonly number[])[],
): void => {
  if (slots.length === 0) return
  const rows = new Uint32Array((slots.length * stride) / 4)
  for (const [i, indices] of slots.entries()) rows.set(indices, (i * stride) / 4)
  device.gpu.queue.writeBuffer(buffer, 0, rows)
}
