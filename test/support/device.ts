import { afterAll, describe, it } from 'vitest'
import { type Device, DeviceError, openNodeDevice } from '../../runtime/node.js'

const openOrReason = async (): Promise<Device | string> => {
  try {
    return await openNodeDevice()
  } catch (error) {
    if (error instanceof DeviceError && error.kind === 'no-adapter') return error.what
    throw error
  }
}

/** The device that all tests of a file share, or why there is none. */
const opened = await openOrReason()

afterAll(() => {
  if (typeof opened !== 'string') opened.close()
})

/** Tests that need a device. Without one they are one skipped test that gives the reason. */
export const withDevice = (title: string, tests: (device: Device) => void): void => {
  if (typeof opened === 'string') {
    describe.skip(title, () => it(`needs a device: ${opened}`, () => undefined))
  } else {
    describe(title, () => tests(opened))
  }
}
