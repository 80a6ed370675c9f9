/**
 * The merges of a SentencePiece vocabulary of byte pairs, first those that are made first. Pieces have scores
 * instead of merges: of all neighbours that together are a piece, those of the highest score are joined. So
 * every way to part a piece into two others is a merge, and its rank is the piece's score. `isPiece`: which
 * tokens text may become.
 */
export const mergesByScore = (
  tokens: readonly string[],
  scores: readonly number[],
  isPiece: (id: number) => boolean,
): readonly (readonly [string, string])[] => {
  const ids = new Map<string, number>()
  for (const [id, token] of tokens.entries()) if (isPiece(id) && !ids.has(token)) ids.set(token, id)
  const order = [...ids].sort(([, a], [, b]) => scores[b]! - scores[a]! || a - b)
  return order.flatMap(([token]) => {
    const characters = [...token]
    const ways: [number, number, readonly [string, string]][] = []
    let left = ''
    for (const character of characters.slice(0, -1)) {
      left += character
      const right = token.slice(left.length)
      const [a, b] = [ids.get(left), ids.get(right)]
      if (a !== undefined && b !== undefined) ways.push([a, b, [left, right]])
    }
    return ways.sort(([a, b], [c, d]) => a - c || b - d).map(([, , pair]) => pair)
  })
}
