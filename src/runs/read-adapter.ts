import { join } from 'node:path'
import { readJsonObject } from '../files/json-file.js'
import { type AdapterConfig, adapterConfigOf } from '../predict/adapter.js'
import { adapterFiles } from './run-folder.js'

/** An adapter's description, from its folder. Throws a `UserError` if there is none. */
export const readAdapterConfig = async (directory: string): Promise<AdapterConfig> => {
  const path = join(directory, adapterFiles.config)
  return adapterConfigOf(path, await readJsonObject(path))
}
