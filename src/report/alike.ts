import { UserError } from '../errors/user-error.js'
import { begunSettings } from '../recipe/driver-settings.js'
import { formatOf, precisionOf, type RunDescription } from '../train/run-record.js'

/** The properties that runs with different seeds must share, by their names in the plural. */
const shared: Readonly<Record<string, (run: RunDescription) => unknown>> = {
  recipes: run => run.recipe,
  programs: run => run.programHash,
  models: run => run.model,
  'formats of weights': formatOf,
  precisions: precisionOf,
  data: run => run.dataDigest,
  settings: run => begunSettings(run.settings),
  sizes: run => run.sizes,
}

/**
 * Refuses runs that differ in more than their seeds, or of which two have the same seed: a mean of their
 * scores would be meaningless.
 */
export const checkAlike = (runs: readonly (RunDescription & { readonly path: string })[]): void => {
  const [first, ...others] = runs
  if (first === undefined) return
  const refuse = (paths: readonly string[], why: string): never => {
    throw new UserError({
      what: 'these runs make no one report',
      where: paths.join(', '),
      why: `${why}: the runs of a report differ in their seeds, and in nothing else`,
      hint: 'make a report of each',
      exitCode: 2,
    })
  }
  for (const other of others) {
    const differing = Object.entries(shared).find(
      ([, of]) => JSON.stringify(of(other)) !== JSON.stringify(of(first)),
    )
    if (differing !== undefined) refuse([first.path, other.path], `their ${differing[0]} differ`)
    const twin = runs.find(run => run !== other && run.seed === other.seed)
    if (twin !== undefined) refuse([twin.path, other.path], `both have the seed ${other.seed}`)
  }
}
