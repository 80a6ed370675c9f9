import type { Span } from './source.js'

/** A place in the source with a remark. The first label of a diagnostic is the primary one. */
export interface Label {
  readonly span: Span
  readonly text: string
}

/** A mistake of the user, as data. `render.ts` makes text of it. */
export interface Diagnostic {
  /** `E` and four digits; the catalogue is `compiler/codes.ts`. */
  readonly code: string
  /** One line: what is wrong. */
  readonly title: string
  /** Where two things disagree, both have a label. */
  readonly labels: readonly Label[]
  /** The reason, where the title does not give it. */
  readonly text?: string
  /** How to correct it. */
  readonly hint?: string
}
