import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = process.env.JOLA_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url))

/**
 * A path in the folder of real models and data that tests may use (`JOLA_SHARED`, or `../shared` beside the
 * repository), or `undefined` where it is missing; a test that needs it then skips.
 */
export const sharedPath = (...parts: readonly string[]): string | undefined => {
  const path = join(root, ...parts)
  return existsSync(path) ? path : undefined
}
