import { UserError } from '../errors.js'
import type { RunDescription } from '../train/run-folder.js'

const shared = {
  recipe: 'recipes',
  programHash: 'programs',
  model: 'models',
  dataDigest: 'data',
  settings: 'settings',
} as const

/** Refuses runs that differ in more than their seeds, or of which two have one seed: a mean of their scores says nothing. */
export const checkAlike = (runs: readonly (RunDescription & { readonly path: string })[]): void => {
  const [first, ...others] = runs
  if (first === undefined) return
  const text = (run: RunDescription, key: keyof typeof shared): string => JSON.stringify(run[key])
  const refuse = (paths: readonly string[], why: string): never => {
    throw new UserError({
      what: 'the runs of one report differ in their seeds, and in nothing else',
      where: paths.join(', '),
      why,
      hint: 'make a report of each',
      exitCode: 2,
    })
  }
  for (const other of others) {
    const key = (Object.keys(shared) as (keyof typeof shared)[]).find(k => text(other, k) !== text(first, k))
    if (key !== undefined) refuse([first.path, other.path], `their ${shared[key]} differ`)
    const twin = runs.find(run => run !== other && run.seed === other.seed)
    if (twin !== undefined) refuse([twin.path, other.path], `both have the seed ${other.seed}`)
  }
}
