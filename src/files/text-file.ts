import { constants, isUtf8 } from 'node:buffer'
import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { UserError } from '../errors/user-error.js'
import { fileError, systemCode } from './file-error.js'

const mebibyte = 1 << 20

/** The most bytes of a file; a longer one is refused. */
export const byteLimits = {
  program: 4 * mebibyte,
  json: 128 * mebibyte,
  /** The greatest length of a text in this process. */
  data: constants.MAX_STRING_LENGTH - 1,
  /** The most bytes that a compressed file may unpack to. */
  unpacked: 256 * mebibyte,
} as const

const shown = (bytes: number): string =>
  bytes < mebibyte ? `${bytes} bytes` : `${Math.floor(bytes / mebibyte)} MiB`

const tooLong = (path: string, most: number): UserError =>
  new UserError({
    what: 'the file is too long',
    where: path,
    why: `at most ${shown(most)} of it can be read`,
    hint: 'check that it is the file you mean, or split it',
  })

/**
 * Whether the path is a file that this process received open, such as `<(…)` and `/dev/stdin`. The user wants
 * these to be read.
 */
const isHanded = (path: string): boolean => /^\/(?:dev\/(?:stdin$|fd\/)|proc\/self\/fd\/)/.test(path)

/** Refuses anything but a file before opening it: opening a pipe without a writer never ends. */
const checkKind = (path: string, found: Stats, most: number): void => {
  if (found.isFile() && found.size > most) throw tooLong(path, most)
  if (found.isFile() || (isHanded(path) && !found.isDirectory())) return
  throw new UserError({
    what: 'it is not a file',
    where: path,
    why: found.isDirectory() ? 'it is a directory' : 'it is a device, a socket or a pipe',
    hint: found.isDirectory() ? 'name a file inside it' : 'name a regular file',
  })
}

/** Collects chunks up to a limit. */
class Collected {
  readonly #parts: Buffer[] = []
  #bytes = 0

  constructor(
    private readonly path: string,
    private readonly most: number,
  ) {}

  add(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes > this.most) throw tooLong(this.path, this.most)
    this.#parts.push(part)
  }

  get bytes(): Buffer {
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
  }
}

/** Bytes of one read. A file's size is only a hint: a file may grow, and a pipe has no size. */
const pieceOf = (size: number): number => Math.min(Math.max(size + 1, 1 << 16), 1 << 28)

/** The first line, from 1, that is not UTF-8. */
const wrongLine = (bytes: Buffer): number => {
  for (let line = 1, at = 0; ; line++) {
    const found = bytes.indexOf(10, at)
    const end = found < 0 ? bytes.length : found
    if (found < 0 || !isUtf8(bytes.subarray(at, end))) return line
    at = end + 1
  }
}

/**
 * Bytes as text, without a byte order mark at its beginning. Throws a `UserError` that names the line which
 * is not UTF-8.
 */
export const decodeText = (path: string, bytes: Buffer): string => {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  if (isUtf8(bytes)) return bytes.toString('utf8', marked ? 3 : 0)
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  throw new UserError({
    what: 'the file is not text in UTF-8',
    where: path,
    why: wide ? 'it begins like a text in UTF-16' : `line ${wrongLine(bytes)} holds other bytes`,
    hint: 'save it as UTF-8',
  })
}

const unpacked = (path: string, bytes: Buffer, most: number): Buffer => {
  try {
    return gunzipSync(bytes, { maxOutputLength: most })
  } catch (error) {
    const long = systemCode(error) === 'ERR_BUFFER_TOO_LARGE'
    throw new UserError({
      what: long ? 'the compressed file holds too much' : 'the compressed file cannot be unpacked',
      where: path,
      why: long
        ? `it unpacks to more than ${shown(most)}`
        : error instanceof Error
          ? error.message
          : String(error),
      hint: long ? 'unpack it, and split it where it is longer than that' : 'fetch it or compress it again',
    })
  }
}

const isCompressed = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** How a text file is read. */
export interface TextFileOptions {
  /** Bytes at most; those of JSON unless given. */
  readonly most?: number
  /** Whether it may be compressed with gzip, which its first bytes tell. */
  readonly gzip?: boolean
}

/**
 * Reads a text file in UTF-8, without its byte order mark. Throws a `UserError` if it is not a regular file,
 * is longer than its limit, or is not UTF-8, and the system's error if it can't be read.
 */
export const readTextFile = async (path: string, options: TextFileOptions = {}): Promise<string> => {
  const { most = byteLimits.json, gzip = false } = options
  const found = await stat(path)
  checkKind(path, found, most)
  const file = await open(path, 'r')
  try {
    const piece = pieceOf(found.size)
    const all = new Collected(path, most)
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(piece), 0, piece)
      if (bytesRead === 0) break
      all.add(buffer.subarray(0, bytesRead))
    }
    const { bytes } = all
    return decodeText(
      path,
      gzip && isCompressed(bytes) ? unpacked(path, bytes, Math.min(most, byteLimits.unpacked)) : bytes,
    )
  } finally {
    await file.close()
  }
}

/** The synchronous {@link readTextFile}. `action` is the verb of its error messages. */
export const readTextFileNow = (path: string, most: number, action: string): string => {
  let descriptor: number | undefined
  try {
    const found = statSync(path)
    checkKind(path, found, most)
    descriptor = openSync(path, 'r')
    const piece = pieceOf(found.size)
    const all = new Collected(path, most)
    for (;;) {
      const buffer = Buffer.allocUnsafe(piece)
      const read = readSync(descriptor, buffer, 0, piece, null)
      if (read === 0) break
      all.add(buffer.subarray(0, read))
    }
    return decodeText(path, all.bytes)
  } catch (error) {
    throw fileError(action, path, error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
