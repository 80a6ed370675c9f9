import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors/user-error.js'
import { fileError, systemCode } from '../files/file-error.js'
import { openRangeFile } from '../files/range-file.js'
import { type ByteRanges, type Checkpoint, checkpointOf, readFileHeader } from '../safetensors/checkpoint.js'
import type { TensorEntry } from '../safetensors/header.js'
import { foreignModel } from './foreign.js'
import { isGguf, openGgufCheckpoint, readGguf } from './gguf-model.js'
import { indexName, readIndex } from './shard-index.js'

const twoCheckpoints = (directory: string): UserError =>
  new UserError({
    what: 'the directory holds two checkpoints',
    where: directory,
    why: `model.safetensors is in it, and ${indexName} names other files`,
    hint:
      `remove the one that is not meant (transformers reads model.safetensors), or name a ` +
      `file itself where that will do`,
  })

const asPath = async (path: string): Promise<{ readonly file: string; readonly sharded: boolean }> => {
  try {
    if (!(await stat(path)).isDirectory()) return { file: path, sharded: path.endsWith('.index.json') }
    const index = join(path, indexName)
    const single = join(path, 'model.safetensors')
    const isFile = async (candidate: string) =>
      (await stat(candidate).catch(() => undefined))?.isFile() === true
    const [whole, sharded] = [await isFile(single), await isFile(index)]
    if (whole && sharded && !(await readIndex(index)).files.includes(single)) throw twoCheckpoints(path)
    if (sharded) return { file: index, sharded }
    if (whole) return { file: single, sharded }
  } catch (error) {
    throw fileError('open the checkpoint', path, error)
  }
  throw new UserError({
    what: 'there is no checkpoint in this directory',
    where: path,
    why: `neither ${indexName} nor model.safetensors is in it`,
    hint: 'name the directory of a model in the Hugging Face layout, or a .safetensors file',
    ...(await foreignModel(path)),
  })
}

const twice = (name: string, shard: string, other: string): UserError =>
  new UserError({
    what: `the tensor '${name}' is in two shards`,
    where: shard,
    why: `it is in ${other} too, and nothing says that both hold the same`,
    hint: 'the shards are not of one checkpoint: fetch them again',
  })

/**
 * Opens a checkpoint: a `.safetensors` or `.gguf` file, an `….index.json`, or a directory with
 * `model.safetensors` or `model.safetensors.index.json`. Only headers are read. Anything missing, cut off or
 * inconsistent is a `UserError`.
 */
export const openCheckpoint = async (path: string): Promise<Checkpoint> => {
  if (await isGguf(path)) return openGgufCheckpoint(await readGguf(path))
  const { file, sharded } = await asPath(path)
  const index = sharded ? await readIndex(file) : undefined
  const files = new Map<string, ByteRanges>()
  const tensors = new Map<string, TensorEntry>()
  const elsewhere = new Map<string, string>()
  const metadata: Record<string, string> = Object.create(null)
  try {
    for (const shard of index?.files ?? [file]) {
      const opened = await openRangeFile(shard).catch((error: unknown) => {
        if (index === undefined || systemCode(error) !== 'ENOENT')
          throw fileError('open the checkpoint', shard, error)
        throw new UserError({
          what: 'a shard of the checkpoint is missing',
          where: shard,
          why: `${file} names it`,
          hint: 'fetch the missing file',
        })
      })
      files.set(shard, opened)
      const header = await readFileHeader(opened)
      Object.assign(metadata, header.metadata)
      for (const [name, entry] of header.tensors) {
        const own = index?.fileOf.get(name)
        // A tensor that the index does not list belongs to the checkpoint too.
        if (own === undefined || own === shard) tensors.set(name, entry)
        else elsewhere.set(name, shard)
      }
    }
    for (const [name, shard] of elsewhere)
      if (tensors.has(name)) throw twice(name, shard, tensors.get(name)!.file)
    for (const [name, shard] of index?.fileOf ?? []) {
      if (tensors.has(name)) continue
      throw new UserError({
        what: `the tensor '${name}' is not in the shard that should hold it`,
        where: shard,
        why: `${file} places it there`,
        hint: 'the shards are not of one checkpoint: fetch them again',
      })
    }
  } catch (error) {
    await Promise.all([...files.values()].map(opened => opened.close()))
    throw fileError('read the checkpoint', file, error)
  }
  return checkpointOf({ path, files, tensors, metadata })
}
