/**
 * What the batches of an epoch hold, counted in positions: a step computes `rows × length` of them, and twice
 * as many where batches are paired.
 */
export interface EpochCounts {
  readonly batches: number
  readonly positions: number
  /** The positions that hold a token which the model reads. */
  readonly tokens: number
  /** The positions that hold none, those of empty rows among them. */
  readonly padding: number
  /** Rows that hold no example, and only fill the last batch. */
  readonly emptyRows: number
}

/** The positions of a batch, and the tokens and rows of data in it. */
export interface BatchCounts {
  readonly positions: number
  readonly tokens: number
  readonly emptyRows: number
}

export const epochCounts = (batches: readonly BatchCounts[]): EpochCounts => {
  const total = (of: (b: BatchCounts) => number): number => batches.reduce((n, b) => n + of(b), 0)
  const [positions, tokens] = [total(b => b.positions), total(b => b.tokens)]
  return {
    batches: batches.length,
    positions,
    tokens,
    padding: positions - tokens,
    emptyRows: total(b => b.emptyRows),
  }
}

/** The shares of tokens and of padding in the positions, each in [0, 1]; 0 where there are no positions. */
export const sharesOf = ({ positions, tokens, padding }: EpochCounts) => {
  const share = (n: number): number => (positions === 0 ? 0 : n / positions)
  return { tokens: share(tokens), padding: share(padding) }
}

const whole = (n: number): string => n.toLocaleString('en')

const percents = (share: number): string => `${(100 * share).toFixed(1)} %`

/** The counts in words, such as `120 tokens and 8 positions of padding (93.8 % and 6.3 %) in 2 batches`. */
export const epochInWords = (counts: EpochCounts): string => {
  const { tokens, padding } = sharesOf(counts)
  const { emptyRows, batches } = counts
  const empty =
    emptyRows === 0
      ? ''
      : `, where ${emptyRows} empty ${emptyRows === 1 ? 'row fills' : 'rows fill'} the last`
  return (
    `${whole(counts.tokens)} tokens and ${whole(counts.padding)} positions of padding ` +
    `(${percents(tokens)} and ${percents(padding)}) in ${whole(batches)} ` +
    `${batches === 1 ? 'batch' : 'batches'}${empty}`
  )
}

/** The counts and shares by the names that they have in JSON. */
export const epochAsJson = (counts: EpochCounts) => {
  const shares = sharesOf(counts)
  return {
    batches: counts.batches,
    positions: counts.positions,
    tokens: counts.tokens,
    token_share: shares.tokens,
    padding: counts.padding,
    padding_share: shares.padding,
    empty_rows: counts.emptyRows,
  }
}
