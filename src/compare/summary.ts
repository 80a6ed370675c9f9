// From the results of cells to what is reported: means and deviations over seeds, differences against one
// method, paired by seed, and where gates stand. In: a plan and the results that there are. Out: a Summary,
// which the table, the JSON file and the page show.

import { mean, standardDeviation } from '../score/scores.js'
import type { Metric, TaskDeclaration } from '../tasks/declaration.js'
import { type CellResult, scoreOf } from './cell-result.js'
import { type GateSummary, gateSummary } from './gate-summary.js'
import {
  type Cell,
  type ComparePlan,
  cellName,
  cellsOf,
  type MethodDeclaration,
  type SettingValues,
  triesOf,
} from './plan.js'
import { type Interval, intervalOf } from './statistics.js'

/** A candidate that was tried, and its validation loss; none if its training diverged. */
export interface TriedSettings {
  readonly settings: SettingValues
  readonly loss?: number
  readonly chosen: boolean
}

/** The score of a seed. */
export interface SeedValue {
  readonly seed: number
  readonly value: number
}

/** A method on a task, with one number of training examples. */
export interface MethodSummary {
  readonly method: string
  readonly title: string
  /** The scores by seed. */
  readonly scores: readonly SeedValue[]
  readonly mean: number
  readonly deviation: number
  /** The difference to the method that all are compared with, paired by seed. */
  readonly difference?: Interval
  readonly trained: number
  readonly active?: number
  /** Means over seeds. */
  readonly seconds?: number
  readonly cpuSeconds?: number
  readonly steps?: number
  readonly deviceBytes?: number
  readonly adapterBytes: number
  readonly tries: readonly TriedSettings[]
  readonly gates: readonly GateSummary[]
}

/** All methods on a task, or the mean over the tasks of a family. */
export interface TaskSummary {
  readonly task: string
  readonly title: string
  readonly metric: Metric
  readonly trainSize: number
  /** The accuracy of always giving the most frequent answer. */
  readonly majority?: number
  readonly methods: readonly MethodSummary[]
}

/** A comparison as far as it has come. */
export interface Summary {
  readonly plan: ComparePlan
  readonly cells: number
  readonly done: number
  readonly tasks: readonly TaskSummary[]
  /** Means over the tasks of a family that all methods have finished. */
  readonly families: readonly TaskSummary[]
  /** Devices and programs of the cells, where they are more than one. */
  readonly remarks: readonly string[]
}

/** Results by the names of cells. */
export type CellResults = ReadonlyMap<string, CellResult>

/** The results of one method on one task. */
interface Found {
  readonly method: MethodDeclaration
  readonly seeds: readonly { readonly seed: number; readonly result: CellResult }[]
  readonly tries: readonly { readonly settings: SettingValues; readonly result: CellResult }[]
}

const triedOf = ({ tries }: Found): readonly TriedSettings[] => {
  const losses = tries.map(t => t.result.trained?.loss ?? Number.POSITIVE_INFINITY)
  const best = losses.indexOf(Math.min(...losses))
  return tries.map(({ settings, result: { trained } }, i) => ({
    settings,
    ...(trained === undefined ? {} : { loss: trained.loss }),
    chosen: i === best && trained !== undefined,
  }))
}

const difference = (
  own: readonly SeedValue[],
  other: readonly SeedValue[] | undefined,
): Interval | undefined => {
  const by = new Map(other?.map(s => [s.seed, s.value]))
  return intervalOf(own.flatMap(s => (by.has(s.seed) ? [s.value - by.get(s.seed)!] : [])))
}

