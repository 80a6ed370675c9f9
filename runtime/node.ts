import { freemem, tmpdir } from 'node:os'
import { create } from 'webgpu'
import type { Precision } from '../compiler/artifact.js'
import { type Device, openDevice } from './device.js'
import { DeviceError } from './errors.js'
import { type Limits, parseLimits } from './limits.js'
import { helpersFor } from './node-helper.js'
import { checkOptions } from './options.js'
import { plainWait, sleepingWait } from './wait.js'

export * from './index.js'

/** The choice of an adapter of this machine, and its limits. */
export interface NodeDeviceOptions {
  /** Part of the adapter's name, such as `llvmpipe`; the fastest adapter if absent. */
  readonly adapter?: string
  /**
   * The precision that products may be computed in; `f32` if absent. `f16` also enables matrix units, which
   * WebGPU still marks as unsafe.
   */
  readonly precision?: Precision
  /**
   * Limits that the device keeps even if the adapter could do more; if absent, those of the variable
   * `JOLA_LIMITS`, such as `baseline`.
   */
  readonly limits?: Limits
  /** The most bytes that the device may hold in all; no limit if absent. */
  readonly memory?: number
  /**
   * Whether other processes may be started to compile kernels, for which Mesa's software driver needs
   * seconds; `true` if absent.
   */
  readonly helpers?: boolean
}

/**
 * Dawn's instances by their flags. Garbage collection of an instance whose device lives crashes the process,
 * and each instance takes megabytes that are never freed. So instances are shared and kept for the life of
 * the process.
 */
const instances = new Map<string, GPU>()

const instanceOf = (flags: readonly string[]): GPU => {
  const key = flags.join(' ')
  const known = instances.get(key)
  if (known !== undefined) return known
  // Mesa prints a warning if this variable is not set.
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const made = create([...flags])
  instances.set(key, made)
  return made
}

/**
 * Opens a device of this machine through Dawn. Any number may be open at once. Rejects with a `DeviceError`;
 * a wrong option gives the kind `input`. Close the device when it is no longer needed: its memory stays
 * allocated until then, or until the process ends.
 */
export const openNodeDevice = async (options: NodeDeviceOptions = {}): Promise<Device> => {
  checkOptions('the device', options, {
    adapter: x => (typeof x === 'string' && x !== '' ? undefined : 'a part of an adapter’s name'),
    precision: x => (x === 'f32' || x === 'f16' ? undefined : "'f32' or 'f16'"),
    memory: x => (typeof x === 'number' && x > 0 ? undefined : 'a number of bytes above 0'),
    helpers: x => (typeof x === 'boolean' ? undefined : 'true or false'),
    limits: x => (typeof x === 'object' && x !== null ? undefined : 'limits by their names'),
  })
  const limits = options.limits ?? parseLimits(process.env.JOLA_LIMITS ?? '')
  const gpu = instanceOf([
    'disable-dawn-features=timestamp_quantization',
    ...(options.precision === 'f16' ? ['enable-dawn-features=allow_unsafe_apis'] : []),
    ...(options.adapter === undefined ? [] : [`adapter=${options.adapter}`]),
  ])
  return openDevice(gpu, {
    ...(options.precision === undefined ? {} : { precision: options.precision }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    limits,
    wait: traits => (traits.software ? sleepingWait() : plainWait),
    availableBytes: traits => (traits.software ? freemem() : undefined),
    ...(options.helpers === false ? {} : { helpers: traits => helpersFor(traits, options) }),
  })
}

/** The names of this machine's adapters, each of which `openNodeDevice` can open. */
export const adapterNames = async (): Promise<readonly string[]> => {
  // The binding lists the names only in its error for a name that does not exist.
  try {
    const device = await openNodeDevice({ adapter: 'no adapter has this name' })
    device.close()
    return []
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
    return [...error.message.matchAll(/\bname: '([^']*)'/g)].map(match => match[1])
  }
}
