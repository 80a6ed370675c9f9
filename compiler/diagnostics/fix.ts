import type { Source, Span } from './source.js'

/** A piece of source and the text that replaces it. An empty span is a place for new text. */
export interface Edit {
  readonly span: Span
  readonly text: string
}

/** A correction that a program can type: every edit is made, or none. */
export interface Fix {
  /** What the edits do: ``write `maximum(a, b)` ``. */
  readonly title: string
  /** Whether this is what must have been meant. `jola check --fix` makes no other edits. */
  readonly sure: boolean
  /** They do not overlap. */
  readonly edits: readonly Edit[]
}

/** A fix that replaces one span. */
export const replaceBy = (
  span: Span,
  text: string,
  {
    title = `write \`${text.trim()}\``,
    sure = true,
  }: { readonly title?: string; readonly sure?: boolean } = {},
): Fix => ({ title, sure, edits: [{ span, text }] })

/** A diagnostic's hint and the fix that does what it says. */
export const hintWithFix = (
  hint: string,
  fix: Fix | undefined,
): { readonly hint: string; readonly fixes?: readonly Fix[] } => ({
  hint,
  ...(fix !== undefined && { fixes: [fix] }),
})

/** The fix of a diagnostic that can be made without asking: the only one of its fixes that is sure. */
export const sureFix = ({ fixes = [] }: { readonly fixes?: readonly Fix[] }): Fix | undefined => {
  const sure = fixes.filter(fix => fix.sure)
  return sure.length === 1 ? sure[0] : undefined
}

const overlaps = (a: Span, b: Span): boolean =>
  a.source.name === b.source.name && a.start < b.end + 1 && b.start < a.end + 1

/**
 * Those of some fixes that can be made together, in their order: a fix that touches the text of an earlier
 * one is left for another round.
 */
export const compatibleFixes = (fixes: readonly Fix[]): readonly Fix[] => {
  const kept: Fix[] = []
  for (const fix of fixes) {
    const taken = kept.flatMap(k => k.edits)
    if (!fix.edits.some(edit => taken.some(t => overlaps(t.span, edit.span)))) kept.push(fix)
  }
  return kept
}

/** The text of a source after the edits that lie in it. They must not overlap. */
export const editedText = (source: Source, edits: readonly Edit[]): string =>
  edits
    .filter(edit => edit.span.source.name === source.name)
    .toSorted((a, b) => b.span.start - a.span.start)
    .reduce((text, { span, text: by }) => text.slice(0, span.start) + by + text.slice(span.end), source.text)
