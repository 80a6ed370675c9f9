import { resolve } from 'node:path'
import { CheckedModules } from '../../compiler/check/checked-modules.js'
import {
  type ComparePlan,
  checkBudgets,
  type MethodDeclaration,
  settingsFor,
  triesOf,
} from '../compare/plan.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram, programName } from '../folders/load-program.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { tasksNamed } from '../folders/open-task.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { countSetting, settingsOf } from '../recipe/settings.js'
import type { Scoring } from '../score/evaluation.js'
import type { LongWay } from '../score/fit-prompts.js'
import type { TaskDeclaration } from '../tasks/declaration.js'
import { methodsNamed } from './methods.js'

/** What the command line says about a comparison; what it leaves out comes from the folder's plan. */
export interface CompareRequest {
  readonly model?: string
  readonly program?: string
  readonly data?: string
  readonly tasks: readonly string[]
  readonly methods: readonly string[]
  readonly seeds?: number
  readonly trainSizes?: readonly number[]
  readonly validSize?: number
  readonly testSize?: number
  readonly tries?: number
  readonly set: readonly string[]
  readonly score?: Scoring
  readonly beams?: number
  readonly long?: LongWay
  readonly dropLong?: boolean
  readonly against?: string
}

const defaults = { seeds: 5, trainSizes: [200], validSize: 200, tries: 4, against: 'jola' } as const

/** Joins lists by name. Throws a `UserError` where one name has two declarations. */
const joined = <T extends { readonly name: string }>(
  what: string,
  before: readonly T[],
  added: readonly T[],
): readonly T[] => {
  const clash = added.find(a =>
    before.some(b => b.name === a.name && JSON.stringify(b) !== JSON.stringify(a)),
  )
  if (clash !== undefined)
    throw new UserError({
      what: `the ${what} ${clash.name} is not the one that this comparison began with`,
      hint: 'give it another name, or begin a comparison in another --out',
    })
  return [...before, ...added.filter(a => !before.some(b => b.name === a.name))]
}

const without = (seeds: number): readonly number[] => Array.from({ length: seeds }, (_, i) => i + 1)

/** Refuses a change of something that every cell depends on. */
const same = <T>(name: string, before: T | undefined, given: T | undefined): T | undefined => {
  if (before === undefined || given === undefined || JSON.stringify(before) === JSON.stringify(given))
    return given ?? before
  throw new UserError({
    what: `the comparison was begun with --${name} ${String(before)}, not ${String(given)}`,
    why: 'its cells would not be comparable',
    hint: 'leave the option out, or begin a comparison in another --out',
    exitCode: 2,
  })
}

const missing = (option: string, hint: string): UserError =>
  new UserError({ what: `--${option} is missing`, hint, exitCode: 2 })

const checkedSettings = (
  plan: ComparePlan,
  method: MethodDeclaration,
  options: Parameters<typeof loadProgram>[1],
): number => {
  if (method.program === undefined) return 0
  const { program, modules } = loadProgram([method.program], options)
  const recipe = findRecipe(program, modules[0]!, method.recipe)
  const tries = triesOf(plan, method)
  const all = (tries.length === 0 ? [{}] : tries).map(candidate =>
    settingsOf(program, recipe, settingsFor(plan, method, candidate)),
  )
  return Math.max(...all.map(s => countSetting(s, 'epochs', 1) / countSetting(s, 'batch', 8)))
}

/**
 * The most passes over the training examples, divided by the batch, of each method: times the number of
 * examples it is the steps of a training at most. Throws a `UserError` for settings that a recipe lacks.
 */
export const stepsPerExample = async (plan: ComparePlan): Promise<ReadonlyMap<string, number>> => {
  const options = { before: new CheckedModules(), model: await chosenModelProgram(plan) }
  return new Map(plan.methods.map(method => [method.name, checkedSettings(plan, method, options)]))
}

const checkNames = (plan: ComparePlan): void => {
  const own = plan.set.flatMap(entry => /^([a-z0-9-]+)\.[^=]*=/.exec(entry)?.[1] ?? [])
  const unknown = own.find(name => !plan.methods.some(m => m.name === name))
  if (unknown !== undefined)
    throw new UserError({
      what: `--set names the method ${unknown}, which is not compared`,
      hint: `the methods are ${plan.methods.map(m => m.name).join(', ')}`,
      exitCode: 2,
    })
  if (plan.methods.some(m => m.name === plan.against)) return
  throw new UserError({
    what: `the method ${plan.against} is not compared, and the others are to be compared with it`,
    hint: `add it to --methods, or name one of ${plan.methods.map(m => m.name).join(', ')} by --against`,
    exitCode: 2,
  })
}

/**
 * The plan that a request asks for. A comparison that was begun can grow: more tasks, methods, seeds and
 * sizes; whatever changes its cells is refused.
 */
export const makePlan = async (
  request: CompareRequest,
  begun: ComparePlan | undefined,
): Promise<ComparePlan> => {
  const named = async <T>(names: readonly string[], find: (name: string) => Promise<readonly T[]>) =>
    (await Promise.all(names.map(find))).flat()
  const tasks: readonly TaskDeclaration[] = joined(
    'task',
    begun?.tasks ?? [],
    await named(request.tasks, tasksNamed),
  )
  const wanted = request.methods.length === 0 && begun === undefined ? ['all'] : request.methods
  const methods = joined('method', begun?.methods ?? [], await named(wanted, methodsNamed))
  const model = same('model', begun?.model, request.model === undefined ? undefined : resolve(request.model))
  if (model === undefined) throw missing('model', 'name the folder of a model, or a GGUF file')
  if (tasks.length === 0) throw missing('task', 'name one of `jola task list`, or a .json file')
  const program = same(
    'program',
    begun?.program,
    request.program === undefined ? undefined : programName(request.program),
  )
  const data = same('data', begun?.data, request.data === undefined ? undefined : resolve(request.data))
  const optional = {
    ...(program === undefined ? {} : { program }),
    ...(data === undefined ? {} : { data }),
  }
  const testSize = same('test-size', begun?.testSize, request.testSize)
  const score = same('score', begun?.score, request.score)
  const beams = same('beams', begun?.beams, request.beams)
  const long = same('long', begun?.long, request.long)
  const dropLong = same('drop-long', begun?.dropLong, request.dropLong)
  const plan: ComparePlan = {
    format: 'jola-compare-1',
    model,
    ...optional,
    tasks,
    methods,
    seeds: without(Math.max(begun?.seeds.length ?? 0, request.seeds ?? (begun ? 0 : defaults.seeds))),
    trainSizes: [
      ...new Set([
        ...(begun?.trainSizes ?? []),
        ...(request.trainSizes ?? (begun ? [] : defaults.trainSizes)),
      ]),
    ].sort((a, b) => a - b),
    validSize: same('valid-size', begun?.validSize, request.validSize) ?? defaults.validSize,
    ...(testSize === undefined ? {} : { testSize }),
    tries: same('tries', begun?.tries, request.tries) ?? defaults.tries,
    set: same('set', begun?.set, request.set.length === 0 ? undefined : request.set) ?? [],
    ...(score === undefined ? {} : { score }),
    ...(beams === undefined ? {} : { beams }),
    ...(long === undefined ? {} : { long }),
    ...(dropLong === undefined ? {} : { dropLong }),
    against: request.against ?? begun?.against ?? defaults.against,
  }
  checkNames(plan)
  checkBudgets(plan)
  return plan
}
