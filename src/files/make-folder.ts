import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './file-error.js'

/**
 * Makes a folder and its missing parents; an existing folder is fine. Rejects with the system's error.
 * (Node's `recursive` option never ends on file systems such as /proc, which deny that the new folder could
 * exist.)
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
