/**
 * Runs artifacts: devices, tensors in their memory, executables, results. `node` and `browser` open a device.
 */
export { artifactFromJson, artifactToJson } from './artifact-json.js'
export { blockPacking, deviceLayout, isBlockPacking, tableBytes } from './block-packing.js'
export { artifactFormat, checkArtifact } from './check-artifact.js'
export { Device, type DeviceOptions, openDevice } from './device.js'
export { DeviceError, type DeviceErrorKind, type DeviceErrorParts, showBytes } from './errors.js'
export { Executable, type LoadOptions, load, type RunOptions, type Tensors } from './executable.js'
export type { Helper } from './helpers.js'
export {
  asHostArray,
  type HostInput,
  type HostNumbers,
  type HostValues,
  hostInputs,
  type InputDeclaration,
} from './host-inputs.js'
export { baseline, type Limits, parseLimits } from './limits.js'
export { SharedTemporaries } from './memory.js'
export { mostSizes } from './open-sizes.js'
export { pack, packed, rounded, unpack } from './packing.js'
export type { KernelTime, Profile } from './profile.js'
export { download, Readback, type ReadbackOptions, type Reading } from './readback.js'
export { type Rehearsal, type RehearsalOptions, rehearse } from './rehearse.js'
export { checkRequirements, refusalOf } from './requirements.js'
export {
  DeviceTensor,
  elementsOf,
  type HostArray,
  type HostData,
  hostArray,
  showType,
  upload,
  zeros,
} from './tensor.js'
