import { join } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import type { CoreFn, Program } from '../../../compiler/core/core.js'
import { sizeName } from '../../../compiler/core/size.js'
import { type SizeEquation, showProblem, solveSizes } from '../../../compiler/specialise/solve-sizes.js'
import { UserError } from '../../errors/user-error.js'
import { ConfigReader } from '../../model/config-reader.js'
import { configError, showConfigExpr } from '../../model/config-values.js'
import type { Model } from '../../model/model.js'
import { someOf } from './find.js'

const declaredIn = (program: Program, fn: CoreFn) =>
  program.modules.get(fn.id.slice(0, fn.id.lastIndexOf('.')))?.sizes ?? new Map<string, never>()

/** Equations from `--size`. A size that the module defines, as `H = K * G`, stands for its definition. */
export const givenSizes = (
  program: Program,
  fn: CoreFn,
  given: ReadonlyMap<string, number>,
): readonly SizeEquation[] =>
  [...given].map(([name, value]) => {
    const definition = declaredIn(program, fn).get(name)?.definition
    if (definition === undefined && !fn.sizes.includes(name))
      throw new UserError({
        what: `\`${fn.name}\` has no size ${name}`,
        why: `its sizes are: ${someOf(fn.sizes)}`,
        hint: 'leave out the --size, or correct its name',
        exitCode: 2,
      })
    return { size: definition ?? sizeName(name), value, source: `--size ${name}=${value}` }
  })

/** Equations from config.json for the sizes that the function's own module declares. */
export const ownSizes = (program: Program, fn: CoreFn, model: Model): readonly SizeEquation[] => {
  const reader = new ConfigReader(model.config, model.allowed)
  const equations = [...declaredIn(program, fn).values()].flatMap(d => {
    if (d.from === undefined) return []
    const value = reader.value(d.from, 'size')
    if (typeof value !== 'number') return []
    const size = d.definition ?? sizeName(d.name)
    return [{ size, value, source: `${showConfigExpr(d.from)} in config.json` }]
  })
  if (reader.problems.length > 0) throw configError(reader.problems, join(model.directory, 'config.json'))
  return equations
}

/** Small numbers, different from each other so that exchanged axes do not go unnoticed. */
const smallSizes: Readonly<Record<string, number>> = { B: 2, T: 12, L: 2, V: 11 }
const others = [3, 4, 5, 6, 7, 8]

/** Sizes that satisfy the equations, and the unknown ones that were chosen. */
export interface SolvedSizes {
  readonly sizes: ReadonlyMap<string, number>
  readonly chosen: ReadonlyMap<string, number>
  /** In words: conflicts, and unknown sizes. */
  readonly conflicts: readonly string[]
  readonly unknown: readonly string[]
}

/** Solves for a function's sizes; with `choose`, unknown sizes get small numbers. */
export const solvedSizes = (fn: CoreFn, equations: readonly SizeEquation[], choose: boolean): SolvedSizes => {
  const chosen = new Map<string, number>()
  for (;;) {
    const extra = [...chosen].map(([n, value]) => ({
      size: sizeName(n),
      value,
      source: `${n}=${value}, chosen for want of another`,
    }))
    const solved = solveSizes(fn.sizes, [...equations, ...extra])
    if (Either.isRight(solved)) return { sizes: solved.right, chosen, conflicts: [], unknown: [] }
    const problems = solved.left
    const conflicts = problems.filter(p => p.kind === 'conflict').map(showProblem)
    const unknown = problems.flatMap(p => (p.kind === 'unknown' ? [p.name] : []))
    const next = unknown[0]
    if (!choose || conflicts.length > 0 || next === undefined)
      return { sizes: new Map(), chosen, conflicts, unknown }
    chosen.set(next, smallSizes[next] ?? others[chosen.size % others.length]!)
  }
}
