import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bf16ToF32, f16ToF32 } from '../../runtime/float.js'
import { fileError, systemCode, UserError } from '../errors/user-error.js'
import { openRangeFile, type RangeFile } from '../files/range-file.js'
import {
  dtypeBytes,
  elementCount,
  headerLength,
  readHeader,
  type TensorEntry,
} from '../safetensors/header.js'
import { foreignModel, refusePointer } from './foreign.js'
import { indexName, readIndex } from './shard-index.js'

/**
 * An opened checkpoint: its tensors are known, their numbers are read one by one when asked for. Close it when done;
 * reading afterwards fails.
 */
export interface Checkpoint {
  /** The file or directory it was opened from. */
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** The `__metadata__` of its files together. */
  readonly metadata: Readonly<Record<string, string>>
  /** Numbers in row-major order. F16 and BF16 widen exactly, F64 rounds; other dtypes are a `UserError`. */
  readF32(name: string): Promise<Float32Array>
  /** Fills `out` with numbers like those of `readF32`, from element `first` on. */
  readFloats(name: string, first: number, out: Float32Array): Promise<void>
  /** Numbers of an I32 or U32 tensor in row-major order; other dtypes are a `UserError`. */
  readInts(name: string): Promise<Int32Array | Uint32Array>
  /** The tensor's bytes as stored, little-endian, row-major. */
  readRaw(name: string): Promise<Uint8Array>
  /** Fills `out` with bytes as stored, from element `first` on. */
  readElements(name: string, first: number, out: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Bytes converted at a time, so that a tensor is never twice in memory. */
const pieceBytes = 4 << 20

const openHeader = async (file: RangeFile) => {
  const first = await file.read(0, Math.min(8, file.size))
  refusePointer(file.path, first)
  const length = headerLength(file.path, first, file.size)
  return readHeader(file.path, await file.read(8, length), file.size)
}

const twoCheckpoints = (directory: string): UserError =>
  new UserError({
    what: 'the directory holds two checkpoints',
    where: directory,
    why: `model.safetensors is in it, and ${indexName} names other files`,
    hint: `remove the one that is not meant (transformers reads model.safetensors), or name a file itself where that will do`,
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

const asBytes = (out: Float32Array): Uint8Array => new Uint8Array(out.buffer, out.byteOffset, out.byteLength)

/** Elements of two or eight bytes from a place in the file on, as float32. */
const convertPieces = async (
  file: RangeFile,
  dtype: 'F16' | 'BF16' | 'F64',
  begin: number,
  out: Float32Array,
): Promise<void> => {
  const width = dtypeBytes[dtype]
  const step = pieceBytes / width
  for (let first = 0; first < out.length; first += step) {
    const part = out.subarray(first, first + step)
    const { buffer } = await file.read(begin + first * width, part.length * width)
    if (dtype === 'F64') part.set(new Float64Array(buffer))
    else if (dtype === 'F16') f16ToF32(new Uint16Array(buffer), part)
    else bf16ToF32(new Uint16Array(buffer), part)
  }
}

const wrongDtype = (entry: TensorEntry, name: string, wanted: string): UserError =>
  new UserError({
    what: `the tensor '${name}' holds ${entry.dtype}, and ${wanted} is needed`,
    where: entry.file,
    hint: `store it as ${wanted}`,
  })

const checkpointOf = (
  path: string,
  files: ReadonlyMap<string, RangeFile>,
  tensors: ReadonlyMap<string, TensorEntry>,
  metadata: Readonly<Record<string, string>>,
): Checkpoint => {
  const find = (name: string): readonly [TensorEntry, RangeFile] => {
    const entry = tensors.get(name)
    if (entry === undefined) {
      throw new UserError({
        what: `there is no tensor '${name}'`,
        where: path,
        why: `the checkpoint has ${tensors.size} tensors: ${[...tensors.keys()].slice(0, 8).join(', ')}${tensors.size > 8 ? ', …' : ''}`,
        hint: 'check that the checkpoint belongs to this model',
      })
    }
    return [entry, files.get(entry.file)!]
  }
  return {
    path,
    tensors,
    metadata,
    async readF32(name) {
      const out = new Float32Array(elementCount(find(name)[0].shape))
      await this.readFloats(name, 0, out)
      return out
    },
    async readFloats(name, first, out) {
      const [entry, file] = find(name)
      const { dtype } = entry
      const begin = entry.begin + first * dtypeBytes[dtype]
      if (dtype === 'F32') await file.readInto(begin, asBytes(out))
      else if (dtype === 'F16' || dtype === 'BF16' || dtype === 'F64')
        await convertPieces(file, dtype, begin, out)
      else throw wrongDtype(entry, name, 'F32, F16, BF16 or F64')
    },
    async readInts(name) {
      const [entry, file] = find(name)
      if (entry.dtype !== 'I32' && entry.dtype !== 'U32') throw wrongDtype(entry, name, 'I32 or U32')
      const bytes = await file.read(entry.begin, entry.end - entry.begin)
      return entry.dtype === 'I32' ? new Int32Array(bytes.buffer) : new Uint32Array(bytes.buffer)
    },
    async readRaw(name) {
      const [entry, file] = find(name)
      return file.read(entry.begin, entry.end - entry.begin)
    },
    async readElements(name, first, out) {
      const [entry, file] = find(name)
      await file.readInto(entry.begin + first * dtypeBytes[entry.dtype], out)
    },
    async close() {
      await Promise.all([...files.values()].map(file => file.close()))
    },
  }
}

const twice = (name: string, shard: string, other: string): UserError =>
  new UserError({
    what: `the tensor '${name}' is in two shards`,
    where: shard,
    why: `it is in ${other} too, and nothing says that both hold the same`,
    hint: 'the shards are not of one checkpoint: fetch them again',
  })

/**
 * Opens a checkpoint: a `.safetensors` file, an `….index.json`, or a directory with `model.safetensors` or
 * `model.safetensors.index.json`. Only headers are read. Anything missing, cut off or inconsistent is a `UserError`.
 */
export const openCheckpoint = async (path: string): Promise<Checkpoint> => {
  const { file, sharded } = await asPath(path)
  const index = sharded ? await readIndex(file) : undefined
  const files = new Map<string, RangeFile>()
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
      const header = await openHeader(opened)
      Object.assign(metadata, header.metadata)
      for (const [name, entry] of header.tensors) {
        const own = index?.fileOf.get(name)
        // What the index does not know is there all the same.
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
  return checkpointOf(path, files, tensors, metadata)
}
