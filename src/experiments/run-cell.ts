// One cell of a comparison: draws its examples, trains, scores, and writes its result. A cell needs no other
// process: candidates that its method has not tried yet are tried first. The result is written last, so a
// cell that was killed is done again, from its last saved state.

import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CellResult } from '../compare/cell-result.js'
import {
  type Cell,
  type ComparePlan,
  cellName,
  type SettingValues,
  settingsFor,
  triesOf,
} from '../compare/plan.js'
import { UserError } from '../errors/user-error.js'
import { holdFolder, isHeldElsewhere } from '../runs/lock.js'
import { Diverged } from '../train/train.js'
import type { CellContext } from './cell-context.js'
import { scoreCell } from './score-cell.js'
import { trainCell } from './train-cell.js'

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

const allDiverged = ({ method, task }: Cell): UserError =>
  new UserError({
    what: `no candidate of ${method.name} can be trained on ${task.name}`,
    why: 'the numbers of each grew past what they can hold',
    hint: 'declare smaller rates as its "tries"',
  })

/** The settings that a cell trains with: its candidate, or the one of least validation loss. */
const candidateOf = async (context: CellContext, cell: Cell): Promise<SettingValues | undefined> => {
  const tries = triesOf(context.plan, cell.method)
  if (cell.kind === 'try') return tries[cell.number]!
  let best: { readonly loss: number; readonly settings: SettingValues } | undefined
  for (const [number, settings] of tries.entries()) {
    const result = await runCell(context, { ...cell, kind: 'try', number })
    if (result === undefined) return undefined
    const loss = result.trained?.loss
    if (loss !== undefined && (best === undefined || loss < best.loss)) best = { loss, settings }
  }
  if (tries.length > 0 && best === undefined) throw allDiverged(cell)
  return best?.settings ?? {}
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

/** Trains and scores. A training that diverges is a result too: the grid goes on without it. */
const resultWith = async (
  context: CellContext,
  cell: Cell,
  candidate: SettingValues,
): Promise<Pick<CellResult, 'trained' | 'scored' | 'diverged'> | undefined> => {
  if (cell.method.program === undefined) return { scored: await scoreCell(context, cell, undefined) }
  try {
    const trained = await trainCell(context, cell, candidate)
    if (trained === undefined) return undefined
    const { run, record } = trained
    if (cell.kind === 'try') return { trained: record }
    return { trained: record, scored: await scoreCell(context, cell, run) }
  } catch (error) {
    if (error instanceof Diverged) return { diverged: error.what }
    throw error
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
    const found = await resultWith(context, cell, candidate)
    if (found === undefined) return undefined
    const result: CellResult = {
      format: 'jola-cell-1',
      cell: cellName(cell),
      key: cellKey(context.plan, cell, cell.kind === 'try' ? candidate : undefined),
      ...found,
    }
    await context.folder.writeResult(cell, result)
    // Nothing of a candidate is needed but its validation loss.
    if (cell.kind === 'try') await rm(context.folder.run(cell), { recursive: true, force: true })
    return result
  } finally {
    await held.release()
  }
}
