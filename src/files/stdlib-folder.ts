import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors/user-error.js'

/** The nearest folder above that holds the package's `stdlib`, from the sources and from the build alike. */
const packageRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'stdlib', 'nn.jola'))) {
    const above = dirname(folder)
    if (above === folder)
      throw new UserError({
        what: 'the standard library is missing',
        why: 'no folder above this program holds stdlib/nn.jola',
        hint: 'install the package anew',
      })
    folder = above
  }
  return folder
}

/** The folder of the standard library. */
export const stdlibFolder = join(packageRoot(), 'stdlib')
