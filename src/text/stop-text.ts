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

/** Cuts a text before the first stop text in it, and before an end that may yet become one. */
export const untilStop = (text: string, stops: readonly string[]): StoppedText => {
  const found = stops.map(stop => text.indexOf(stop)).filter(at => at >= 0)
  if (found.length > 0) return { sure: text.slice(0, Math.min(...found)), ended: true }
  const open = Math.max(0, ...stops.map(stop => openEnd(text, stop)))
  return { sure: text.slice(0, text.length - open), ended: false }
}
