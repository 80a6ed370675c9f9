// A checkpoint over files that are read by ranges, so that no whole file is ever in memory. Opening reads
// only headers; numbers are read, and widened to f32, on request. The platform opens the files.

import { bf16ToF32, f16ToF32 } from '../../runtime/float.js'
import { refusePointer } from '../errors/git-lfs.js'
import { UserError } from '../errors/user-error.js'
import {
  type Dtype,
  dtypeBytes,
  elementCount,
  headerLength,
  readHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './header.js'

/** The bytes of a file, read by ranges: from a disk, a Blob or a server. */
export interface ByteRanges {
  readonly path: string
  readonly size: number
  /** `length` bytes from `at`, in a new buffer that holds nothing else. */
  read(at: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  /** Fills `out` with the bytes from `at`. */
  readInto(at: number, out: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Elements of a row that are stored together, and their bytes. */
export interface BlockShape {
  readonly elements: number
  readonly bytes: number
}

/** A type of llama.cpp in which the elements of a block share scales, as a checkpoint names it. */
export type QuantisedType = `ggml ${string}`

/** A tensor of a checkpoint: those of a GGUF file may be quantised, and have blocks. */
export interface StoredTensor extends Omit<TensorEntry, 'dtype'> {
  readonly dtype: Dtype | QuantisedType
  readonly block?: BlockShape
}

/** The number of elements that are stored together: 1, unless the tensor is quantised. */
export const blockOf = ({ dtype, block }: Pick<StoredTensor, 'dtype' | 'block'>): BlockShape =>
  block ?? { elements: 1, bytes: dtypeBytes[dtype as Dtype] }

/**
 * An open checkpoint: its tensors are known, and their numbers are read on request. Close it after use; later
 * reads fail.
 */
export interface Checkpoint {
  /** The file or directory it was opened from. */
  readonly path: string
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** The merged `__metadata__` of its files. */
  readonly metadata: Readonly<Record<string, string>>
  /** Numbers in row-major order. F16 and BF16 widen exactly, F64 rounds; other dtypes are a `UserError`. */
  readF32(name: string): Promise<Float32Array>
  /** Fills `out` with numbers like those of `readF32`, from element `first` on. */
  readFloats(name: string, first: number, out: Float32Array): Promise<void>
  /** Numbers of an I32 or U32 tensor in row-major order; other dtypes are a `UserError`. */
  readInts(name: string): Promise<Int32Array | Uint32Array>
  /** The tensor's bytes as stored, little-endian, row-major. */
  readRaw(name: string): Promise<Uint8Array>
  /** Fills `out` with bytes as stored, from element `first` on, the first of a block; whole blocks. */
  readElements(name: string, first: number, out: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Bytes converted at a time, so that a tensor is never twice in memory. */
const pieceBytes = 4 << 20

/**
 * Reads the header of a safetensors file. Throws a `UserError` if the file is damaged or of another format.
 */
export const readFileHeader = async (file: ByteRanges): Promise<SafetensorsHeader> => {
  const first = await file.read(0, Math.min(8, file.size))
  refusePointer(file.path, first)
  const length = headerLength(file.path, first, file.size)
  return readHeader(file.path, await file.read(8, length), file.size)
}

const asBytes = (out: Float32Array): Uint8Array => new Uint8Array(out.buffer, out.byteOffset, out.byteLength)

/** Elements of two or eight bytes, from a position in the file on, as float32. */
const convertPieces = async (
  file: ByteRanges,
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

/** The parts of a checkpoint: its files by name, and the contents of their headers. */
export interface CheckpointParts extends SafetensorsHeader {
  readonly path: string
  /** Keyed by the `file` of the tensors' entries. */
  readonly files: ReadonlyMap<string, ByteRanges>
}

/** A checkpoint that reads numbers from its files on request. */
export const checkpointOf = ({ path, files, tensors, metadata }: CheckpointParts): Checkpoint => {
  const find = (name: string): readonly [TensorEntry, ByteRanges] => {
    const entry = tensors.get(name)
    if (entry === undefined) {
      throw new UserError({
        what: `there is no tensor '${name}'`,
        where: path,
        why:
          `the checkpoint has ${tensors.size} tensors: ` +
          `${[...tensors.keys()].slice(0, 8).join(', ')}${tensors.size > 8 ? ', …' : ''}`,
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
