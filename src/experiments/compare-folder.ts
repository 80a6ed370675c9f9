import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CellResult, cellResultOf } from '../compare/cell-result.js'
import { type Cell, type ComparePlan, cellName, cellsOf } from '../compare/plan.js'
import type { CellResults } from '../compare/summary.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { fileError } from '../files/file-error.js'
import { readJsonObject, readJsonObjectIfAny } from '../files/json-file.js'
import { makeFolder } from '../files/make-folder.js'
import { openTask } from '../folders/open-task.js'
import type { ModelIdentity } from '../model/identity.js'
import { asLines, drawExamples } from '../tasks/draw.js'

/** The names of files in a comparison's folder. */
export const compareFiles = {
  plan: 'plan.json',
  model: 'model.json',
  summary: 'results.json',
  table: 'results.md',
  page: 'compare.html',
} as const

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const make = (path: string): Promise<void> =>
  makeFolder(path).catch((error: unknown) => {
    throw fileError('make the folder', path, error)
  })

/**
 * The folder of a comparison: its plan, the examples that were drawn, and a folder for each cell with its run
 * and its result. Processes on several machines may share it.
 */
export class CompareFolder {
  constructor(readonly path: string) {}

  file(name: string): string {
    return join(this.path, name)
  }

  /** Whether a comparison was begun here. */
  get isBegun(): boolean {
    return existsSync(this.file(compareFiles.plan))
  }

  async plan(): Promise<ComparePlan> {
    const path = this.file(compareFiles.plan)
    const found = await readJsonObjectIfAny(path)
    if (found?.format === 'jola-compare-1') return found as unknown as ComparePlan
    throw new UserError({
      what: 'this is not the folder of a comparison',
      where: this.path,
      why: found === undefined ? `there is no ${compareFiles.plan} in it` : 'its plan is of another version',
      hint: 'begin one: jola compare --model M --task T --data D --out DIR',
      exitCode: 2,
    })
  }

  async writePlan(plan: ComparePlan): Promise<void> {
    await make(this.path)
    await writeAtomic(this.file(compareFiles.plan), [json(plan)])
  }

  /** The identity of the model that the first cell was computed with; undefined before that. */
  async model(): Promise<ModelIdentity | undefined> {
    return (await readJsonObjectIfAny(this.file(compareFiles.model))) as ModelIdentity | undefined
  }

  async writeModel(identity: ModelIdentity): Promise<void> {
    await writeAtomic(this.file(compareFiles.model), [json(identity)])
  }

  /** The folder of a cell. */
  cell(cell: Cell): string {
    return join(this.path, 'cells', cellName(cell))
  }

  /** The folder of a cell's run. */
  run(cell: Cell): string {
    return join(this.cell(cell), 'run')
  }

  async result(cell: Cell): Promise<CellResult | undefined> {
    const path = join(this.cell(cell), 'result.json')
    const found = await readJsonObjectIfAny(path)
    return found === undefined ? undefined : cellResultOf(path, found)
  }

  async writeResult(cell: Cell, result: CellResult): Promise<void> {
    await make(this.cell(cell))
    await writeAtomic(join(this.cell(cell), 'result.json'), [json(result)])
  }

  /** All results that there are. */
  async results(plan: ComparePlan): Promise<CellResults> {
    const results = new Map<string, CellResult>()
    for (const cell of cellsOf(plan)) {
      const result = await this.result(cell)
      if (result !== undefined) results.set(cellName(cell), result)
    }
    return results
  }

  /**
   * The data folder of a draw, made at its first use. The same plan and seed give the same files, so that two
   * processes that make it at once do no harm.
   */
  async data(plan: ComparePlan, cell: Cell, seed: number): Promise<string> {
    const folder = join(this.path, 'data', cell.task.name, `${cell.trainSize}`, `seed-${seed}`)
    if (existsSync(join(folder, 'test.jsonl'))) return folder
    const parts = await drawExamples(cell.task, await openTask(cell.task, plan.data), {
      train: cell.trainSize,
      valid: plan.validSize,
      test: plan.testSize,
      seed,
    })
    await make(folder)
    // The test data comes last: where it is, the others are complete.
    for (const part of ['train', 'valid', 'test'] as const)
      await writeAtomic(join(folder, `${part}.jsonl`), [asLines(parts[part])])
    return folder
  }

  /** A file of JSON that a cell keeps beside its run. */
  async notes(cell: Cell, name: string): Promise<unknown> {
    const path = join(this.cell(cell), name)
    return existsSync(path) ? readJsonObject(path) : undefined
  }

  async writeNotes(cell: Cell, name: string, value: object): Promise<void> {
    await make(this.cell(cell))
    await writeAtomic(join(this.cell(cell), name), [json(value)])
  }
}
