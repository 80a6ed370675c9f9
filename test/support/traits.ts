import type { DeviceTraits } from '../../compiler/artifact.js'
import { leastTraits } from '../../compiler/traits.js'

/** A GPU with no more than WebGPU guarantees, and subgroups. */
export const gpu: DeviceTraits = { ...leastTraits, name: 'a GPU', subgroupSize: 32 }

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
