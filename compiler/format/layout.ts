/**
 * Documents that can be laid out in a given width, after Wadler ("A prettier printer", 2003) and Prettier's
 * additions to it. A group is written on one line if it fits, and else with a line break at each of its
 * lines.
 */
export type Doc =
  | string
  | readonly Doc[]
  /** A comment at the end of a line, which breaks no line by its length. */
  | { readonly kind: 'remark'; readonly text: string }
  /** A possible line break: `flat` is what stands there where the group is on one line. */
  | { readonly kind: 'line'; readonly flat: string }
  /** A line break in any case, with an empty line before it where `blank` is true. */
  | { readonly kind: 'hard'; readonly blank: boolean }
  /** Lines inside begin further to the right. */
  | { readonly kind: 'nest'; readonly by: number; readonly body: Doc }
  | { readonly kind: 'group'; readonly body: Doc }
  /** Contents and the lines between them, in turn; only those lines are broken that must be. */
  | { readonly kind: 'fill'; readonly parts: readonly Doc[] }
  /** The first of the documents whose first line fits; the last one, if none does. */
  | { readonly kind: 'choice'; readonly docs: readonly Attempt[] }

/**
 * A document to be tried: on one line in whole (`flat`), or as it comes. With `above`, that stands on this
 * line and the document on the next one, further to the right.
 */
export interface Attempt {
  readonly above?: Doc
  readonly doc: Doc
  readonly flat: boolean
}

/** The most columns of a line, as far as it can be broken. */
export const formatWidth = 100

export const space: Doc = { kind: 'line', flat: ' ' }
export const softBreak: Doc = { kind: 'line', flat: '' }
export const hardBreak: Doc = { kind: 'hard', blank: false }
/** On one line if it fits, and else with a break at each of its lines. */
export const together = (...body: readonly Doc[]): Doc => ({ kind: 'group', body })
export const nest = (...body: readonly Doc[]): Doc => ({ kind: 'nest', by: 2, body })

interface Entry {
  readonly indent: number
  readonly flat: boolean
  readonly doc: Doc
}

/** Pushes the parts of a document so that the first of them is popped first. */
const pushAll = (stack: Entry[], indent: number, flat: boolean, docs: readonly Doc[]): void => {
  for (let at = docs.length - 1; at >= 0; at--) stack.push({ indent, flat, doc: docs[at]! })
}

/**
 * Whether the entry, and what stands behind it up to the next line break, fits into the room. A flat document
 * with a hard break does not fit.
 */
const fits = (entry: Entry, rest: readonly Entry[], room: number): boolean => {
  const stack: Entry[] = [entry]
  let behind = rest.length
  let left = room
  while (left >= 0) {
    if (stack.length === 0) {
      if (behind === 0) return true
      stack.push(rest[--behind]!)
    }
    const { indent, flat, doc } = stack.pop()!
    if (typeof doc === 'string') left -= doc.length
    else if (isList(doc)) pushAll(stack, indent, flat, doc)
    else if (doc.kind === 'remark') continue
    else if (doc.kind === 'hard') return !flat
    else if (doc.kind === 'line') {
      if (!flat) return true
      left -= doc.flat.length
    } else if (doc.kind === 'fill') pushAll(stack, indent, flat, doc.parts)
    else if (doc.kind === 'choice') {
      const attempt = doc.docs[flat ? 0 : doc.docs.length - 1]!
      const tried = attempt.above === undefined ? attempt.doc : [attempt.above, space, attempt.doc]
      stack.push({ indent, flat: flat || attempt.flat, doc: tried })
    } else stack.push({ indent, flat, doc: doc.body })
  }
  return false
}

const isList = (doc: Doc): doc is readonly Doc[] => Array.isArray(doc)

/** The text of a document in lines of at most `width` columns, as far as its line breaks allow that. */
export const layOut = (doc: Doc, width: number): string => {
  const out: string[] = []
  const stack: Entry[] = [{ indent: 0, flat: false, doc }]
  let column = 0
  const newLine = (indent: number, blank: boolean): void => {
    out.push(blank ? '\n\n' : '\n', ' '.repeat(indent))
    column = indent
  }
  const writeFill = (indent: number, parts: readonly Doc[]): void => {
    const [content, line, next] = parts
    if (content === undefined) return
    const flat = { indent, flat: true, doc: content }
    const contentFits = fits(flat, next === undefined ? stack : [], width - column)
    const rest: Entry[] = []
    if (line !== undefined && next !== undefined) {
      const pair = { indent, flat: true, doc: [content, line, next] }
      const both = contentFits && fits(pair, parts.length === 3 ? stack : [], width - column)
      rest.push({ indent, flat: false, doc: { kind: 'fill', parts: parts.slice(2) } })
      rest.push({ indent, flat: both, doc: line })
    }
    stack.push(...rest, contentFits ? flat : { ...flat, flat: false })
  }
  const works = (attempt: Attempt, indent: number, flat: boolean): boolean => {
    const entry = { indent, flat: flat || attempt.flat, doc: attempt.doc }
    if (attempt.above === undefined) return fits(entry, stack, width - column)
    const above = { ...entry, flat: true, doc: attempt.above }
    return !flat && fits(above, [], width - column) && fits(entry, stack, width - indent - 2)
  }
  while (stack.length > 0) {
    const { indent, flat, doc: current } = stack.pop()!
    if (typeof current === 'string') {
      out.push(current)
      column += current.length
    } else if (isList(current)) pushAll(stack, indent, flat, current)
    else if (current.kind === 'remark') out.push(current.text)
    else if (current.kind === 'hard') newLine(indent, current.blank)
    else if (current.kind === 'line') {
      if (!flat) newLine(indent, false)
      else {
        out.push(current.flat)
        column += current.flat.length
      }
    } else if (current.kind === 'nest') stack.push({ indent: indent + current.by, flat, doc: current.body })
    else if (current.kind === 'group') {
      const whole = { indent, flat: true, doc: current.body }
      stack.push(flat || fits(whole, stack, width - column) ? whole : { ...whole, flat: false })
    } else if (current.kind === 'fill') {
      if (flat) pushAll(stack, indent, true, current.parts)
      else writeFill(indent, current.parts)
    } else {
      const attempt = current.docs.find(a => works(a, indent, flat)) ?? current.docs.at(-1)!
      const tried = { indent, flat: flat || attempt.flat, doc: attempt.doc }
      if (attempt.above === undefined) stack.push(tried)
      else
        stack.push(
          { ...tried, indent: indent + 2 },
          { ...tried, flat: false, doc: [attempt.above, nest(hardBreak)] },
        )
    }
  }
  return out.join('').replace(/[ \t]+$/gm, '')
}
