import { randomBytes } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UserError } from '../errors/user-error.js'
import { fileError } from './file-error.js'
import { makeFolder } from './make-folder.js'

/** How a folder is written that may be there already. */
export interface NewFolderOptions {
  /** Whether files of a folder that is there may be replaced. */
  readonly replace: boolean
  /** The files of that folder that belong to what is written, and go before it is there. */
  readonly owns: RegExp
}

const filesIn = async (path: string): Promise<readonly string[] | undefined> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return undefined
  if (found.isDirectory()) return readdir(path)
  throw new UserError({
    what: 'cannot write the folder',
    where: path,
    why: 'a file of this name is there',
    hint: 'choose another --out',
  })
}

/** Refuses a folder that holds something, unless it may be replaced. */
export const checkNewFolder = async (path: string, { replace }: NewFolderOptions): Promise<void> => {
  const files = await filesIn(path)
  if (files === undefined || files.length === 0 || replace) return
  throw new UserError({
    what: 'the folder is there already',
    where: path,
    why: `it holds ${files.slice(0, 3).join(', ')}${files.length > 3 ? ', …' : ''}`,
    hint: 'choose another --out, or add --force to replace its files of the same kind',
  })
}

/**
 * Lets `write` fill a temporary folder beside `path`, and puts its files into `path` once all of them are
 * there. So a folder is written whole or not at all. Of a folder that may be replaced, files of other kinds
 * stay.
 */
export const writeNewFolder = async (
  path: string,
  options: NewFolderOptions,
  write: (folder: string) => Promise<void>,
): Promise<void> => {
  await checkNewFolder(path, options)
  const target = resolve(path)
  const temporary = join(
    dirname(target),
    `.${basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`,
  )
  try {
    await makeFolder(temporary)
    await write(temporary)
    if ((await filesIn(target)) === undefined) {
      await rename(temporary, target)
      return
    }
    for (const name of await readdir(target))
      if (options.owns.test(name)) await rm(join(target, name), { force: true })
    for (const name of await readdir(temporary)) await rename(join(temporary, name), join(target, name))
  } catch (error) {
    throw fileError('write the folder', path, error)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}
