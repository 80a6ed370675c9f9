import { harmless, harmlessLine } from '../../compiler/diagnostics/harmless.js'

/** The exit codes of failures: 1 the program or its data is wrong, 2 usage, 3 device. */
export type ExitCode = 1 | 2 | 3

/** The parts of the message about a user's mistake. */
export interface UserErrorParts {
  /** The mistake, in one sentence. */
  readonly what: string
  /** The file, line, tensor or option that it concerns. */
  readonly where?: string
  /** The reason, with the numbers. */
  readonly why?: string
  /** The remedy. */
  readonly hint?: string
  /** 1 unless given. */
  readonly exitCode?: ExitCode
}

/**
 * An error that the user can cause and correct. {@link renderUserError} shows it, never with a stack trace.
 */
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

/**
 * Indents the lines after the first, so that no name in a text can imitate a line of the message, and shows
 * tabs.
 */
const indented = (text: string): string =>
  harmless(clipped(text))
    .replaceAll('\t', '\\t')
    .replaceAll('\n', `\n${' '.repeat(9)}`)

/** On one line, with tabs and line breaks shown. */
const onOneLine = (text: string): string => harmlessLine(clipped(text)).replaceAll('\t', '\\t')

/**
 * The lines printed for a {@link UserError}: what, then where, why and hint, each on its own line if present.
 */
export const renderUserError = (error: UserError): string =>
  [
    `error: ${onOneLine(error.what)}`,
    ...(error.where === undefined ? [] : [`  where: ${onOneLine(error.where)}`]),
    ...(error.why === undefined ? [] : [`  why:   ${indented(error.why)}`]),
    ...(error.hint === undefined ? [] : [`  hint:  ${indented(error.hint)}`]),
  ].join('\n')
