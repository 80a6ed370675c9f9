import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MODEL_MODULE } from '../../compiler/names/modules.js'
import type { ScoredCell } from '../compare/cell-result.js'
import type { Cell } from '../compare/plan.js'
import { openDataFolder } from '../folders/open-data.js'
import type { OpenPredictor } from '../predict/open-predictor.js'
import { openBase, openRun } from '../runs/open-run.js'
import { adapterFiles, isAdapted } from '../runs/run-folder.js'
import { evaluate, taskOf } from '../score/evaluate.js'
import type { CellContext } from './cell-context.js'

const bytesUnder = async (path: string): Promise<number> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.size
  const inside = await readdir(path)
  const sizes = await Promise.all(inside.map(name => bytesUnder(join(path, name))))
  return sizes.reduce((sum, n) => sum + n, 0)
}

const openTrained = (context: CellContext, run: string | undefined): Promise<OpenPredictor> => {
  const { device, plan } = context
  const program = plan.program ?? MODEL_MODULE
  if (run === undefined) return openBase(device, plan.model, program)
  return isAdapted(run) ? openRun(device, run) : openBase(device, join(run, adapterFiles.model), program)
}

/** Scores a cell's run, or the model as it is, on the test data. */
export const scoreCell = async (
  context: CellContext,
  cell: Cell,
  run: string | undefined,
): Promise<ScoredCell> => {
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
