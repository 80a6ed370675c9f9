import { type Fix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'

/**
 * Number of insertions, deletions, replacements and swaps of neighbours between two words (optimal string
 * alignment).
 */
const editDistance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/** The candidate nearest to what was written, if it is near enough to have been meant. */
export const nearest = (written: string, candidates: Iterable<string>): string | undefined => {
  const limit = written.length <= 2 ? 1 : Math.max(1, Math.floor(written.length / 3))
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of candidates) {
    const distance =
      name.toLowerCase() === written.toLowerCase()
        ? 0.5
        : editDistance(written.toLowerCase(), name.toLowerCase())
    if (name !== written && distance <= limit && (best === undefined || distance < best.distance))
      best = { name, distance }
  }
  return written.length === 1 && best?.distance !== 0.5 ? undefined : best?.name
}

/** `did you mean \`softmax\`?`, for a diagnostic's hint, and the edit `at` the place of the name. */
export const didYouMean = (
  written: string,
  candidates: Iterable<string>,
  at?: Span,
): { readonly hint?: string; readonly fixes?: readonly Fix[] } => {
  const name = nearest(written, candidates)
  if (name === undefined) return {}
  return {
    hint: `did you mean \`${name}\`?`,
    ...(at !== undefined && { fixes: [replaceBy(at, name, { sure: false })] }),
  }
}
