import { Option } from 'commander'
import type { DeviceTraits } from '../../compiler/artifact.js'
import { leastTraits } from '../../compiler/traits.js'
import { DeviceError } from '../../runtime/errors.js'
import { type Device, openNodeDevice } from '../../runtime/node.js'

/** `here`: this machine's device, if it has one. `any`: only what every WebGPU device has. */
export type DeviceChoice = 'here' | 'any'

/** `--device here|any`, for commands that compile and need not run. */
export const deviceChoiceOption = (): Option =>
  new Option(
    '--device <which>',
    'compile for the device of this machine, or for any WebGPU device (the same text everywhere)',
  )
    .choices(['here', 'any'])
    .default('here')

/**
 * The traits to compile for: those of this machine's device, which the caller closes, or those that every
 * device has.
 */
export const openTraits = async (
  choice: DeviceChoice,
): Promise<{ readonly traits: DeviceTraits; readonly device?: Device }> => {
  if (choice === 'any') return { traits: leastTraits }
  try {
    const device = await openNodeDevice()
    return { traits: device.traits, device }
  } catch (error) {
    if (error instanceof DeviceError && error.kind === 'no-adapter')
      return { traits: { ...leastTraits, name: `${leastTraits.name} (no adapter was found here)` } }
    throw error
  }
}
