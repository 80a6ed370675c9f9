import type { IToken } from 'chevrotain'
import type { Source } from '../diagnostics/source.js'
import { ImportKeyword, startsLine } from './tokens.js'

/** The documentation of what stands from one token to another, if no part of it has claimed it before. */
export type Claim = (first: IToken, last: IToken) => string | undefined

export interface Docs {
  /**
   * The comment that heads the file: above the imports, or with a blank line between it and the first
   * declaration.
   */
  readonly module: string | undefined
  readonly claim: Claim
}

const textOf = (comment: IToken): string => comment.image.slice(3).replace(/^ /, '').trimEnd()

/** The index of the first token that begins after the comment. */
const followerOf = (tokens: readonly IToken[], comment: IToken): number => {
  let [low, high] = [0, tokens.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (tokens[middle]!.startOffset < comment.startOffset) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Attaches doc comments by their places. A block of lines of its own belongs to the declaration that begins
 * after it; a comment at the end of a line belongs to the innermost declaration, field or setting that begins
 * on that line or ends just before the comment.
 */
export const attachDocs = (source: Source, tokens: readonly IToken[], comments: readonly IToken[]): Docs => {
  const leading = new Map<IToken | undefined, IToken[][]>()
  const trailing = new Map<number, { comment: IToken; previous: IToken }>()
  for (const comment of comments) {
    const at = followerOf(tokens, comment)
    if (!startsLine(source.text, comment)) {
      trailing.set(comment.startLine!, { comment, previous: tokens[at - 1]! })
      continue
    }
    const blocks = leading.get(tokens[at]) ?? []
    const block = blocks.at(-1)
    if (block && block.at(-1)!.startLine === comment.startLine! - 1) block.push(comment)
    else blocks.push([comment])
    leading.set(tokens[at], blocks)
  }

  const blocks = leading.get(tokens[0]) ?? []
  const head = blocks[0]
  const next = blocks[1]?.[0]?.startLine ?? tokens[0]?.startLine
  const heads = head && (tokens[0]?.tokenType === ImportKeyword || next !== head.at(-1)!.startLine! + 1)
  if (heads) leading.set(tokens[0], blocks.slice(1))

  const claim: Claim = (first, last) => {
    const lines = (leading.get(first)?.at(-1) ?? []).map(textOf)
    leading.delete(first)
    for (const line of new Set([first.startLine!, last.endLine!])) {
      const found = trailing.get(line)
      if (!found) continue
      const { previous } = found
      const inside = previous.startOffset >= first.startOffset && previous.startOffset <= last.startOffset
      if (inside && (line === first.startLine || previous === last)) {
        lines.push(textOf(found.comment))
        trailing.delete(line)
      }
    }
    return lines.length === 0 ? undefined : lines.join('\n')
  }
  return { module: heads ? head.map(textOf).join('\n') : undefined, claim }
}
