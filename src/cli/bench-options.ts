import type { Precision } from '../../compiler/artifact.js'
import { llamaConfig, stories15M } from '../bench/random-model.js'
import { jola, type StepPlan } from '../bench/recipe-step.js'
import { UserError } from '../errors/user-error.js'
import { readConfig } from '../folders/open-model.js'
import type { WeightFormat } from '../model/weight-format.js'

export const sections = [
  'kernels',
  'step',
  'decode',
  'compile',
  'growth',
  'masks',
  'peers',
  'data',
  'schedules',
] as const
export type Section = (typeof sections)[number]

/** The section to measure, or all. */
export type What = Section | 'all'

export interface BenchOptions {
  readonly json?: string
  readonly markdown?: true
  readonly plot?: string
  readonly filter?: string
  readonly runs: number
  readonly precision?: Precision
  readonly weights?: WeightFormat
  readonly profile?: string | true
  readonly recipe?: string
  readonly set: readonly string[]
  readonly model?: string
  readonly allow?: readonly string[]
  readonly shape?: string
  readonly batch?: number
  readonly context?: number
  readonly answers?: number
  readonly install?: true
  readonly tune?: number
  readonly seed: number
  readonly count: number
}

/** A usage error: the mistake, the reason and the remedy. */
export const usage = (what: string, why: string, hint: string): UserError =>
  new UserError({ what, why, hint, exitCode: 2 })

/** The sections in which an option has an effect, if not in all. */
const effects: Partial<Record<keyof BenchOptions, readonly Section[]>> = {
  profile: ['step'],
  recipe: ['step'],
  set: ['step'],
  model: ['step'],
  allow: ['step'],
  shape: ['step'],
  batch: ['step'],
  context: ['step'],
  answers: ['step'],
  weights: ['step'],
  plot: ['growth'],
  install: ['peers'],
  tune: ['kernels', 'step', 'decode', 'growth', 'peers', 'data'],
}

/** Throws a `UserError` if an option has no effect on the chosen section. */
export const checkEffects = (what: What, options: BenchOptions): void => {
  if (what === 'all') return
  for (const [option, where] of Object.entries(effects)) {
    const value = options[option as keyof BenchOptions]
    const given = Array.isArray(value) ? value.length > 0 : value !== undefined
    if (!given || where.includes(what)) continue
    throw usage(
      `--${option} is for ${where.join(', ')}`,
      `it has no effect on ${what}`,
      `leave it out, or write \`jola bench ${where[0]} --${option} …\``,
    )
  }
}

/** The step that options describe; undefined if they describe none, and the usual steps are measured. */
export const describedStep = async (o: BenchOptions): Promise<StepPlan | undefined> => {
  const { model, shape, batch, context, answers, recipe } = o
  const file = typeof o.profile === 'string' ? o.profile : undefined
  const given = [file, model, shape, batch, context, answers, recipe]
  if (given.every(x => x === undefined) && o.set.length === 0) return undefined
  if (model !== undefined && shape !== undefined)
    throw usage('--model and --shape contradict each other', 'both say the sizes', 'give one of them')
  const [B, T] = [batch ?? 8, context ?? 64]
  const A = answers ?? T
  if (A > T)
    throw usage(
      `answers of ${A} tokens do not fit`,
      `an example has ${T}`,
      'give --answers at most --context',
    )
  const of = model ?? shape ?? 'stories15M'
  return {
    name: `${file ?? jola.file} on ${of}, ${B}×${T} tokens${A < T ? `, answers of ${A}` : ''}`,
    recipe: { file: file ?? jola.file, ...(recipe === undefined ? {} : { name: recipe }), set: o.set },
    model: model ?? (of === 'stories15M' ? llamaConfig(stories15M) : await readConfig(of)),
    shape: { B, T, A, everywhere: A === T },
    ...(o.allow === undefined ? {} : { allow: o.allow }),
  }
}

/** The command as the user could type it again. */
export const commandOf = (what: What, o: BenchOptions): string =>
  [
    `jola bench ${what} --runs ${o.runs}`,
    ...(o.filter === undefined ? [] : [`--filter '${o.filter}'`]),
    ...(o.profile === undefined ? [] : [o.profile === true ? '--profile' : `--profile ${o.profile}`]),
    ...(
      ['recipe', 'model', 'shape', 'batch', 'context', 'answers', 'weights', 'precision', 'tune'] as const
    ).flatMap(name => (o[name] === undefined ? [] : [`--${name} ${o[name]}`])),
    ...(o.allow ?? []).map(name => `--allow ${name}`),
    ...o.set.map(s => `--set ${s}`),
    ...(what === 'schedules' ? [`--seed ${o.seed} --count ${o.count}`] : []),
  ].join(' ')
