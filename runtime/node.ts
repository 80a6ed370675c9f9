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

/** Which of the machine's adapters to open. */
export interface NodeDeviceOptions {
  /** Part of the adapter's name, such as `llvmpipe`; the fastest adapter if absent. */
  readonly adapter?: string
  /**
   * What products may be computed in; `f32` if absent. `f16` also asks for matrix units, which WebGPU holds
   * to be unsafe yet.
   */
  readonly precision?: Precision
  /**
   * Limits to keep to, where the adapter could do more; what `JOLA_LIMITS` says if absent, such as
   * `baseline`.
   */
  readonly limits?: Limits
  /** Bytes that it may hold at most, in all; what there is if absent. */
  readonly memory?: number
  /**
   * Whether other processes may be started that compile kernels too, where Mesa's software driver needs
   * seconds for them; `true` if absent.
   */
  readonly helpers?: boolean
}

/**
 * Dawn's instances by their flags. Collected while a device lives, one takes the process down; each costs
 * megabytes that are never given back. So they are shared, and kept as long as the process.
 */
const instances = new Map<string, GPU>()

const instanceOf = (flags: readonly string[]): GPU => {
  const key = flags.join(' ')
  const known = instances.get(key)
  if (known !== undefined) return known
  // Mesa wants it, and says so where it is not set.
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const made = create([...flags])
  instances.set(key, made)
  return made
}

/**
 * Opens a device of this machine through Dawn. Any number may be open at once. Rejects with a `DeviceError`,
 * of kind `input` where an option is not what it should be. Close the device when it is no longer needed: its
 * memory stays until then, or until the process ends.
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
  // The binding tells the names only when it is asked for one that does not exist.
  try {
    const device = await openNodeDevice({ adapter: 'no adapter has this name' })
    device.close()
    return []
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
    return [...error.message.matchAll(/\bname: '([^']*)'/g)].map(match => match[1])
  }
}
