import { basename, join, resolve } from 'node:path'
import type { Device } from '../../runtime/index.js'
import { batchSizes } from '../data/batch.js'
import { loadProgram } from '../folders/load-program.js'
import { openChat } from '../folders/open-chat.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { openDataFolder } from '../folders/open-data.js'
import { begunSettings } from '../recipe/driver-settings.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { checkAlike } from '../report/alike.js'
import { compareRuns } from '../report/comparison.js'
import { epochFacts } from '../report/epoch-facts.js'
import { closedFacts, gatesOf } from '../report/gates.js'
import type { CurvePoint, Fact, ReportData } from '../report/report-data.js'
import type { LongWay } from '../score/fit-prompts.js'
import type { EpochRecord, History, RunDescription } from '../train/run-record.js'
import { openRun, openRunBase } from './open-run.js'
import { adapterFiles, isAdapted, RunFolder } from './run-folder.js'
import { unfinishedAt } from './unfinished.js'

export interface ReportRequest {
  /** The page's heading; by default the recipe and the data's folder. */
  readonly title?: string
  /** The data to score on; the run's own by default. */
  readonly data?: string
  readonly samples: number
  /** The treatment of prompts that leave no room for their answers; refused by default. */
  readonly long?: LongWay
  readonly limit?: number
  /** Scores runs even if their base model or program has changed since training. */
  readonly force?: boolean
  /** Receives once the forced differences between a run's training and now. */
  readonly forced?: (reasons: readonly string[]) => void
  /**
   * Receives the name of the present work, and the numbers of scored and of all examples; each example counts
   * once for each model.
   */
  readonly progress: (label: string, done: number, total: number) => void
}

const curve = (history: History, metric: string): readonly CurvePoint[] =>
  history.steps.flatMap(r => (r[metric] === undefined ? [] : [{ step: r.step, value: r[metric]! }]))

const facts = (entries: readonly (readonly [string, unknown])[]): readonly Fact[] =>
  entries.map(([name, value]) => ({ name, value: `${value}` }))

const curvesOf = (history: History): ReportData['curves'] => {
  const best = history.epochs.reduce<EpochRecord | undefined>(
    (b, e) => (b === undefined || e.loss < b.loss ? e : b),
    undefined,
  )
  return {
    train: curve(history, 'loss'),
    valid: history.epochs.map(e => ({ step: e.step, value: e.loss })),
    openScale: curve(history, 'open_scale'),
    openOffset: curve(history, 'open_offset'),
    ...(best === undefined ? {} : { bestStep: best.step }),
  }
}

const commandOf = (run: RunDescription): string => {
  const settings = Object.entries(begunSettings(run.settings)).map(([k, v]) => ` --set ${k}=${v}`)
  return (
    `jola train ${run.program} --model ${run.model} --data ${run.data} --out RUN --seed ` +
    `${run.seed}${settings.join('')}`
  )
}

/** The gates of a run's adapter, where its recipe has a method `gates`. */
const adapterGates = async (directory: string, run: RunDescription): Promise<ReportData['gates']> => {
  const { program, modules } = loadProgram([run.program], { model: run.modelProgram })
  const recipe = findRecipe(program, modules[0]!, run.recipe)
  const checkpoint = await openCheckpoint(join(directory, adapterFiles.tensors))
  try {
    return await gatesOf({
      program,
      recipe,
      sizes: new Map(Object.entries(run.sizes)),
      settings: new Map(Object.entries(run.settings)),
      read: name => checkpoint.readF32(name),
      holds: name => checkpoint.tensors.has(name),
    })
  } finally {
    await checkpoint.close()
  }
}

/**
 * Collects the content of a report from runs that differ in their seeds. Runs with an adapter are scored, and
 * so is their base model; a run that trained a complete model has only its curves.
 */
export const makeReport = async (
  device: Device,
  paths: readonly string[],
  o: ReportRequest,
): Promise<ReportData> => {
  const runs = await Promise.all(
    paths.map(async path => ({ path, ...(await new RunFolder(path).description()) })),
  )
  checkAlike(runs)
  const first = runs[0]!
  const adapted = paths.every(isAdapted)
  const own = o.data === undefined || resolve(o.data) === first.data ? first.reading : undefined
  const folder = openDataFolder(o.data ?? first.data, own, await openChat(first.model))
  const comparison = adapted
    ? await compareRuns(runs, {
        ...o,
        long: o.long ?? 'refuse',
        folder,
        openBase: () => openRunBase(device, first.path, { force: o.force }),
        openRun: path => openRun(device, path, { force: o.force }),
      })
    : undefined
  const gates = adapted ? await adapterGates(first.path, first) : undefined
  const history = (await new RunFolder(first.path).load())?.history ?? { steps: [], epochs: [] }
  const trained = `${first.trainable.toLocaleString('en')} numbers trained`
  const unfinished = (
    await Promise.all(
      paths.map(async path => {
        const far = await unfinishedAt(path)
        return far === undefined ? [] : [paths.length === 1 ? far : `${basename(path)}: ${far}`]
      }),
    )
  ).flat()
  const parts = [trained, ...(comparison === undefined ? [] : [comparison.summary]), ...unfinished]
  return {
    title: o.title ?? `${first.recipe} on ${basename(o.data ?? first.data)}`,
    summary: `${parts.join('; ')}.`,
    model: [
      ...facts([['Base model', basename(first.model)]]),
      ...facts(Object.entries(first.sizes).filter(([k]) => !batchSizes.has(k))),
      ...facts([['Trained numbers', first.trainable.toLocaleString('en')]]),
      ...(gates === undefined ? [] : closedFacts(gates)),
    ],
    data: [
      ...(comparison?.data ?? facts([['Folder', basename(first.data)]])),
      ...(first.epoch === undefined ? [] : epochFacts(first.epoch)),
    ],
    settings: facts(Object.entries(begunSettings(first.settings))),
    scores: comparison?.scores ?? [],
    curves: curvesOf(history),
    ...(gates === undefined ? {} : { gates }),
    samples: comparison?.samples ?? [],
    reproduce: {
      command: commandOf(first),
      facts: facts([
        ['Seed', runs.map(r => r.seed).join(', ')],
        ['Device', first.device],
        ['Program', first.programHash.slice(0, 16)],
      ]),
    },
  }
}
