import type { Artifact, BufferDecl } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { fromGpuError } from './errors.js'
import { bufferBytes, usage } from './flags.js'

const fill = (device: Device, buffer: GPUBuffer, words: NonNullable<BufferDecl['words']>): void => {
  if (words.length > 0) device.gpu.queue.writeBuffer(buffer, 0, Uint32Array.from(words))
}

/**
 * Allocates the artifact's own buffers and fills in literals; `undefined` stands for buffers that the caller
 * provides. If memory runs out, rejects with a `DeviceError` and frees everything.
 */
export const allocateBuffers = async (
  device: Device,
  artifact: Artifact,
): Promise<readonly (GPUBuffer | undefined)[]> => {
  const buffers: (GPUBuffer | undefined)[] = []
  const allocate = (): Promise<GPUError | null> => {
    device.gpu.pushErrorScope('out-of-memory')
    try {
      for (const [i, { role, bytes }] of artifact.buffers.entries())
        buffers.push(
          role === 'input' ? undefined : device.allocate(bufferBytes(bytes), `${artifact.name} ${role} ${i}`),
        )
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
    return buffers
  } catch (error) {
    for (const buffer of buffers) if (buffer !== undefined) device.release(buffer)
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
