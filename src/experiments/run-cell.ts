// One cell of a comparison: draws its examples, trains, scores, and writes its result. A cell needs no other
// process: candidates that its method has not tried yet are tried first. The result is written last, so a
// cell that was killed is done again, from its last saved state.

import { createHash } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MODEL_MODULE } from '../../compiler/names/modules.js'
import type { Device } from '../../runtime/index.js'
import type { CellResult, HeadGates, ScoredCell, TrainedCell } from '../compare/cell-result.js'
import {
  type Cell,
  type ComparePlan,
  cellName,
  type MethodDeclaration,
  type SettingValues,
  settingsFor,
  triesOf,
  tuningSeed,
} from '../compare/plan.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { openDataFolder } from '../folders/open-data.js'
import type { OpenPredictor } from '../predict/open-predictor.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { settingsOf } from '../recipe/settings.js'
import { evaluateOnState, type StateSource } from '../recipe/state-method.js'
import { gatesOf } from '../report/gates.js'
import { holdFolder, isHeldElsewhere } from '../runs/lock.js'
import { openBase, openRun } from '../runs/open-run.js'
import { adapterFiles, isAdapted, isBegun } from '../runs/run-folder.js'
import { type TrainRequest, type TrainResult, train } from '../runs/train-run.js'
import { evaluate, taskOf } from '../score/evaluate.js'
import type { TrainWatcher } from '../train/train.js'
import type { CompareFolder } from './compare-folder.js'

/** What all cells of a comparison share. */
export interface CellContext {
  readonly device: Device
  readonly folder: CompareFolder
  readonly plan: ComparePlan
  readonly watch: (
    cell: Cell,
    steps: { readonly done: number; readonly total: number; readonly note: object },
  ) => void
  readonly listen: () => void
  readonly signal: AbortSignal
}

/** A hash of all that decides a cell. */
export const cellKey = (plan: ComparePlan, cell: Cell, candidate: SettingValues | undefined): string => {
  const { model, program, validSize, testSize, score, beams, long, dropLong } = plan
  const { task, method, trainSize, kind, number } = cell
  const settings = settingsFor(plan, method, candidate ?? {})
  const tries = kind === 'seed' ? triesOf(plan, method) : []
  const all = {
    model,
    program,
    validSize,
    testSize,
    score,
    beams,
    long,
    dropLong,
    task,
    method: { program: method.program, recipe: method.recipe },
    settings,
    tries,
    trainSize,
    kind,
    number,
  }
  return createHash('sha256').update(JSON.stringify(all)).digest('hex')
}

const otherwise = (folder: string): UserError =>
  new UserError({
    what: 'the cell was computed by another plan',
    where: folder,
    why: 'its settings, its task or its sizes were others',
    hint: 'delete the folder to compute it anew, or begin a comparison in another --out',
  })

/** The result of a cell, if it has one for this plan. Throws a `UserError` for that of another plan. */
export const resultOf = async (
  { folder, plan }: Pick<CellContext, 'folder' | 'plan'>,
  cell: Cell,
): Promise<CellResult | undefined> => {
  const result = await folder.result(cell)
  const candidate = cell.kind === 'try' ? triesOf(plan, cell.method)[cell.number] : undefined
  if (result !== undefined && result.key !== cellKey(plan, cell, candidate))
    throw otherwise(folder.cell(cell))
  return result
}

const bytesUnder = async (path: string): Promise<number> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.size
  const inside = await readdir(path)
  const sizes = await Promise.all(inside.map(name => bytesUnder(join(path, name))))
  return sizes.reduce((sum, n) => sum + n, 0)
}

/** The settings that a cell trains with: its candidate, or the one of least validation loss. */
const candidateOf = async (context: CellContext, cell: Cell): Promise<SettingValues | undefined> => {
  const tries = triesOf(context.plan, cell.method)
  if (cell.kind === 'try') return tries[cell.number]!
  let best: { readonly loss: number; readonly settings: SettingValues } | undefined
  for (const [number, settings] of tries.entries()) {
    const result = await runCell(context, { ...cell, kind: 'try', number })
    if (result === undefined) return undefined
    const { loss } = result.trained!
    if (best === undefined || loss < best.loss) best = { loss, settings }
  }
  return best?.settings ?? {}
}

