// The plan of a comparison: a grid of cells. A cell is one training: a `try` measures one candidate of a
// method's settings on validation data, and a `seed` trains with the best candidate and is scored on the
// test data. In: methods, tasks, seeds and sizes. Out: the cells, in an order in which one worker never
// waits.

import { UserError } from '../errors/user-error.js'
import type { Scoring } from '../score/evaluation.js'
import type { LongWay } from '../score/fit-prompts.js'
import type { TaskDeclaration } from '../tasks/declaration.js'

/** The value of a recipe's setting. */
export type SettingValue = number | boolean | string

/** Values of settings, by name. */
export type SettingValues = Readonly<Record<string, SettingValue>>

/** A method: a recipe, the settings that make it this method, and the candidates that tuning tries. */
export interface MethodDeclaration {
  /** Lower-case letters, digits and `-`. */
  readonly name: string
  readonly title: string
  /** A module of the standard library, or a path. Without one the method is the model as it is. */
  readonly program?: string
  /** The recipe, if the program has several. */
  readonly recipe?: string
  readonly settings: SettingValues
  readonly tries: readonly SettingValues[]
}

/** Everything that decides a comparison. */
export interface ComparePlan {
  readonly format: 'jola-compare-1'
  readonly model: string
  /** The program that computes the model, if one was chosen. */
  readonly program?: string
  /** The folder that holds the data of tasks. */
  readonly data?: string
  readonly tasks: readonly TaskDeclaration[]
  readonly methods: readonly MethodDeclaration[]
  readonly seeds: readonly number[]
  /** Training examples; more than one size gives a curve. */
  readonly trainSizes: readonly number[]
  readonly validSize: number
  /** The most test examples, the same for all. */
  readonly testSize?: number
  /** Candidates that each method may try. */
  readonly tries: number
  /** Settings of all methods (`epochs=10`) or of one (`jola.penalty=0.4`). */
  readonly set: readonly string[]
  /** How answers are scored, in place of the tasks' own scores. */
  readonly score?: Scoring
  /** The number of beams that search the texts to score; without it texts are written token by token. */
  readonly beams?: number
  /** What is done with prompts that leave no room for their answers when scoring. */
  readonly long?: LongWay
  /** Whether examples that are longer than the context are left out of training. */
  readonly dropLong?: boolean
  /** The method that the others are compared with. */
  readonly against: string
}

/** The seed whose draw tunes; the seeds that are reported begin at 1. */
export const tuningSeed = 0

/** One training of the grid. */
export interface Cell {
  readonly task: TaskDeclaration
  readonly method: MethodDeclaration
  readonly trainSize: number
  /** `try` n is the n-th candidate, from 0; `seed` n is that seed. */
  readonly kind: 'try' | 'seed'
  readonly number: number
}

/** A cell's name, which is also its folder: `trec/jola/200/seed-1`. */
export const cellName = ({ task, method, trainSize, kind, number }: Cell): string =>
  `${task.name}/${method.name}/${trainSize}/${kind}-${number}`

/** The candidates of a method that a plan tries: none where there is nothing to choose. */
export const triesOf = (plan: ComparePlan, method: MethodDeclaration): readonly SettingValues[] =>
  method.program === undefined || plan.tries === 1 ? [] : method.tries.slice(0, plan.tries)

/**
 * The cells of a plan, tries before the seeds that need them. A method that trains nothing has one cell for
 * each task, since neither the seed nor the number of training examples changes it.
 */
export const cellsOf = (plan: ComparePlan): readonly Cell[] =>
  plan.tasks.flatMap(task =>
    plan.methods.flatMap(method =>
      (method.program === undefined ? plan.trainSizes.slice(0, 1) : plan.trainSizes).flatMap(trainSize => {
        const cell = (kind: Cell['kind'], number: number): Cell => ({
          task,
          method,
          trainSize,
          kind,
          number,
        })
        const seeds = method.program === undefined ? plan.seeds.slice(0, 1) : plan.seeds
        return [
          ...triesOf(plan, method).map((_, i) => cell('try', i)),
          ...seeds.map(seed => cell('seed', seed)),
        ]
      }),
    ),
  )

/** The cell of a name. Throws a `UserError` if the plan has none of it. */
export const cellNamed = (plan: ComparePlan, name: string): Cell => {
  const found = cellsOf(plan).find(cell => cellName(cell) === name)
  if (found !== undefined) return found
  throw new UserError({
    what: `the plan has no cell ${name}`,
    why: 'a cell is task/method/size/try-N or task/method/size/seed-N',
    hint: '`jola compare --out DIR --plan` prints the commands of all cells',
    exitCode: 2,
  })
}

/**
 * The settings of a cell as `name=value`: the method's, then those of the command line, then the candidate's.
 */
export const settingsFor = (
  plan: ComparePlan,
  method: MethodDeclaration,
  candidate: SettingValues,
): readonly string[] => {
  const of = (values: SettingValues) => Object.entries(values).map(([name, value]) => `${name}=${value}`)
  const given = plan.set.flatMap(entry => {
    const dot = entry.indexOf('.')
    if (dot < 0 || dot > entry.indexOf('=')) return [entry]
    return entry.slice(0, dot) === method.name ? [entry.slice(dot + 1)] : []
  })
  return [...of(method.settings), ...given, ...of(candidate)]
}

/** Refuses methods that would be tuned by different numbers of candidates. */
export const checkBudgets = (plan: ComparePlan): void => {
  const tuned = plan.methods.filter(m => m.program !== undefined)
  const short = plan.tries === 1 ? [] : tuned.filter(m => m.tries.length < plan.tries)
  if (short.length === 0) return
  throw new UserError({
    what: 'the methods cannot be tuned alike',
    why:
      `${plan.tries} candidates are to be tried of each, and ` +
      short.map(m => `${m.name} has ${m.tries.length}`).join(', '),
    hint: 'give each as many "tries", or ask for fewer by --tries',
    exitCode: 2,
  })
}
