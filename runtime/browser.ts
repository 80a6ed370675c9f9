import { type Device, openDevice } from './device.js'
import { DeviceError } from './errors.js'

export * from './index.js'

/** Opens the browser's device. Rejects with a `DeviceError` where the browser has no WebGPU or no adapter. */
export const openBrowserDevice = async (): Promise<Device> => {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: GPU } }
  if (navigator?.gpu === undefined) {
    throw new DeviceError('no-adapter', {
      what: 'this browser has no WebGPU',
      hint: 'Use a current browser, and open the page over https or from localhost.',
    })
  }
  return openDevice(navigator.gpu)
}