/** Numbers of the adapter that act, if the recipe tells. */
const activeIn = async (source: StateSource): Promise<number | undefined> => {
  const outputs = await evaluateOnState(source, 'active')
  return outputs === undefined ? undefined : [...outputs.values()][0]!.values[0]!
}

interface Trained {
  readonly run: string
  readonly record: TrainedCell
}

const trainOnce = async (
  context: CellContext,
  cell: Cell,
  request: TrainRequest,
): Promise<{ readonly result: TrainResult; readonly bytes: number } | undefined> => {
  const { device, folder, watch, listen, signal } = context
  let bytes = 0
  let total = 1
  const { program, modules } = loadProgram([request.file], { model: await chosenModelProgram(request) })
  const recipe = findRecipe(program, modules[0]!, request.recipe)
  let begun: Promise<void> = Promise.resolve()
  const watcher: TrainWatcher = {
    preparing: () => undefined,
    compiled: () => undefined,
    started: info => {
      bytes = info.bytes
      total = info.steps
      listen()
    },
    initial: (state, session) => {
      begun = (async () => {
        const gates = await gatesOf({
          program,
          recipe,
          sizes: session.sizes,
          settings: settingsOf(program, recipe, request.set),
          read: async name => state.get(name)!.data,
        })
        if (gates !== undefined) await folder.writeNotes(cell, 'gates-before.json', gates)
      })()
    },
    step: ({ step, loss }) => watch(cell, { done: step, total, note: loss === undefined ? {} : { loss } }),
    epoch: () => undefined,
  }
  const result = await train(device, request, watcher, signal)
  await begun
  return result.end === 'stopped' ? undefined : { result, bytes }
}

