/**
 * How much work one program may cost the compiler. Functions are inlined, so a short text can ask for more
 * work than any machine can do. A program that exceeds a limit is refused with the name of the limit.
 */
export const programLimits = {
  /**
   * Expressions evaluated while one function is specialised, including those of the functions that it calls.
   */
  evaluations: 2_000_000,
  /** Tensors that the graph computes, before fusion. */
  tensors: 20_000,
  /** The nesting depth of calls, `let`s and other expressions. */
  depth: 1200,
  /** The nesting depth of the operations that compute one number. */
  operations: 1500,
  /** Elements along an axis. */
  extent: 2 ** 31 - 1,
} as const

/**
 * A program that exceeds one of the {@link programLimits}: `what` it asks for, `why` that is refused, and a
 * hint.
 */
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
