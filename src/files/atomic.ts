import { randomBytes } from 'node:crypto'
import { write as writeTo } from 'node:fs'
import { type FileHandle, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { fileError, systemCode } from './file-error.js'

const write = promisify(writeTo)

type Chunks = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>

/** Writes every byte, since one write call may take fewer. */
const writeAll = async (descriptor: number, chunks: Chunks): Promise<void> => {
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await write(descriptor, bytes, done, Math.min(bytes.length - done, 1 << 28))
      done += bytesWritten
    }
  }
}

/** Makes a rename durable; not every file system can sync a directory, and then there is nothing to do. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r').catch(() => undefined)
  await directory?.sync().catch(() => undefined)
  await directory?.close()
}

/**
 * The target of a path: the number of a file that this process has open, as `/dev/stdout` may be, or a path
 * without symbolic links. Rejects if the links form a circle.
 */
const followed = async (path: string): Promise<number | string> => {
  const folder = await realpath(dirname(path))
  if (folder === `/proc/${process.pid}/fd`) return Number(basename(path))
  const file = join(folder, basename(path))
  const link = await readlink(file).catch(() => undefined)
  return link === undefined ? file : followed(resolve(folder, link))
}

/** Replaces a file, or makes it. */
const replace = async (path: string, chunks: Chunks): Promise<void> => {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'wx')
    await writeAll(file.fd, chunks)
    await file.sync()
    await file.close()
    file = undefined
    await rename(temporary, path)
    await syncDirectory(folder)
  } catch (error) {
    await file?.close().catch(() => undefined)
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Writes into a device, a pipe or a socket, which a file can't replace. */
const pour = async (path: string, chunks: Chunks): Promise<void> => {
  const file = await open(path, 'w')
  try {
    await writeAll(file.fd, chunks)
  } finally {
    await file.close()
  }
}

/**
 * Replaces the file `path` by `chunks` atomically: writes a temporary file in the same folder, syncs it and
 * renames it. Rejects with a `UserError` if that fails (a full disk, no folder, a directory at `path`); then
 * the temporary file is removed and the old file is unchanged. Symbolic links are followed. A device or a
 * pipe is written to directly, and so is a file that this process has open under a number (`/dev/stdout`),
 * from its current position.
 */
export const writeAtomic = async (path: string, chunks: Chunks): Promise<void> => {
  try {
    const found = await stat(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (found !== undefined && !found.isFile() && !found.isDirectory()) return await pour(path, chunks)
    const target = await followed(path)
    await (typeof target === 'number' ? writeAll(target, chunks) : replace(target, chunks))
  } catch (error) {
    throw fileError('write the file', path, error)
  }
}
