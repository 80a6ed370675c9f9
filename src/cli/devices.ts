import type { Command } from 'commander'
import { DeviceError, showBytes } from '../../runtime/errors.js'
import { adapterNames, type Device, openNodeDevice } from '../../runtime/node.js'
import { examples, paint, print, printJson } from './shared.js'

/** An adapter as `jola devices` shows it; `problem` is the reason why it gives no device. */
type Report =
  | { readonly name: string; readonly problem: string }
  | (ReturnType<typeof describe> & { readonly default: boolean })

const describe = (device: Device) => {
  const { traits } = device
  const { vendor, architecture, device: model, description } = device.info
  return {
    name: device.traits.name,
    software: device.traits.software,
    vendor,
    architecture,
    device: model,
    description,
    /** 0 where it is not fixed. */
    subgroupSize: device.traits.subgroupSize,
    features: [...device.gpu.features].sort(),
    limits: {
      storageBuffersPerStage: traits.storageBuffersPerStage,
      bindingBytes: traits.bindingBytes,
      bufferBytes: traits.bufferBytes,
      bindingAlignment: traits.bindingAlignment,
      workgroupInvocations: traits.workgroupInvocations,
      workgroupBytes: traits.workgroupBytes,
      workgroupsPerDimension: traits.workgroupsPerDimension,
    },
  }
}

const opened = async <A>(adapter: string | undefined, use: (device: Device) => A): Promise<A> => {
  const device = await openNodeDevice(adapter === undefined ? {} : { adapter })
  try {
    return use(device)
  } finally {
    device.close()
  }
}

/** All adapters, with the default one marked. Throws a `DeviceError` if there is none. */
export const reports = async (): Promise<readonly Report[]> => {
  const used = await opened(undefined, describe)
  const out: Report[] = [{ ...used, default: true }]
  for (const name of await adapterNames()) {
    try {
      const other = await opened(name, describe)
      if (JSON.stringify(other) !== JSON.stringify(used)) out.push({ ...other, default: false })
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      out.push({ name, problem: error.message })
    }
  }
  return out
}

const show = (r: Report): string => {
  if ('problem' in r) return `${paint('bold', r.name)}\n  gives no device: ${r.problem}`
  const { limits } = r
  const rows: readonly (readonly [string, string])[] = [
    ['kind', r.software ? 'software, on the CPU' : 'hardware'],
    [
      'driver',
      [r.vendor, r.architecture, r.device, r.description].filter(s => s !== '' && s !== r.name).join(', ') ||
        'unknown',
    ],
    ['subgroup size', r.subgroupSize === 0 ? 'not fixed, or none' : `${r.subgroupSize}`],
    ['features', r.features.join(', ') || 'none'],
    [
      'largest binding',
      `${showBytes(limits.bindingBytes)}, at multiples of ${limits.bindingAlignment} bytes`,
    ],
    ['largest buffer', showBytes(limits.bufferBytes)],
    ['storage buffers', `${limits.storageBuffersPerStage} a kernel`],
    [
      'workgroup',
      `${limits.workgroupInvocations} invocations, ${showBytes(limits.workgroupBytes)}, ` +
        `${limits.workgroupsPerDimension} groups a dimension`,
    ],
  ]
  return [
    `${paint('bold', r.name)}${r.default ? ' (used unless another is asked for)' : ''}`,
    ...rows.map(([k, v]) => `  ${k.padEnd(16)} ${v}`),
  ].join('\n')
}

/** Adds `jola devices`. */
export const registerDevicesCommand = (program: Command): void => {
  program
    .command('devices')
    .option('--json', 'print them as a JSON array')
    .addHelpText('after', examples(['devices', 'devices --json']))
    .action(async (options: { readonly json?: true }) => {
      const all = await reports()
      if (options.json) printJson(all)
      else print(all.map(show).join('\n\n'))
    })
}
