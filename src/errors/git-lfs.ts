import { UserError } from './user-error.js'

/** The first words of the text file that Git LFS leaves in place of a file that was not fetched. */
const pointer = 'version https://git-lfs'

/**
 * Throws a `UserError` if a file is only a pointer of Git LFS. `start` is the beginning of the file, as text
 * or as bytes.
 */
export const refusePointer = (path: string, start: string | Uint8Array): void => {
  const text = typeof start === 'string' ? start : new TextDecoder().decode(start)
  if (text.startsWith(pointer.slice(0, Math.min(text.length, pointer.length))) && text.length >= 8)
    throw new UserError({
      what: 'the file is a pointer of Git LFS, not the file itself',
      where: path,
      why: 'the repository was cloned without its large files',
      hint: 'run `git lfs pull` in its folder, or fetch the file itself',
    })
}
