import { basename, dirname, join } from 'node:path'
import { UserError } from '../errors/user-error.js'
import { readJsonObject } from '../files/json-file.js'
import { isJsonObject } from '../json/json-values.js'

/** The name of a sharded checkpoint's index. */
export const indexName = 'model.safetensors.index.json'

/** The map from the tensors of a sharded checkpoint to its files. */
export interface ShardIndex {
  /** Paths of the shards, each once, in the order of their names. */
  readonly files: readonly string[]
  /** The shard's path by the tensor's name. */
  readonly fileOf: ReadonlyMap<string, string>
}

/**
 * Reads a `….index.json`: `weight_map` maps each tensor to a file beside the index. Throws a `UserError`
 * otherwise.
 */
export const readIndex = async (path: string): Promise<ShardIndex> => {
  const { weight_map: map } = await readJsonObject(path)
  if (!isJsonObject(map)) {
    throw new UserError({
      what: 'the index has no weight_map',
      where: path,
      why: 'weight_map says which file holds each tensor',
      hint: 'fetch the index again, or name the .safetensors file itself',
    })
  }
  const fileOf = new Map<string, string>()
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || file === '' || basename(file) !== file || file === '..') {
      throw new UserError({
        what: `the index places the tensor '${name}' in ${JSON.stringify(file)}`,
        where: path,
        why: 'a shard must be a file beside the index',
        hint: 'name the shards without folders',
      })
    }
    fileOf.set(name, join(dirname(path), file))
  }
  return { files: [...new Set(fileOf.values())].sort(), fileOf }
}
