import { join } from 'node:path'
import type { HeadGates, TrainedCell } from '../compare/cell-result.js'
import {
  type Cell,
  type MethodDeclaration,
  type SettingValues,
  settingsFor,
  tuningSeed,
} from '../compare/plan.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { chosenModelProgram } from '../folders/model-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { settingsOf } from '../recipe/settings.js'
import { evaluateOnState, type StateSource } from '../recipe/state-method.js'
import { gatesOf } from '../report/gates.js'
import { adapterFiles, isAdapted, isBegun } from '../runs/run-folder.js'
import { type TrainRequest, type TrainResult, train } from '../runs/train-run.js'
import { Diverged, type TrainWatcher } from '../train/train.js'
import type { CellContext } from './cell-context.js'

/** Numbers of the adapter that act, if the recipe tells. */
const activeIn = async (source: StateSource): Promise<number | undefined> => {
  const outputs = await evaluateOnState(source, 'active')
  return [...(outputs?.values() ?? [])][0]?.values[0]
}

/** A cell's run, and the record of its training. */
export interface CellTraining {
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
  const keepGates: TrainWatcher['initial'] = (state, { sizes }) => {
    const settings = settingsOf(program, recipe, request.set)
    const read = async (name: string): Promise<Float32Array> => state.get(name)!.data
    begun = gatesOf({ program, recipe, sizes, settings, read }).then(gates =>
      folder.writeNotes(cell, 'gates-before.json', gates!),
    )
  }
  const watcher: TrainWatcher = {
    preparing: () => undefined,
    compiled: () => undefined,
    started: info => {
      bytes = info.bytes
      total = info.steps
      listen()
    },
    ...(recipe.methods.has('gates') ? { initial: keepGates } : {}),
    step: ({ step, loss }) => watch(cell, { done: step, total, note: loss === undefined ? {} : { loss } }),
    epoch: () => undefined,
  }
  const result = await train(device, request, watcher, signal)
  await begun
  return result.end === 'stopped' ? undefined : { result, bytes }
}

/** Trains a cell, or goes on with its training. `undefined` if the signal stopped it. */
export const trainCell = async (
  context: CellContext,
  cell: Cell,
  candidate: SettingValues,
): Promise<CellTraining | undefined> => {
  const { folder, plan } = context
  const { method } = cell
  const seed = cell.kind === 'try' ? tuningSeed : cell.number
  const run = folder.run(cell)
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
      if (resumed && error instanceof UserError && !(error instanceof Diverged))
        return trainOnce(context, cell, request('replace'))
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
      holds: name => checkpoint.tensors.has(name),
    },
    close: () => checkpoint.close(),
  }
}
