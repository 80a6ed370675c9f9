import type { Artifact, BufferDecl } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { fromGpuError } from './errors.js'
import { bufferBytes, usage } from './flags.js'

const fill = (device: Device, buffer: GPUBuffer, words: NonNullable<BufferDecl['words']>): void => {
  if (words.length > 0) device.gpu.queue.writeBuffer(buffer, 0, Uint32Array.from(words))
}

/** Whether a run leaves nothing in a buffer for the next run: outputs are copied out at the end of each. */
export const isScratch = (role: BufferDecl['role']): boolean => role === 'temp' || role === 'output'

/**
 * Buffers for the temporary values and outputs of artifacts, which several executables of one device share.
 * Runs follow one another, and nothing stays in such a buffer from one run to the next. An executable whose
 * buffers, by size, are each at most as large as those of one loaded before needs no more.
 */
export class SharedTemporaries {
  /** The largest first. */
  #buffers: readonly GPUBuffer[] = []

  constructor(private readonly device: Device) {}

  /**
   * Buffers of at least these bytes each, in the order of the sizes: those that there are, and new ones where
   * these are too small. Throws like {@link Device.allocate}.
   */
  take(sizes: readonly number[]): {
    readonly buffers: readonly GPUBuffer[]
    readonly made: readonly GPUBuffer[]
  } {
    const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]!)
    const buffers: GPUBuffer[] = []
    const made: GPUBuffer[] = []
    for (const [next, i] of order.entries()) {
      const found = this.#buffers[next]
      if (found !== undefined && found.size >= sizes[i]!) {
        buffers[i] = found
        continue
      }
      const buffer = this.device.allocate(sizes[i]!, `shared buffer of ${sizes[i]} bytes`)
      this.#buffers = [...this.#buffers.slice(0, next), buffer, ...this.#buffers.slice(next)]
      buffers[i] = buffer
      made.push(buffer)
    }
    return { buffers, made }
  }

  /** Frees buffers that {@link take} made, which turned out to be unusable; no executable may have them. */
  discard(made: readonly GPUBuffer[]): void {
    for (const buffer of made) this.device.release(buffer)
    this.#buffers = this.#buffers.filter(buffer => !made.includes(buffer))
  }

  /** Frees the buffers, after the last run of the executables. */
  destroy(): void {
    this.discard(this.#buffers)
  }
}

/** The buffers of a loaded artifact; `undefined` stands for those that the caller of a run provides. */
export interface AllocatedBuffers {
  readonly buffers: readonly (GPUBuffer | undefined)[]
  /** Those that belong to the artifact alone. */
  readonly own: readonly GPUBuffer[]
}

/**
 * Allocates the artifact's buffers and fills in literals. Those that {@link isScratch} names are of
 * `temporaries`, if it is given. If memory runs out, rejects with a `DeviceError` and frees all that it has
 * made.
 */
export const allocateBuffers = async (
  device: Device,
  artifact: Artifact,
  temporaries?: SharedTemporaries,
): Promise<AllocatedBuffers> => {
  const buffers: (GPUBuffer | undefined)[] = []
  const own: GPUBuffer[] = []
  const made: GPUBuffer[] = []
  const allocate = (): Promise<GPUError | null> => {
    device.gpu.pushErrorScope('out-of-memory')
    try {
      const sizes = artifact.buffers.flatMap(({ role, bytes }) =>
        isScratch(role) ? [bufferBytes(bytes)] : [],
      )
      const taken = temporaries?.take(sizes)
      const shared = [...(taken?.buffers ?? [])]
      made.push(...(taken?.made ?? []))
      for (const [i, { role, bytes }] of artifact.buffers.entries()) {
        const common = isScratch(role) ? shared.shift() : undefined
        const mine =
          role === 'input' || common !== undefined
            ? undefined
            : device.allocate(bufferBytes(bytes), `${artifact.name} ${role} ${i}`)
        if (mine !== undefined) own.push(mine)
        buffers.push(common ?? mine)
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
    temporaries?.discard(made)
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
