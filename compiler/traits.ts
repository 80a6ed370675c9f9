import type { DeviceTraits } from './artifact.js'

/** The limits that every WebGPU device has: the traits to compile for where no device is at hand. */
export const leastTraits: DeviceTraits = {
  name: 'any WebGPU device',
  software: false,
  subgroupSize: 0,
  storageBuffersPerStage: 8,
  bindingBytes: 2 ** 27,
  bufferBytes: 2 ** 28,
  bindingAlignment: 256,
  workgroupInvocations: 256,
  workgroupBytes: 16384,
  workgroupsPerDimension: 65535,
  precision: 'f32',
  matrices: [],
}
