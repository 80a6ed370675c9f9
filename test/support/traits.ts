import type { DeviceTraits } from '../../compiler/artifact.js'

/** A GPU with no more than WebGPU guarantees, to compile for where no device is needed. */
export const gpu: DeviceTraits = {
  name: 'a GPU',
  software: false,
  subgroupSize: 32,
  storageBuffersPerStage: 8,
  bindingBytes: 2 ** 27,
  bindingAlignment: 256,
  workgroupInvocations: 256,
  workgroupBytes: 16384,
  workgroupsPerDimension: 65535,
  precision: 'f32',
  matrices: [],
}

/** Mesa's software device on a processor with vectors of eight. */
export const llvmpipe: DeviceTraits = {
  ...gpu,
  name: 'llvmpipe',
  software: true,
  subgroupSize: 8,
  bindingAlignment: 16,
  storageBuffersPerStage: 16,
  workgroupInvocations: 1024,
  workgroupBytes: 32768,
}
