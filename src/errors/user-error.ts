import { harmless, harmlessLine } from '../../compiler/diagnostics/harmless.js'

/** The shell's exit codes other than 0: 1 the program or its data is wrong, 2 usage, 3 device. */
export type ExitCode = 1 | 2 | 3

/** What a user is told when something they gave is wrong. */
export interface UserErrorParts {
  /** What is wrong, in one sentence. */
  readonly what: string
  /** The file, line, tensor or option it concerns. */
  readonly where?: string
  /** Why it is refused, with the numbers. */
  readonly why?: string
  /** What to do about it. */
  readonly hint?: string
  /** 1 unless given. */
  readonly exitCode?: ExitCode
}

/** An error the user can cause and mend. It is shown by {@link renderUserError}, never with a stack trace. */
export class UserError extends Error {
  readonly what: string
  readonly where: string | undefined
  readonly why: string | undefined
  readonly hint: string | undefined
  readonly exitCode: ExitCode

  constructor(parts: UserErrorParts) {
    super(parts.where === undefined ? parts.what : `${parts.where}: ${parts.what}`)
    this.name = 'UserError'
    this.what = parts.what
    this.where = parts.where
    this.why = parts.why
    this.hint = parts.hint
    this.exitCode = parts.exitCode ?? 1
  }
}

/** Names come from files, and may be of any length. */
const mostCharacters = 4000

const clipped = (text: string): string =>
  text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters)}…`

/** Indents what follows a line break, so that no name in it passes for a line of ours, and shows tabs. */
const indented = (text: string): string =>
  harmless(clipped(text))
    .replaceAll('\t', '\\t')
    .replaceAll('\n', `\n${' '.repeat(9)}`)

/** The lines printed for a {@link UserError}: what, then where, why and hint, each on its own line if present. */
export const renderUserError = (error: UserError): string =>
  [
    `error: ${harmlessLine(clipped(error.what))}`,
    ...(error.where === undefined ? [] : [`  where: ${harmlessLine(clipped(error.where))}`]),
    ...(error.why === undefined ? [] : [`  why:   ${indented(error.why)}`]),
    ...(error.hint === undefined ? [] : [`  hint:  ${indented(error.hint)}`]),
  ].join('\n')

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
 * A system error of reading or writing `path` as a {@link UserError}; a `UserError` is returned as it is, and
 * anything that is no system error is thrown again, since it is a defect of ours.
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
