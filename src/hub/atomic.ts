import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileError } from '../errors.js'

/** Writes every byte, since one write call may take fewer. */
const writeAll = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 1 << 28))
    done += bytesWritten
  }
}

/** Makes a rename durable; not every file system can sync a directory, and then there is nothing to do. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r').catch(() => undefined)
  await directory?.sync().catch(() => undefined)
  await directory?.close()
}

/** Whether `path` is a device, a pipe or a socket: it takes what is written, and can't be replaced by a file. */
const isSink = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && !found.isFile() && !found.isDirectory()
}

/**
 * Replaces the file `path` by `chunks`, wholly or not at all: they go to a temporary file in the same folder, which is
 * synced and renamed. Rejects with a `UserError` if that fails (a full disk, no folder, a directory at `path`); then
 * the temporary file is gone and what was at `path` is untouched. A device or a pipe is written to as it is.
 */
export const writeAtomic = async (
  path: string,
  chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): Promise<void> => {
  const folder = dirname(path)
  const temporary = (await isSink(path))
    ? undefined
    : join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  let file: FileHandle | undefined
  try {
    file = await (temporary === undefined ? open(path, 'w') : open(temporary, 'wx'))
    for await (const chunk of chunks) {
      await writeAll(file, typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk)
    }
    if (temporary !== undefined) await file.sync()
    await file.close()
    file = undefined
    if (temporary === undefined) return
    await rename(temporary, path)
    await syncDirectory(folder)
  } catch (error) {
    await file?.close().catch(() => undefined)
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined)
    throw fileError('write the file', path, error)
  }
}
