/**
 * What one program may take of the compiler. Functions are inlined, so a short text can ask for more work
 * than any machine does; a program that passes a limit is refused with the limit's name instead.
 */
export const programLimits = {
  /** Expressions evaluated while one function is specialised, those of called functions included. */
  evaluations: 2_000_000,
  /** Tensors computed, before any are joined. */
  tensors: 20_000,
  /** How deep calls, `let`s and other expressions stand inside one another. */
  depth: 1200,
  /** How deep operations stand inside one another in what computes one number. */
  operations: 1500,
  /** Elements along an axis. */
  extent: 2 ** 31 - 1,
} as const

/** A program that passes one of the {@link programLimits}: what it asks for, the limit, and what to do. */
export class ProgramLimit extends Error {
  constructor(
    readonly what: string,
    readonly why: string,
    readonly hint: string,
  ) {
    super(`${what}: ${why}`)
    this.name = 'ProgramLimit'
  }
}
