/** A text as it is written, up to the first of some texts that end it. */
export interface StoppedText {
  /** The text that surely belongs to the answer, so that it may be shown. */
  readonly sure: string
  /** Whether one of the stop texts was found; the answer is then whole. */
  readonly ended: boolean
}

/** The longest end of a text that is the beginning of a stop text. */
const openEnd = (text: string, stop: string): number => {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--)
    if (text.endsWith(stop.slice(0, n))) return n
  return 0
}

/**
 * Cuts a text before the stop text that is complete first, and before an end that may yet become one. Of
 * those that are complete at one letter the longest counts. The result is the same in however many pieces the
 * text comes.
 */
export const untilStop = (text: string, stops: readonly string[]): StoppedText => {
  const found = stops
    .map(stop => ({ at: text.indexOf(stop), end: text.indexOf(stop) + stop.length }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.end - b.end || a.at - b.at)
  if (found[0] !== undefined) return { sure: text.slice(0, found[0].at), ended: true }
  const open = Math.max(0, ...stops.map(stop => openEnd(text, stop)))
  return { sure: text.slice(0, text.length - open), ended: false }
}
