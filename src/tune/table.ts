import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Schedule } from '../../compiler/artifact.js'
import type { Tuning } from '../../compiler/schedule/choose.js'
import type { Device } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { fileError } from '../files/file-error.js'
import { makeFolder } from '../files/make-folder.js'
import { byteLimits, readTextFileNow } from '../files/text-file.js'
import { environmentOf } from '../host/environment.js'
import { isJsonObject } from '../json/json-values.js'
import { JsonError, parseJson } from '../json/parse-json.js'

/**
 * The key of a table. Measurements hold for one device with one driver, and for the kernels of this version
 * of the compiler.
 */
const version = 2

/** Whether tables are read and written: not if `JOLA_TUNE` is 0. */
const tunes = (): boolean => process.env.JOLA_TUNE !== '0'

const subjectOf = (device: Device): string => {
  const { driver, subgroupSize } = environmentOf(device)
  return `${driver}; subgroups of ${subgroupSize}; ${device.traits.precision}; schedules ${version}`
}

/** The file of a device's table, in the user's cache directory. */
export const tableFile = (device: Device): string => {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const name = subjectOf(device)
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 160)
  return join(cache, 'jola', 'schedules', `${name}.json`)
}

/**
 * The schedules of a table's file by their signatures; undefined if it can't be read, is not a table, or
 * belongs to another device.
 */
export const readTable = (file: string, subject: string): Tuning | undefined => {
  try {
    const json = parseJson(readTextFileNow(file, byteLimits.json, 'read the table'))
    if (!isJsonObject(json) || json.subject !== subject || !isJsonObject(json.schedules)) return undefined
    const entries = Object.entries(json.schedules)
    if (!entries.every(([, s]) => isJsonObject(s) && typeof s.family === 'string')) return undefined
    // These entries need no check: a schedule is used only if it is among a kernel's own candidates.
    return new Map(entries as unknown as [string, Schedule][])
  } catch (error) {
    if (error instanceof UserError || error instanceof JsonError) return undefined
    throw error
  }
}

type Remark = (line: string) => void
const silent: Remark = () => undefined

const tables = new WeakMap<Device, Tuning>()

/** The earlier measurements of this device. A file that can't be read is ignored, with a remark. */
export const tuningOf = (device: Device, remark: Remark = silent): Tuning => {
  const known = tables.get(device)
  if (known !== undefined) return known
  const table = tunes() ? stored(device, remark) : new Map()
  tables.set(device, table)
  return table
}

/** The table in the file; empty if there is none. */
const stored = (device: Device, remark: Remark): Tuning => {
  const file = tableFile(device)
  if (!existsSync(file)) return new Map()
  const table = readTable(file, subjectOf(device))
  if (table === undefined) remark(`${file} is no table of schedules for this device, and is not used`)
  return table ?? new Map()
}

/** Devices whose table can't be written and about which a remark was printed. */
const unwritable = new WeakSet<Device>()

/**
 * Adds to the device's table: in memory, and, unless `JOLA_TUNE` is 0, in its file, which is replaced
 * atomically. Entries that another process has written since stay. If the file can't be written, one remark
 * says so.
 */
export const remember = async (device: Device, found: Tuning, remark: Remark = silent): Promise<void> => {
  const known = new Map([...tuningOf(device, remark), ...found])
  tables.set(device, known)
  if (!tunes() || unwritable.has(device)) return
  const file = tableFile(device)
  const all = new Map([...known, ...stored(device, silent), ...found])
  try {
    await makeFolder(dirname(file))
    const json = { subject: subjectOf(device), schedules: Object.fromEntries(all) }
    await writeAtomic(file, [`${JSON.stringify(json, null, 2)}\n`])
  } catch (error) {
    unwritable.add(device)
    const { where, why } = fileError('write the file', file, error)
    remark(`the schedules found are for this process alone: ${where} can't be written, ${why}`)
  }
}