const trainCell = async (
  context: CellContext,
  cell: Cell,
  candidate: SettingValues,
): Promise<Trained | undefined> => {
  const { folder, plan } = context
  const { method } = cell
  const seed = cell.kind === 'try' ? tuningSeed : cell.number
  const run = join(folder.cell(cell), 'run')
  const settings = settingsFor(plan, method, candidate)
  const request = (mode: TrainRequest['mode']): TrainRequest => ({
    file: method.program!,
    ...(method.recipe === undefined ? {} : { recipe: method.recipe }),
    ...(plan.program === undefined ? {} : { program: plan.program }),
    model: plan.model,
    data,
    out: run,
    set: settings,
    seed,
    mode,
    dropLong: plan.dropLong === true,
    saveEvery: 60,
    bf16: false,
  })
  const data = await folder.data(plan, cell, seed)
  const resumed = isBegun(run)
  const began = Date.now()
  const cpu = process.cpuUsage()
  const outcome = await trainOnce(context, cell, request(resumed ? 'resume' : 'new')).catch(
    (error: unknown) => {
      // The program has changed since, or the run was saved by another version.
      if (resumed && error instanceof UserError) return trainOnce(context, cell, request('replace'))
      throw error
    },
  )
  if (outcome === undefined) return undefined
  const { result, bytes } = outcome
  const seconds = (Date.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  const cpuSeconds = (used.user + used.system) / 1e6
  const { description, best, history } = result
  const state = await stateOf(run, method, result)
  const gates = state === undefined ? undefined : await gatesOf(state.source)
  const active = state === undefined ? undefined : await activeIn(state.source)
  await state?.close()
  const before = (await folder.notes(cell, 'gates-before.json')) as HeadGates | undefined
  return {
    run,
    record: {
      settings: candidate,
      loss: best!.loss,
      epoch: best!.epoch,
      steps: history.steps.length,
      // A cell that was interrupted has no time of its own.
      ...(resumed ? {} : { seconds, cpuSeconds }),
      trained: description.trainable,
      ...(active === undefined ? {} : { active }),
      deviceBytes: bytes,
      programHash: description.programHash,
      device: description.device,
      ...(before === undefined ? {} : { gatesBefore: before }),
      ...(gates === undefined ? {} : { gates }),
    },
  }
}

/** The best state of a run that wrote an adapter. */
const stateOf = async (
  run: string,
  method: MethodDeclaration,
  { description }: TrainResult,
): Promise<{ readonly source: StateSource; readonly close: () => Promise<void> } | undefined> => {
  if (!isAdapted(run)) return undefined
  const { program, modules } = loadProgram([method.program!], { model: description.modelProgram })
  const checkpoint = await openCheckpoint(join(run, adapterFiles.tensors))
  return {
    source: {
      program,
      recipe: findRecipe(program, modules[0]!, method.recipe),
      sizes: new Map(Object.entries(description.sizes)),
      settings: new Map(Object.entries(description.settings)),
      read: name => checkpoint.readF32(name),
    },
    close: () => checkpoint.close(),
  }
}

const openTrained = (context: CellContext, run: string | undefined): Promise<OpenPredictor> => {
  const { device, plan } = context
  const program = plan.program ?? MODEL_MODULE
  if (run === undefined) return openBase(device, plan.model, program)
  return isAdapted(run) ? openRun(device, run) : openBase(device, join(run, adapterFiles.model), program)
}

const scoreCell = async (context: CellContext, cell: Cell, run: string | undefined): Promise<ScoredCell> => {
  const { folder, plan, watch, listen, signal } = context
  const began = Date.now()
  const data = openDataFolder(await folder.data(plan, cell, cell.number))
  const test = await data.examples('test')
  const task = taskOf(test, await data.examples('train'), plan.score ?? cell.task.score)
  const opened = await openTrained(context, run)
  try {
    listen()
    const result = await evaluate(opened.sequence, opened.tokenizer, test, {
      ...task,
      long: plan.long ?? 'refuse',
      beams: plan.beams === undefined || task.scoring === 'choice' ? undefined : { beams: plan.beams },
      progress: done => watch(cell, { done: 1, total: 1, note: { scored: `${done}/${test.length}` } }),
      signal,
    })
    const adapter =
      run === undefined ? undefined : join(run, isAdapted(run) ? adapterFiles.tensors : adapterFiles.model)
    return {
      accuracy: result.accuracy.accuracy,
      ...(result.bleu === undefined ? {} : { bleu: result.bleu }),
      ...(result.rougeL === undefined ? {} : { rougeL: result.rougeL }),
      majority: result.majority,
      right: result.predictions.map(p => (p.right ? '1' : '0')).join(''),
      seconds: (Date.now() - began) / 1000,
      adapterBytes: adapter === undefined ? 0 : await bytesUnder(adapter),
    }
  } finally {
    await opened.close()
  }
}

/** Passes on every error but that another process has taken the folder meanwhile. */
const inUse =
  (path: string) =>
  async (error: unknown): Promise<undefined> => {
    if (!(await isHeldElsewhere(path))) throw error
  }

/**
 * Holds a cell's folder; waits while another process has it, and looks whether that has finished the cell.
 */
const holdCell = async (
  context: CellContext,
  cell: Cell,
): Promise<CellResult | Awaited<ReturnType<typeof holdFolder>>> => {
  for (;;) {
    context.signal.throwIfAborted()
    const done = await resultOf(context, cell)
    if (done !== undefined) return done
    const path = context.folder.cell(cell)
    const held = (await isHeldElsewhere(path)) ? undefined : await holdFolder(path).catch(inUse(path))
    if (held !== undefined) return held
    await sleep(1000)
  }
}

/**
 * Computes a cell, or gives the result that it has. `undefined` if the signal stopped it; the same call goes
 * on later.
 */
export const runCell = async (context: CellContext, cell: Cell): Promise<CellResult | undefined> => {
  const held = await holdCell(context, cell)
  if ('format' in held) return held
  try {
    const candidate = await candidateOf(context, cell)
    if (candidate === undefined) return undefined
    const trained = cell.method.program === undefined ? undefined : await trainCell(context, cell, candidate)
    if (trained === undefined && cell.method.program !== undefined) return undefined
    const scored = cell.kind === 'try' ? undefined : await scoreCell(context, cell, trained?.run)
    const result: CellResult = {
      format: 'jola-cell-1',
      cell: cellName(cell),
      key: cellKey(context.plan, cell, cell.kind === 'try' ? candidate : undefined),
      ...(trained === undefined ? {} : { trained: trained.record }),
      ...(scored === undefined ? {} : { scored }),
    }
    await context.folder.writeResult(cell, result)
    // Nothing of a candidate is needed but its validation loss.
    if (cell.kind === 'try' && trained !== undefined) await rm(trained.run, { recursive: true, force: true })
    return result
  } finally {
    await held.release()
  }
}
