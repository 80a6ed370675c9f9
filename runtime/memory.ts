import type { Artifact, BufferDecl } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { fromGpuError } from './errors.js'
import { bufferBytes, usage } from './flags.js'

const fill = (device: Device, buffer: GPUBuffer, words: NonNullable<BufferDecl['words']>): void => {
  if (words.length > 0) device.gpu.queue.writeBuffer(buffer, 0, Uint32Array.from(words))
}

/**
 * The artifact's own buffers, literals filled in; `undefined` stands for those that the caller brings.
 * Rejects with a `DeviceError`, and keeps nothing, if memory runs out.
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

/** A uniform buffer with one row of four loop indices for each slot, `stride` bytes apart. */
export const allocateSlots = (
  device: Device,
  slots: readonly (readonly number[])[],
): { readonly buffer: GPUBuffer; readonly stride: number } => {
  const stride = Math.max(16, device.gpu.limits.minUniformBufferOffsetAlignment)
  const rows = new Uint32Array((slots.length * stride) / 4)
  for (const [i, indices] of slots.entries()) rows.set(indices, (i * stride) / 4)
  const buffer = device.gpu.createBuffer({
    label: 'loop indices',
    size: rows.byteLength,
    usage: usage.uniform | usage.copyTarget,
  })
  device.gpu.queue.writeBuffer(buffer, 0, rows)
  return { buffer, stride }
}
