import { UserError } from '../errors/user-error.js'

/** The code of a Node system error (`ENOENT`, `ENOSPC`, …), or `undefined` for any other value. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

const reasons: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOENT: ['there is no such file or directory', 'check the path'],
  EEXIST: ['there is a file of this name, and a folder is needed', 'choose another folder'],
  EISDIR: ['it is a directory, and a file is needed', 'name a file inside it'],
  ENOTDIR: ['a part of the path is a file, not a directory', 'check the path'],
  EACCES: ['permission is denied', 'check the permissions of the file and its folder'],
  EPERM: ['the operation is not permitted', 'check the permissions of the file and its folder'],
  EROFS: ['the file system is read-only', 'choose another folder'],
  ENOSPC: [
    'the disk is full',
    'free some space or choose another folder; what was there before is untouched',
  ],
  EDQUOT: ['the disk quota is used up', 'free some space or choose another folder'],
  EMFILE: ['too many files are open', 'raise the limit of open files (ulimit -n)'],
  EXDEV: ['the target is on another file system', 'choose a folder on one file system'],
}

/**
 * Turns a system error of reading or writing `path` into a {@link UserError}. Returns a `UserError`
 * unchanged, and throws any other value again, since it is a defect of Jola.
 */
export const fileError = (action: string, path: string, error: unknown): UserError => {
  if (error instanceof UserError) return error
  const code = systemCode(error)
  if (code === undefined) throw error
  const [why, hint] = reasons[code] ?? [error instanceof Error ? error.message : code, undefined]
  return new UserError({
    what: `cannot ${action}`,
    where: path,
    why,
    ...(hint === undefined ? {} : { hint }),
  })
}
