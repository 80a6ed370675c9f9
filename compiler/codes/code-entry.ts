/** One kind of diagnostic, as `jola explain CODE` shows it. */
export interface CodeEntry {
  readonly code: string
  /** One line without the particulars. */
  readonly title: string
  /** Why the language refuses this, in a paragraph or two. */
  readonly explanation: string
  /** The smallest program, or command, that provokes it. */
  readonly wrong: string
  /** The same, put right. */
  readonly right: string
}

/** Entries of one file of the catalogue, by their codes. */
export type CodeEntries = Readonly<Record<string, CodeEntry>>

/** A file of the catalogue from a list of entries. */
export const indexEntries = (list: readonly CodeEntry[]): CodeEntries =>
  Object.fromEntries(list.map(entry => [entry.code, entry]))
