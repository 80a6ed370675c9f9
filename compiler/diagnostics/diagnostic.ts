import type { Span } from './source.js'

/** A place in the source and what is to be seen there. The first label of a diagnostic is the primary one. */
export interface Label {
  readonly span: Span
  readonly text: string
}

/** What the user got wrong, as a value: rendering it is somebody else's work. */
export interface Diagnostic {
  /** `E` and four digits; the catalogue is `compiler/codes.ts`. */
  readonly code: string
  /** One line: what is wrong. */
  readonly title: string
  /** Both origins where two things disagree. */
  readonly labels: readonly Label[]
  /** Why it is wrong, where the title does not say it. */
  readonly text?: string
  /** What to do. */
  readonly hint?: string
}
