import { mean } from '../score/scores.js'
import type { HeadGates } from './cell-result.js'
import { meanAgreement } from './statistics.js'

/** The gates of a method over seeds: [layers][heads] each. */
export interface GateSummary {
  readonly kind: 'scale' | 'offset'
  /** The mean over seeds of how far a gate is open. */
  readonly open: readonly (readonly number[])[]
  /** The mean over seeds of how far it has moved from where it began; absent if that was not kept. */
  readonly moved?: readonly (readonly number[])[]
  /** The share of seeds in which it is exactly closed. */
  readonly closed: readonly (readonly number[])[]
  /** How far the sets of closed gates agree over seeds: the mean Jaccard index of all pairs. */
  readonly agreement?: number
  /** That index for sets of these sizes drawn at random, in the mean. */
  readonly agreementByChance?: number
}

type Grid = readonly (readonly number[])[]

const meanGrid = (grids: readonly Grid[]): Grid =>
  grids[0]!.map((row, l) => row.map((_, h) => mean(grids.map(grid => grid[l]![h]!))))

const mapGrid = (grid: Grid, f: (value: number, l: number, h: number) => number): Grid =>
  grid.map((row, l) => row.map((value, h) => f(value, l, h)))

const closedSet = (grid: Grid): ReadonlySet<number> =>
  new Set(grid.flat().flatMap((value, i) => (value === 0 ? [i] : [])))

/**
 * The Jaccard index that two random subsets of a and b elements out of n have when their common part is as
 * large as is expected, ab/n.
 */
const chanceAgreement = (sizes: readonly number[], n: number): number | undefined => {
  const pairs = sizes.flatMap((a, i) => sizes.slice(i + 1).map(b => [a, b] as const))
  if (pairs.length === 0) return undefined
  return mean(pairs.map(([a, b]) => (a + b === 0 ? 1 : (a * b) / n / (a + b - (a * b) / n))))
}

/** How one kind of gates stands over seeds: their settled values, and those that they began with. */
export const gateSummary = (
  kind: GateSummary['kind'],
  after: readonly HeadGates[],
  before: readonly (HeadGates | undefined)[],
): GateSummary => {
  const grids = after.map(g => g[kind])
  const sets = grids.map(closedSet)
  const from = before.flatMap(g => (g === undefined ? [] : [g[kind]]))
  const agreement = meanAgreement(sets)
  const byChance = chanceAgreement(
    sets.map(s => s.size),
    grids[0]!.flat().length,
  )
  return {
    kind,
    open: meanGrid(grids),
    ...(from.length < grids.length
      ? {}
      : { moved: meanGrid(grids.map((g, i) => mapGrid(g, (v, l, h) => Math.abs(v - from[i]![l]![h]!)))) }),
    closed: meanGrid(grids.map(g => mapGrid(g, v => (v === 0 ? 1 : 0)))),
    ...(agreement === undefined || sets.every(s => s.size === 0)
      ? {}
      : { agreement, agreementByChance: byChance! }),
  }
}
