import { type Attempt, type Doc, nest, softBreak, space, together } from './layout.js'
import type { Written } from './written.js'

/** An item of a list: its tokens and how it is laid out. */
export interface ListItem {
  readonly first: number
  readonly last: number
  readonly doc: Doc
  /** Whether the list may stay on its line and only this item, the last one, be broken. */
  readonly hugged: boolean
  /** Whether it is a function written in place. */
  readonly lambda?: boolean
  /** Whether several such items may share a line. */
  readonly short: boolean
}

/**
 * The items with the commas behind them. A comma behind the last item is left out, unless a comment needs it.
 */
const withCommas = (w: Written, items: readonly ListItem[], close: number): readonly Doc[] =>
  items.map((item, at) => {
    const comma = item.last + 1
    const isComma = comma < close && w.tokens[comma]!.image === ','
    const needed = at < items.length - 1 || w.commented(comma) || w.commented(comma + 1)
    return isComma && needed ? [item.doc, w.gap(comma), ','] : item.doc
  })

/** The token behind an item and its comma. */
const follower = (w: Written, item: ListItem): number =>
  w.tokens[item.last + 1]!.image === ',' ? item.last + 2 : item.last + 1

const filled = (w: Written, items: readonly ListItem[], docs: readonly Doc[]): Doc => ({
  kind: 'fill',
  parts: docs.flatMap((doc, at) => (at === 0 ? [doc] : [w.gap(items[at]!.first, space), doc])),
})

/** The first to the last token of a list in brackets. */
interface Brackets {
  readonly open: number
  readonly close: number
}

/** Items in `(…)` or `[…]`: on one line, with the last one broken, or on lines of their own. */
export const bracketed = (w: Written, { open, close }: Brackets, items: readonly ListItem[]): Doc => {
  const [left, right] = [w.tokens[open]!.image, w.tokens[close]!.image]
  const last = items.at(-1)
  if (last === undefined) return [left, w.gap(close), right]
  const docs = withCommas(w, items, close)
  const closing = [w.gap(follower(w, last)), right]
  const inner = filled(w, items, docs)
  const begin = w.gap(items[0]!.first, softBreak)
  const flat: Doc = [left, begin, inner, closing]
  const broken: Doc = together(left, nest(begin, inner), closing)
  const commented = w.commented(items[0]!.first)
  const attempts: Attempt[] = [{ doc: flat, flat: true }]
  if (last.hugged && !commented && !items.slice(0, -1).some(i => i.lambda)) {
    const before = docs.slice(0, -1)
    const parts = before.map((doc, at): Doc => [doc, w.gap(items[at + 1]!.first, ' ')])
    const hug: Doc = [left, flatOnly(parts), docs.at(-1)!, closing]
    attempts.push({ above: left, doc: [inner, closing], flat: true }, { doc: hug, flat: false })
  }
  return { kind: 'choice', docs: [...attempts, { doc: broken, flat: false }] }
}

/** A document that is on one line, or not at all. */
const flatOnly = (doc: Doc): Doc => ({ kind: 'choice', docs: [{ doc, flat: true }] })

/** Parameters: on one line, or on lines of their own between the brackets. */
export const parameterList = (w: Written, close: number, items: readonly ListItem[]): Doc => {
  const last = items.at(-1)
  if (last === undefined) return ['(', w.gap(close), ')']
  const inner = filled(w, items, withCommas(w, items, close))
  return together(
    '(',
    nest(w.gap(items[0]!.first, softBreak), inner),
    w.gap(follower(w, last), softBreak),
    ')',
  )
}

/** The fields of a record: on one line, or on lines between the braces, short ones together. */
export const braced = (w: Written, close: number, items: readonly ListItem[]): Doc => {
  const last = items.at(-1)
  if (last === undefined) return ['{', w.gap(close), '}']
  const docs = withCommas(w, items, close)
  const allShort = items.every(item => item.short)
  const lines = docs.map((doc, at): Doc => (at === 0 ? doc : [w.gap(items[at]!.first, space), doc]))
  const inner = allShort ? filled(w, items, docs) : lines
  return together('{', nest(w.gap(items[0]!.first, space), inner), w.gap(follower(w, last), space), '}')
}
