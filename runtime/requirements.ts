import type { Artifact } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { DeviceError, internalError, showBytes } from './errors.js'

const shortfalls = (device: Device, { requires, buffers }: Artifact): readonly string[] => {
  const { traits } = device
  const most = traits.bufferBytes
  const largest = buffers.reduce((bytes, buffer) => Math.max(bytes, buffer.bytes), 0)
  const missing = requires.features.filter(feature => !device.has(feature))
  const lines: readonly (readonly [short: boolean, line: string])[] = [
    [missing.length > 0, `It has no ${missing.join(' and no ')}.`],
    [
      requires.storageBuffersPerStage > traits.storageBuffersPerStage,
      `A kernel binds ${requires.storageBuffersPerStage} storage buffers; the device allows ${traits.storageBuffersPerStage}.`,
    ],
    [
      requires.bindingBytes > traits.bindingBytes,
      `A kernel binds ${showBytes(requires.bindingBytes)} at once; the device allows ${showBytes(traits.bindingBytes)}.`,
    ],
    [
      requires.workgroupInvocations > traits.workgroupInvocations,
      `A workgroup has ${requires.workgroupInvocations} invocations; the device allows ${traits.workgroupInvocations}.`,
    ],
    [largest > most, `A buffer takes ${showBytes(largest)}; the device allows ${showBytes(most)}.`],
  ]
  return lines.flatMap(([short, line]) => (short ? [line] : []))
}

/**
 * Throws a {@link DeviceError} (`too-small`, `out-of-memory`) with all the numbers if the device can't run the artifact.
 * Nothing is allocated before this has passed.
 */
export const checkRequirements = (device: Device, artifact: Artifact): void => {
  if (artifact.format !== 'jola-artifact-1') {
    throw internalError(
      `\`${artifact.name}\` has the format ${artifact.format}, which this runtime does not know`,
    )
  }
  const { unaddressable } = artifact.requires
  if (unaddressable.length > 0) {
    const count = (n: number): string => n.toLocaleString('en')
    const q8 = unaddressable.some(t => t.packing === 'q8')
    throw new DeviceError('too-small', {
      what: `\`${artifact.name}\` has tensors that are too large for a kernel`,
      why: unaddressable
        .map(
          t =>
            `Of \`${t.tensor}\` a kernel binds ${count(t.elements)} elements; it can address ${count(t.most)}.`,
        )
        .join(' '),
      hint: q8
        ? 'Leave such weights as f16 or bf16, of which a kernel binds one layer at a time, or use a smaller model.'
        : 'Use smaller sizes (batch, sequence) or a smaller model; another device does not help.',
    })
  }
  const { name } = device.traits
  const lines = shortfalls(device, artifact)
  if (lines.length > 0) {
    throw new DeviceError('too-small', {
      what: `\`${artifact.name}\` can't run on ${name}`,
      why: lines.join(' '),
      hint: 'Use smaller sizes (batch, sequence) or another device; `jola devices` lists what there is.',
    })
  }
  const capacity = device.capacityBytes
  const own = artifact.buffers.reduce((n, { role, bytes }) => n + (role === 'input' ? 0 : bytes), 0)
  const bytes = Math.max(artifact.peakBytes, device.residentBytes + own)
  if (capacity !== undefined && bytes > capacity) {
    throw new DeviceError('out-of-memory', {
      what: `\`${artifact.name}\` does not fit into memory`,
      why: `It needs ${showBytes(bytes)}, what the device holds already included, and ${name} can have ${showBytes(capacity)}: ${showBytes(bytes - capacity)} too little.`,
      hint: 'Use a smaller batch or shorter sequences, or free memory that other programs hold.',
    })
  }
}
