import { open } from 'node:fs/promises'
import { UserError } from '../errors/user-error.js'
import type { ByteRanges } from '../safetensors/checkpoint.js'
import { fileError } from './file-error.js'

/** The most bytes of one read call: the system reads less than 2 GiB at a time. */
const maxRead = 1 << 30

/**
 * Opens a file for reading by ranges. Rejects with the system's error if it can't be opened, and with a
 * `UserError` if it is no regular file; reads reject with a `UserError` where the file ends early.
 */
export const openRangeFile = async (path: string): Promise<ByteRanges> => {
  const handle = await open(path, 'r')
  const info = await handle.stat()
  if (!info.isFile()) {
    await handle.close()
    throw new UserError({
      what: 'it is not a file',
      where: path,
      why: info.isDirectory() ? 'it is a directory' : 'it is a device or a pipe',
      hint: 'name a regular file',
    })
  }
  const readInto = async (at: number, out: Uint8Array): Promise<void> => {
    for (let done = 0; done < out.length; ) {
      const ask = Math.min(out.length - done, maxRead)
      const { bytesRead } = await handle.read(out, done, ask, at + done).catch((error: unknown) => {
        throw fileError('read the file', path, error)
      })
      if (bytesRead === 0) {
        throw new UserError({
          what: 'the file ends too early',
          where: path,
          why: `bytes ${at} to ${at + out.length} are needed, and it ends at ${at + done}`,
          hint: 'it was cut off or changed while being read: fetch or write it again',
        })
      }
      done += bytesRead
    }
  }
  return {
    path,
    size: info.size,
    readInto,
    async read(at, length) {
      const out = new Uint8Array(length)
      await readInto(at, out)
      return out
    },
    close: () => handle.close(),
  }
}
