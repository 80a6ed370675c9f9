import { freemem, tmpdir } from 'node:os'
import { create } from 'webgpu'
import type { Precision } from '../compiler/artifact.js'
import { type Device, openDevice } from './device.js'
import { DeviceError } from './errors.js'
import { helpersFor } from './node-helper.js'
import { plainWait, sleepingWait } from './wait.js'

export * from './index.js'

/** Which of the machine's adapters to open. */
export interface NodeDeviceOptions {
  /** Part of the adapter's name, such as `llvmpipe`; the fastest adapter if absent. */
  readonly adapter?: string
  /** What products may be computed in; `f32` if absent. `f16` also asks for matrix units, which WebGPU holds to be unsafe yet. */
  readonly precision?: Precision
  /** Bytes that it may hold at most, in all; what there is if absent. */
  readonly memory?: number
  /** Whether other processes may be started that compile kernels too, where Mesa's software driver needs seconds for them; `true` if absent. */
  readonly helpers?: boolean
}

// Collected while a device lives, the binding's object takes the process down; kept for ever, Node never ends.
const open = new Set<GPU>()

/** Opens a device of this machine through Dawn. Rejects with a `DeviceError`; close the device, or Node does not end. */
export const openNodeDevice = async (options: NodeDeviceOptions = {}): Promise<Device> => {
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  const gpu = create([
    'disable-dawn-features=timestamp_quantization',
    ...(options.precision === 'f16' ? ['enable-dawn-features=allow_unsafe_apis'] : []),
    ...(options.adapter === undefined ? [] : [`adapter=${options.adapter}`]),
  ])
  open.add(gpu)
  const onClose = () => void open.delete(gpu)
  try {
    return await openDevice(gpu, {
      ...(options.precision === undefined ? {} : { precision: options.precision }),
      ...(options.memory === undefined ? {} : { memory: options.memory }),
      wait: traits => (traits.software ? sleepingWait() : plainWait),
      availableBytes: traits => (traits.software ? freemem() : undefined),
      ...(options.helpers === false ? {} : { helpers: traits => helpersFor(traits, options) }),
      onClose,
    })
  } catch (error) {
    onClose()
    throw error
  }
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
