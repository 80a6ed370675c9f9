import { evaluateOnState, type StateSource } from '../recipe/state-method.js'
import type { Fact, GateGrid, ReportData } from './report-data.js'

/**
 * How far each head's edits are open: the result of the recipe's method `gates` on a state, if it has one. A
 * kind of edit that the state does not have has an empty grid.
 */
export const gatesOf = async (source: StateSource): Promise<ReportData['gates']> => {
  const outputs = await evaluateOnState(source, 'gates')
  const grid = (name: string): GateGrid | undefined => {
    const output = outputs?.get(name)
    if (output === undefined) return undefined
    const [layers, heads] = output.shape as [number, number]
    const values = Array.from(output.values)
    return Array.from({ length: layers }, (_, l) => values.slice(l * heads, (l + 1) * heads))
  }
  const [scale, offset] = [grid('scale'), grid('offset')]
  return scale === undefined && offset === undefined
    ? undefined
    : { scale: scale ?? [], offset: offset ?? [] }
}

/** The number of gates of each kind that are exactly closed. */
export const closedFacts = (gates: NonNullable<ReportData['gates']>): readonly Fact[] => {
  const share = (grid: GateGrid): string => {
    const all = grid.flat()
    const closed = all.filter(g => g === 0).length
    return `${closed} of ${all.length} (${((100 * closed) / all.length).toFixed(0)} %)`
  }
  return [
    { name: 'Scalings closed exactly', grid: gates.scale },
    { name: 'Offsets closed exactly', grid: gates.offset },
  ].flatMap(({ name, grid }) => (grid.length === 0 ? [] : [{ name, value: share(grid) }]))
}
