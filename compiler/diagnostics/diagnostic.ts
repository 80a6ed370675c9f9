import type { Fix } from './fix.js'
import type { Span } from './source.js'

/** A place in the source with a remark. The first label of a diagnostic is the primary one. */
export interface Label {
  readonly span: Span
  readonly text: string
}

/** Something that the compiler has to say about a program, as data. `render.ts` makes text of it. */
export interface Diagnostic {
  /** `E` (an error) or `W` (a warning), and four digits; the catalogue is `compiler/codes.ts`. */
  readonly code: string
  /** One line: what is wrong. */
  readonly title: string
  /** Where two things disagree, both have a label. */
  readonly labels: readonly Label[]
  /** The reason, where the title does not give it. */
  readonly text?: string
  /** How to correct it. */
  readonly hint?: string
  /** Edits of the source that correct it, the likeliest first. */
  readonly fixes?: readonly Fix[]
}

/** A program with an error does not run; a warning says what is probably not meant. */
export type Severity = 'error' | 'warning'

/** The severity of a diagnostic, which its code tells. */
export const severityOf = ({ code }: Pick<Diagnostic, 'code'>): Severity =>
  code.startsWith('W') ? 'warning' : 'error'
