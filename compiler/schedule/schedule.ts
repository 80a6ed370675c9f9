import type { Schedule } from '../artifact.js'
import type { EmittedKernel } from '../wgsl/kernel.js'

/** A kernel whose schedule is still open. */
export interface Choice {
  /**
   * What of the kernel decides how fast a schedule is, whatever its family: roles, extents, how operands lie, what is computed
   * before and after. Kernels of one signature take one schedule.
   */
  readonly signature: string
  /** Every schedule that makes sense on the device, the cost model's favourite first; never empty. */
  readonly candidates: readonly Schedule[]
  /** The kernel by one of the candidates, and by nothing else: each family knows its own. */
  emit(schedule: Schedule): EmittedKernel
}

/** What measuring found: schedules by signature. */
export type Tuning = ReadonlyMap<string, Schedule>

/** Schedules by a cost model, the cheapest first; of equals the earlier. */
export const bestFirst = <S extends Schedule>(
  schedules: readonly S[],
  cost: (s: S) => number,
): readonly S[] =>
  schedules
    .map(s => ({ s, cost: cost(s) }))
    .sort((a, b) => a.cost - b.cost)
    .map(x => x.s)

/** Are two schedules the same data? */
export const sameSchedule = (a: Schedule, b: Schedule): boolean => {
  const entries = (s: Schedule): string =>
    JSON.stringify(Object.entries(s).sort(([x], [y]) => (x < y ? -1 : 1)))
  return entries(a) === entries(b)
}

/** The schedule that measuring found for a kernel, if it is among the kernel's candidates. */
export const tunedOf = (
  { signature, candidates }: Pick<Choice, 'signature' | 'candidates'>,
  tuning: Tuning | undefined,
): Schedule | undefined => {
  const tuned = tuning?.get(signature)
  return tuned && candidates.find(c => sameSchedule(c, tuned))
}

/** The kernel by its tuned schedule, if there is one, else by the first of its candidates. */
export const settled = (choice: Choice, tuning: Tuning | undefined): EmittedKernel => {
  const { signature, candidates } = choice
  const schedule = tunedOf(choice, tuning) ?? candidates[0]!
  const kernel = choice.emit(schedule)
  return { ...kernel, decl: { ...kernel.decl, chosen: { signature, schedule, candidates } } }
}
