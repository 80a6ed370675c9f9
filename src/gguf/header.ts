/**
 * GGUF, the file format of llama.cpp: one file with a model's metadata, tokenizer and weights.
 *
 * Layout, all little-endian: the text `GGUF`, the version (u32), the counts of tensors and of metadata
 * entries (u64); each entry: key, type, value; each tensor: name, number of axes, extents (the innermost
 * first), type, offset; then, from the next multiple of `general.alignment` on, the tensors' data. Versions 2
 * and 3 differ in nothing that is read here. Specification:
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * Read strictly: whatever does not fit the file, overlaps, or is of an unknown type is a `UserError` that
 * names it.
 */
import { UserError } from '../errors/user-error.js'
import type { ByteRanges } from '../safetensors/checkpoint.js'
import { Cursor, type MetadataValue, NeedsMore } from './cursor.js'
import { refuseFile } from './refuse.js'
import { type GgufType, ggmlTypeName, ggufBlocks, isGgufType } from './tensor-types.js'

/** One tensor; `begin` and `end` count bytes from the start of the file. */
export interface GgufTensor {
  readonly type: GgufType
  /** Extents in row-major order: the last is the one whose elements are neighbours. */
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** The content of a file besides the tensors' data. */
export interface GgufHeader {
  readonly version: number
  readonly metadata: ReadonlyMap<string, MetadataValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
}

/** The bytes of a file, by ranges. */
export type GgufBytes = Pick<ByteRanges, 'path' | 'size' | 'read'>

const defaultAlignment = 32

/** Above every header there is: that of a vocabulary of 256,000 tokens has some 20 MB. */
const mostHeaderBytes = 256 << 20

/** Bytes that are read first; a header that does not end in them is read again with four times as many. */
const firstBytes = 1 << 20

/** The least bytes of a tensor's description: name's length, number of axes, type, offset. */
const leastTensorBytes = 24

/** The least bytes of an entry: key's length, type, a value of one byte. */
const leastEntryBytes = 13

const mostAxes = 4

const magic = 'GGUF'

const readVersion = (cursor: Cursor): number => {
  const { file } = cursor
  const version = cursor.u32('the version')
  if (version === 2 || version === 3) return version
  const swapped = version !== 0 && (version & 0xffff) === 0
  throw new UserError({
    what: swapped ? 'it is a GGUF file for big-endian machines' : `it is a GGUF file of version ${version}`,
    where: file,
    why: swapped ? 'its numbers begin with their highest byte' : 'versions 2 and 3 are read',
    hint: 'convert the model again with a present version of llama.cpp, or fetch another file of it',
  })
}

const readMetadata = (cursor: Cursor, count: number): ReadonlyMap<string, MetadataValue> => {
  const metadata = new Map<string, MetadataValue>()
  for (let i = 0; i < count; i++) {
    const key = cursor.name('the key of a metadata entry')
    if (metadata.has(key))
      refuseFile(cursor.file, `the metadata entry '${key}' is there twice`, 'each key has one value')
    metadata.set(key, cursor.value(key))
  }
  return metadata
}

/** A tensor as it is described: `offset` counts from where the data begins. */
interface Described {
  readonly name: string
  readonly type: GgufType
  readonly shape: readonly number[]
  readonly offset: bigint
  readonly bytes: number
}

const readType = (file: string, tensor: string, id: number): GgufType => {
  const type = ggmlTypeName(id)
  if (isGgufType(type)) return type
  throw new UserError({
    what:
      type === undefined
        ? `${tensor} has the unknown type ${id}`
        : `${tensor} has the type ${type}, which is not read`,
    where: file,
    why: `the types that are read are ${Object.keys(ggufBlocks).join(' ')}`,
    hint: "convert the model to one of them with llama.cpp's llama-quantize, for example Q8_0 or Q4_K",
  })
}

const readTensor = (cursor: Cursor): Described => {
  const { file } = cursor
  const name = cursor.name("a tensor's name")
  const tensor = `the tensor '${name}'`
  const axes = cursor.u32(`the number of axes of ${tensor}`)
  if (axes > mostAxes) refuseFile(file, `${tensor} has ${axes} axes`, `${mostAxes} are the most`)
  const extents = Array.from({ length: axes }, () => cursor.u64(`an extent of ${tensor}`))
  const type = readType(file, tensor, cursor.u32(`the type of ${tensor}`))
  const offset = cursor.u64(`the offset of ${tensor}`)
  const elements = extents.reduce((n, d) => n * d, 1n)
  const shown = `${type} [${extents.toReversed().join(', ')}]`
  if (elements > BigInt(Number.MAX_SAFE_INTEGER))
    refuseFile(file, `${tensor} is larger than any file`, `it is ${shown}`)
  const { elements: block, bytes } = ggufBlocks[type]
  if (block > 1 && (extents[0] ?? 1n) % BigInt(block) !== 0n)
    refuseFile(file, `${tensor} has rows of no whole blocks`, `${shown}: a block has ${block} elements`)
  const shape = extents.map(Number).toReversed()
  return { name, type, shape, offset, bytes: (Number(elements) / block) * bytes }
}

const alignmentOf = (file: string, metadata: ReadonlyMap<string, MetadataValue>): number => {
  const value = metadata.get('general.alignment') ?? defaultAlignment
  if (typeof value === 'number' && value >= 1 && value <= 1 << 30 && Number.isInteger(Math.log2(value)))
    return value
  return refuseFile(file, `its general.alignment is ${String(value)}`, 'a power of two belongs there')
}

/** Every byte of the data belongs to one tensor, but for what is filled up to the alignment. */
const placed = (
  { file, at }: Cursor,
  described: readonly Described[],
  alignment: number,
  size: number,
): ReadonlyMap<string, GgufTensor> => {
  const start = Math.ceil(at / alignment) * alignment
  const tensors = new Map<string, GgufTensor>()
  const inOrder = [...described].sort((a, b) => Number(a.offset - b.offset) || a.bytes - b.bytes)
  let end = start
  let before = 'the header'
  for (const { name, type, shape, offset, bytes } of inOrder) {
    const tensor = `the tensor '${name}'`
    if (offset % BigInt(alignment) !== 0n)
      refuseFile(file, `${tensor} is not aligned`, `its offset ${offset} is no multiple of ${alignment}`)
    if (offset + BigInt(bytes) > BigInt(size - start))
      refuseFile(
        file,
        `${tensor} reaches past the end of the file`,
        `it has ${bytes} bytes from ${offset} on, and the file holds ` +
          `${Math.max(0, size - start)} bytes of data`,
      )
    const begin = start + Number(offset)
    if (begin < end)
      refuseFile(
        file,
        `${before} and ${tensor} overlap`,
        `one ends at byte ${end}, and one begins at ${begin}`,
      )
    if (begin - end >= alignment)
      refuseFile(
        file,
        `there is a gap before ${tensor}`,
        `it begins at byte ${begin}, and what is before it ends at ${end}`,
      )
    if (tensors.has(name)) refuseFile(file, `${tensor} is there twice`, 'each name has one tensor')
    end = begin + bytes
    before = tensor
    tensors.set(name, { type, shape, begin, end })
  }
  if (size - end >= alignment && (size > start || described.length > 0))
    refuseFile(
      file,
      'there are bytes after the last tensor',
      `it ends at byte ${end}, the file at byte ${size}`,
    )
  return tensors
}

const parse = (file: string, bytes: Uint8Array, size: number): GgufHeader => {
  const cursor = new Cursor(file, bytes, size)
  const first = new TextDecoder('latin1').decode(bytes.subarray(0, 4))
  if (first !== magic)
    throw new UserError({
      what: 'it is no GGUF file',
      where: file,
      why: `it begins with ${JSON.stringify(first)}, and a GGUF file begins with "${magic}"`,
      hint: 'name a .gguf file, or fetch it again',
    })
  cursor.u32('the first word')
  const version = readVersion(cursor)
  const tensorCount = cursor.count('number of tensors', leastTensorBytes)
  const entryCount = cursor.count('number of metadata entries', leastEntryBytes)
  const metadata = readMetadata(cursor, entryCount)
  const described = Array.from({ length: tensorCount }, () => readTensor(cursor))
  return { version, metadata, tensors: placed(cursor, described, alignmentOf(file, metadata), size) }
}

/**
 * Reads the header of a GGUF file. Rejects with a `UserError` for whatever is missing, damaged or unknown in
 * it.
 */
export const readGgufHeader = async (source: GgufBytes): Promise<GgufHeader> => {
  const { path, size } = source
  for (let length = firstBytes; ; length *= 4) {
    const bytes = await source.read(0, Math.min(length, size))
    try {
      return parse(path, bytes, size)
    } catch (error) {
      if (!(error instanceof NeedsMore)) throw error
      if (length >= mostHeaderBytes)
        refuseFile(path, 'its header is too long', `it has more than ${length} bytes`)
    }
  }
}
