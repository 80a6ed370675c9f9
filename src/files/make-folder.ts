import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './file-error.js'

/**
 * Makes a folder, with those above it that are missing; one that is there already will do. Rejects with the
 * system's error. (Node's own recursive way never ends where a file system answers that it knows no such
 * folder, as /proc does.)
 */
export const makeFolder = async (path: string): Promise<void> => {
  const failed = await mkdir(path).catch((error: unknown) => error)
  if (failed === undefined) return
  const code = systemCode(failed)
  if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
  if (code !== 'ENOENT' || (await stat(dirname(path)).catch(() => undefined)) !== undefined) throw failed
  await makeFolder(dirname(path))
  await makeFolder(path)
}
