import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js'

/** A program with errors. The command line prints its diagnostics; an editor keeps them. */
export class ProgramError extends Error {
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(d => d.title).join('\n'))
  }
}
