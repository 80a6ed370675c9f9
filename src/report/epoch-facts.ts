import { type EpochCounts, sharesOf } from '../data/epoch-counts.js'
import type { Fact } from './report-data.js'

/** The tokens and the padding of a run's first epoch. */
export const epochFacts = (counts: EpochCounts): readonly Fact[] => {
  const shares = sharesOf(counts)
  const { tokens, padding, positions, emptyRows } = counts
  const number = (n: number): string => n.toLocaleString('en')
  const of = (n: number, share: number): string => `${number(n)} (${(100 * share).toFixed(1)} %)`
  return [
    { name: 'Tokens in an epoch', value: of(tokens, shares.tokens) },
    { name: 'Padding in an epoch', value: of(padding, shares.padding) },
    { name: 'Positions in an epoch', value: number(positions) },
    ...(emptyRows === 0 ? [] : [{ name: 'Empty rows in the last batch', value: number(emptyRows) }]),
  ]
}
