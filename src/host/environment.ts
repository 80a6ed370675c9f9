import { availableParallelism, cpus } from 'node:os'
import type { Device } from '../../runtime/index.js'

/** The machine and the versions of a measurement. */
export interface Environment {
  readonly device: string
  readonly driver: string
  readonly subgroupSize: number
  readonly processor: string
  readonly cores: number
  readonly node: string
  readonly platform: string
  /** ISO 8601. */
  readonly date: string
}

/** This machine and this device, now. */
export const environmentOf = (device: Device): Environment => {
  const { vendor, architecture, device: model, description } = device.info
  return {
    device: device.traits.name,
    driver: [...new Set([vendor, architecture, model, description])].filter(s => s !== '').join(', '),
    subgroupSize: device.traits.subgroupSize,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString(),
  }
}