const optional = <K extends string, T>(name: K, value: T | undefined): { readonly [P in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: T }

/** Numbers of trainings, or of methods on several tasks, that are averaged. */
type Costs = Pick<MethodSummary, 'active' | 'seconds' | 'cpuSeconds' | 'steps' | 'deviceBytes'>

const costNames = ['active', 'seconds', 'cpuSeconds', 'steps', 'deviceBytes'] as const

/** The mean of each cost over those that have it. */
const meanCosts = (of: readonly Costs[]): Costs =>
  Object.fromEntries(
    costNames.flatMap(name => {
      const values = of.flatMap(costs => costs[name] ?? [])
      return values.length === 0 ? [] : [[name, mean(values)]]
    }),
  )

/** Scores by seed, with what they say, also against those of another method. */
const summed = (
  { name, title }: MethodDeclaration,
  scores: readonly SeedValue[],
  against: readonly SeedValue[] | undefined,
): Pick<MethodSummary, 'method' | 'title' | 'scores' | 'mean' | 'deviation' | 'difference'> => {
  const values = scores.map(s => s.value)
  return {
    method: name,
    title,
    scores,
    mean: mean(values),
    deviation: standardDeviation(values),
    ...optional('difference', difference(scores, against)),
  }
}

const methodSummary = (
  found: Found,
  metric: Metric,
  against: readonly SeedValue[] | undefined,
): MethodSummary => {
  const scores = found.seeds.map(({ seed, result }) => ({ seed, value: scoreOf(result.scored!, metric) }))
  const trained = found.seeds.flatMap(({ result }) => result.trained ?? [])
  const gated = trained.filter(t => t.gates !== undefined)
  const kinds = (['scale', 'offset'] as const).filter(
    kind => gated.length > 0 && gated.every(t => t.gates![kind].length > 0),
  )
  return {
    ...summed(found.method, scores, against),
    trained: trained[0]?.trained ?? 0,
    ...meanCosts(trained),
    adapterBytes: mean(found.seeds.map(({ result }) => result.scored!.adapterBytes)),
    tries: triedOf(found),
    gates: kinds.map(kind =>
      gateSummary(
        kind,
        gated.map(t => t.gates!),
        gated.map(t => t.gatesBefore),
      ),
    ),
  }
}

const taskSummary = (
  plan: ComparePlan,
  results: CellResults,
  task: TaskDeclaration,
  trainSize: number,
): TaskSummary => {
  const cells = cellsOf(plan).filter(
    c => c.task === task && (c.trainSize === trainSize || c.method.program === undefined),
  )
  const get = (cell: Cell): CellResult | undefined => results.get(cellName(cell))
  const found = plan.methods.flatMap((method): readonly Found[] => {
    const own = cells.filter(c => c.method === method)
    const done = own
      .filter(c => c.kind === 'seed')
      .flatMap(c => {
        const result = get(c)
        return result?.scored === undefined ? [] : [{ seed: c.number, result }]
      })
    const first = done[0]
    if (first === undefined) return []
    const triesFound = own.flatMap(c => {
      const result = c.kind === 'try' ? get(c) : undefined
      return result === undefined ? [] : [{ settings: triesOf(plan, method)[c.number]!, result }]
    })
    // The model as it is has the same score for every seed.
    const seeds =
      method.program === undefined ? plan.seeds.map(seed => ({ seed, result: first.result })) : done
    return [{ method, seeds, tries: triesFound }]
  })
  const reference = found
    .find(f => f.method.name === plan.against)
    ?.seeds.map(({ seed, result }) => ({ seed, value: scoreOf(result.scored!, task.metric) }))
  return {
    task: task.name,
    title: task.title,
    metric: task.metric,
    trainSize,
    ...optional('majority', found[0]?.seeds[0]?.result.scored?.majority),
    methods: found.map(f =>
      methodSummary(f, task.metric, f.method.name === plan.against ? undefined : reference),
    ),
  }
}

/** Means over tasks: the scores of a seed are averaged first, so that seeds stay paired. */
const familySummary = (
  plan: ComparePlan,
  family: string,
  tasks: readonly TaskSummary[],
): TaskSummary | undefined => {
  const { metric, trainSize } = tasks[0]!
  const whole = (m: MethodDeclaration) =>
    tasks.map(t => t.methods.find(x => x.method === m.name && x.scores.length === plan.seeds.length))
  const scoresOf = (parts: readonly MethodSummary[]) =>
    plan.seeds.map(seed => ({
      seed,
      value: mean(parts.map(p => p.scores.find(s => s.seed === seed)!.value)),
    }))
  const complete = plan.methods.flatMap(m => {
    const parts = whole(m)
    return parts.every(p => p !== undefined) ? [{ m, parts }] : []
  })
  if (complete.length === 0) return undefined
  const reference = complete.find(({ m }) => m.name === plan.against)
  return {
    task: family,
    title: `mean over ${tasks.length} tasks`,
    metric,
    trainSize,
    methods: complete.map(({ m, parts }) => ({
      ...summed(m, scoresOf(parts), m === reference?.m ? undefined : reference && scoresOf(reference.parts)),
      trained: parts[0]!.trained,
      ...meanCosts(parts),
      adapterBytes: mean(parts.map(p => p.adapterBytes)),
      tries: [],
      gates: [],
    })),
  }
}

/** What is not computed yet: methods without a seed, and those with some of their seeds. */
const missingIn = (results: CellResults, plan: ComparePlan): readonly string[] => {
  const seeds = cellsOf(plan).filter(cell => cell.kind === 'seed')
  const counts = plan.methods.map(({ title, name }) => {
    const own = seeds.filter(cell => cell.method.name === name)
    return { title, all: own.length, done: own.filter(cell => results.has(cellName(cell))).length }
  })
  const none = counts.filter(c => c.done === 0)
  const some = counts.filter(c => c.done > 0 && c.done < c.all)
  return [
    ...some.map(c => `${c.title}: ${c.done} of ${c.all} trainings so far`),
    ...(none.length === 0 ? [] : [`not computed yet: ${none.map(c => c.title).join(', ')}`]),
  ]
}

const remarksOn = (results: CellResults, plan: ComparePlan): readonly string[] => {
  const trained = [...results.values()].flatMap(r => r.trained ?? [])
  const devices = [...new Set(trained.map(t => t.device))]
  const changed = plan.methods.filter(m => {
    const own = [...results.values()].filter(r => r.cell.includes(`/${m.name}/`))
    return new Set(own.flatMap(r => r.trained?.programHash ?? [])).size > 1
  })
  const diverged = [...results.values()].filter(r => r.diverged !== undefined && !r.cell.includes('/try-'))
  return [
    ...missingIn(results, plan),
    ...diverged.map(r => `${r.cell} diverged, and is in no mean: ${r.diverged}`),
    ...(devices.length > 1 ? [`cells ran on several devices: ${devices.join('; ')}`] : []),
    ...(changed.length > 0
      ? [`the program changed between cells of ${changed.map(m => m.name).join(', ')}`]
      : []),
  ]
}

/** Sums up the results of a plan, as far as there are any. */
export const summarise = (plan: ComparePlan, results: CellResults): Summary => {
  const tasks = plan.tasks.flatMap(task =>
    plan.trainSizes.map(trainSize => taskSummary(plan, results, task, trainSize)),
  )
  const families = [...new Set(plan.tasks.flatMap(t => t.family ?? []))].flatMap(family =>
    plan.trainSizes.flatMap(trainSize => {
      const names = new Set(plan.tasks.filter(t => t.family === family).map(t => t.name))
      const own = tasks.filter(t => names.has(t.task) && t.trainSize === trainSize)
      if (own.length < 2 || new Set(own.map(t => t.metric)).size > 1) return []
      return familySummary(plan, family, own) ?? []
    }),
  )
  const cells = cellsOf(plan)
  return {
    plan,
    cells: cells.length,
    done: cells.filter(c => results.has(cellName(c))).length,
    tasks: tasks.filter(t => t.methods.length > 0),
    families,
    remarks: remarksOn(results, plan),
  }
}
