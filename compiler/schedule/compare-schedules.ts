import type { Schedule } from '../artifact.js'

/** Schedules in the order of their cost, the cheapest first. Equal ones keep their order. */
export const cheapestFirst = <S extends Schedule>(
  schedules: readonly S[],
  cost: (s: S) => number,
): readonly S[] =>
  schedules
    .map(s => ({ s, cost: cost(s) }))
    .sort((a, b) => a.cost - b.cost)
    .map(x => x.s)

/** Whether two schedules are the same data. */
export const sameSchedule = (a: Schedule, b: Schedule): boolean => {
  const entries = (s: Schedule): string =>
    JSON.stringify(Object.entries(s).sort(([x], [y]) => (x < y ? -1 : 1)))
  return entries(a) === entries(b)
}
