import { UserError } from '../errors/user-error.js'
import { isJsonObject, shownJson } from '../json/json-values.js'
import { parseJson } from '../json/parse-json.js'

/** Bytes of one element by the format's name of its type. */
export const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const

/** An element type of the safetensors format. */
export type Dtype = keyof typeof dtypeBytes

/** One tensor as a header describes it; `begin` and `end` count bytes from the start of the file. */
export interface TensorEntry {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly file: string
  readonly begin: number
  readonly end: number
}

/** The tensors of one file, in the order of their data, and the file's own metadata. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
}

/** The format's own limit for a header, in bytes. */
const maxHeaderBytes = 100_000_000

/** A tensor takes about eight values, so this is enough for 250,000 tensors. */
const mostHeaderValues = 2_000_000

const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && Object.hasOwn(dtypeBytes, name)

const isCount = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0

/** The number of elements of a shape; 1 for a scalar's `[]`. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)

const refuse = (file: string, what: string, why: string): never => {
  throw new UserError({
    what,
    where: file,
    why,
    hint: 'the file is damaged or cut off: fetch or write it again',
  })
}

const readEntry = (file: string, name: string, value: unknown, dataStart: number): TensorEntry => {
  const tensor = `the tensor '${name}'`
  if (!isJsonObject(value)) {
    return refuse(
      file,
      `${tensor} is not described by an object`,
      'its entry needs dtype, shape and data_offsets',
    )
  }
  const { dtype, shape, data_offsets: offsets } = value
  if (!isDtype(dtype)) {
    throw new UserError({
      what: `${tensor} has the unknown dtype ${shownJson(dtype)}`,
      where: file,
      why: `the known ones are ${Object.keys(dtypeBytes).join(' ')}`,
      hint: 'convert the checkpoint to one of them, for example F32 or BF16',
    })
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return refuse(file, `${tensor} has no proper shape`, `its shape is ${shownJson(shape)}`)
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return refuse(file, `${tensor} has no proper data_offsets`, `they are ${shownJson(offsets)}`)
  }
  const [begin, end] = offsets
  const bytes = elementCount(shape) * dtypeBytes[dtype]
  if (end - begin !== bytes) {
    const need = `${dtype} [${shape.join(', ')}] takes ${bytes} bytes`
    return refuse(
      file,
      `${tensor} has the wrong number of bytes`,
      `${need}, its data_offsets [${begin}, ${end}] hold ${end - begin}`,
    )
  }
  return { dtype, shape, file, begin: dataStart + begin, end: dataStart + end }
}

/** Every byte of the data belongs to exactly one tensor: no overlap, no gap, nothing outside the file. */
const checkCover = (
  file: string,
  entries: readonly (readonly [string, TensorEntry])[],
  dataStart: number,
  size: number,
) => {
  let at = dataStart
  let before = ''
  for (const [name, { begin, end }] of entries) {
    const range = `'${name}' lies at ${begin - dataStart} to ${end - dataStart}`
    if (begin < at) {
      refuse(
        file,
        `the tensors '${before}' and '${name}' overlap`,
        `${range}, '${before}' ends at ${at - dataStart}`,
      )
    }
    if (begin > at) {
      refuse(
        file,
        `there is a gap before the tensor '${name}'`,
        `${range}, the data before it ends at ${at - dataStart}`,
      )
    }
    if (end > size) {
      refuse(
        file,
        `the tensor '${name}' reaches past the end of the file`,
        `${range} of the data, and the file holds ${size - dataStart} bytes of data`,
      )
    }
    at = end
    before = name
  }
  if (at < size) {
    refuse(
      file,
      'there are bytes after the last tensor',
      `the tensors end at byte ${at}, the file at byte ${size}`,
    )
  }
}

const readMetadata = (file: string, value: unknown): Readonly<Record<string, string>> => {
  if (value === undefined) return {}
  if (!isJsonObject(value)) return refuse(file, 'its __metadata__ is not an object', 'it maps text to text')
  const entries = Object.entries(value).map(([key, text]): [string, string] =>
    typeof text === 'string'
      ? [key, text]
      : refuse(file, `its __metadata__ entry '${key}' is not text`, 'the format allows only text there'),
  )
  return Object.fromEntries(entries)
}

const isText = (byte: number): boolean => (byte >= 32 && byte < 127) || (byte >= 9 && byte <= 13)

/**
 * Reads the eight bytes that give a header's length, for a file of `size` bytes. Throws a `UserError` if
 * there are fewer than eight bytes, or the length passes the file's end or the format's limit.
 */
export const headerLength = (file: string, first: Uint8Array, size: number): number => {
  if (first.length < 8) {
    return refuse(
      file,
      'it is no safetensors file',
      `it has ${first.length} bytes, and the header's length takes 8`,
    )
  }
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(size - 8) && first.every(isText))
    throw new UserError({
      what: 'it is no safetensors file',
      where: file,
      why:
        `it begins with the text ${JSON.stringify(new TextDecoder().decode(first))}, where a ` +
        `header's length is due`,
      hint: 'name a .safetensors file',
    })
  if (length > BigInt(size - 8)) {
    return refuse(
      file,
      'its header is longer than the file',
      `the header's length says ${length} bytes, and ${size - 8} follow`,
    )
  }
  if (length > BigInt(maxHeaderBytes)) {
    return refuse(
      file,
      'its header is too long',
      `it says ${length} bytes, and the format allows ${maxHeaderBytes}`,
    )
  }
  return Number(length)
}

/**
 * Reads the header (the JSON after the first eight bytes) of a file of `size` bytes, strictly: any dtype,
 * shape or range that doesn't fit, overlapping ranges, gaps and duplicate names are a `UserError` that names
 * the tensor.
 */
export const readHeader = (file: string, header: Uint8Array, size: number): SafetensorsHeader => {
  const dataStart = 8 + header.length
  let text: string
  let parsed: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header)
    parsed = parseJson(text, { values: mostHeaderValues })
  } catch (error) {
    return refuse(file, 'its header is not JSON', error instanceof Error ? error.message : String(error))
  }
  if (!isJsonObject(parsed)) {
    return refuse(file, 'its header is not a JSON object', `it begins with ${text.slice(0, 20)}`)
  }
  const entries = Object.entries(parsed)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => [name, readEntry(file, name, value, dataStart)] as const)
    .sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  checkCover(file, entries, dataStart, size)
  return { tensors: new Map(entries), metadata: readMetadata(file, parsed.__metadata__) }
}
