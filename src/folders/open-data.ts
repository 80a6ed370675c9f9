import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DataFolder } from '../data/data-folder.js'
import type { DataSource } from '../data/data-source.js'
import type { Reading } from '../data/reading.js'
import { type DataRecord, parseRecords } from '../data/records.js'
import { UserError } from '../errors/user-error.js'
import { fileError, systemCode } from '../files/file-error.js'
import { byteLimits, readTextFile } from '../files/text-file.js'
import type { Chat } from '../text/chat.js'

const readText = (path: string): Promise<string> =>
  readTextFile(path, { most: byteLimits.data, gzip: true }).catch((error: unknown) => {
    throw fileError('read the data', path, error)
  })

/**
 * Reads the objects of a data file, plain or compressed with gzip. Throws a `UserError` that names file and
 * line.
 */
export const readRecords = async (path: string): Promise<readonly DataRecord[]> =>
  parseRecords(path, await readText(path))

const entriesOf = (directory: string): Promise<readonly string[]> =>
  readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOTDIR')
      throw new UserError({
        what: 'the data is a folder, and this is a file',
        where: directory,
        hint: `name the folder that holds it: ${dirname(directory)}`,
      })
    throw fileError('read the data directory', directory, error)
  })

/** The files of a folder on this machine. */
export const filesIn = (directory: string): DataSource => ({
  directory,
  list: () => entriesOf(directory),
  pathOf: name => join(directory, name),
  text: readText,
})

/** A data folder on this machine. Its files are read when their parts are asked for. */
export const openDataFolder = (directory: string, reading: Reading = {}, chat?: Chat): DataFolder =>
  new DataFolder(filesIn(directory), reading, chat)
