import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { openNodeDevice } from '../../runtime/node.js'
import type { CellResult } from '../compare/cell-result.js'
import { conclusionsOf } from '../compare/conclusions.js'
import { type Cell, type ComparePlan, cellName, cellNamed, cellsOf } from '../compare/plan.js'
import type { Summary } from '../compare/summary.js'
import type { CellContext } from '../experiments/cell-context.js'
import { CompareFolder, compareFiles } from '../experiments/compare-folder.js'
import { gather } from '../experiments/gather.js'
import { type CompareRequest, makePlan, stepsPerExample } from '../experiments/make-plan.js'
import { resultOf, runCell } from '../experiments/run-cell.js'
import { requireSameModel } from '../experiments/same-model.js'
import { formatDuration, type Progress, startProgress } from '../host/progress.js'
import { compareTable } from '../report/compare-table.js'
import { isHeldElsewhere } from '../runs/lock.js'
import type { Scoring } from '../score/evaluation.js'
import type { LongWay } from '../score/fit-prompts.js'
import { longWays } from '../score/fit-prompts.js'
import { mean } from '../score/scores.js'
import { interruption } from './interruption.js'
import {
  collect,
  count,
  examples,
  modelOption,
  positiveInteger,
  print,
  printJson,
  Reported,
  remark,
} from './shared.js'

interface Options {
  readonly model?: string
  readonly program?: string
  readonly data?: string
  readonly task: readonly string[]
  readonly methods: readonly string[]
  readonly seeds?: number
  readonly trainSize?: readonly number[]
  readonly validSize?: number
  readonly testSize?: number
  readonly tries?: number
  readonly set: readonly string[]
  readonly score?: Scoring
  readonly beams?: number
  readonly long?: LongWay
  readonly dropLong?: true
  readonly against?: string
  readonly out: string
  readonly plan?: true
  readonly cell?: string
  readonly collect?: true
  readonly json?: true
}

const names = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== ''),
]

const sizes = (text: string): readonly number[] => {
  const all = text.split(',').map(positiveInteger)
  if (new Set(all).size === all.length) return all
  throw new InvalidArgumentError('A number is named twice.')
}

const requestOf = (o: Options): CompareRequest => ({
  ...(o.model === undefined ? {} : { model: o.model }),
  ...(o.program === undefined ? {} : { program: o.program }),
  ...(o.data === undefined ? {} : { data: o.data }),
  tasks: o.task,
  methods: o.methods,
  ...(o.seeds === undefined ? {} : { seeds: o.seeds }),
  ...(o.trainSize === undefined ? {} : { trainSizes: o.trainSize }),
  ...(o.validSize === undefined ? {} : { validSize: o.validSize }),
  ...(o.testSize === undefined ? {} : { testSize: o.testSize }),
  ...(o.tries === undefined ? {} : { tries: o.tries }),
  set: o.set,
  ...(o.score === undefined ? {} : { score: o.score }),
  ...(o.beams === undefined ? {} : { beams: o.beams }),
  ...(o.long === undefined ? {} : { long: o.long }),
  ...(o.dropLong === undefined ? {} : { dropLong: o.dropLong }),
  ...(o.against === undefined ? {} : { against: o.against }),
})

/** The work of cells in optimiser steps, at most: early stopping ends some before. */
class Work {
  readonly #rates: ReadonlyMap<string, number>

  constructor(rates: ReadonlyMap<string, number>) {
    this.#rates = rates
  }

  of = ({ method, trainSize }: Cell): number =>
    Math.max(1, Math.round((this.#rates.get(method.name) ?? 0) * trainSize))
}

/** The seconds that the open cells will take, by the rate of those that are done. */
const estimate = (
  open: readonly Cell[],
  done: readonly (readonly [Cell, CellResult])[],
  work: Work,
): number | undefined => {
  const rates = done.flatMap(([cell, { trained }]) =>
    trained?.seconds === undefined ? [] : [trained.seconds / work.of(cell)],
  )
  if (rates.length === 0) return undefined
  return mean(rates) * open.reduce((sum, cell) => sum + work.of(cell), 0)
}

const sizeOf = (plan: ComparePlan, cells: readonly Cell[], work: Work): string => {
  const tries = cells.filter(c => c.kind === 'try').length
  const steps = cells.reduce((sum, cell) => sum + work.of(cell), 0)
  return (
    `${count(cells.length, 'cell')}: ${count(plan.tasks.length, 'task')}, ` +
    `${count(plan.methods.length, 'method')}, ${count(plan.seeds.length, 'seed')}, ` +
    `${count(plan.trainSizes.length, 'size')}; ${tries} of them try settings; ` +
    `${steps.toLocaleString('en')} steps at most`
  )
}

const show = (summary: Summary, o: Options): void => {
  if (o.json) {
    printJson(summary)
    return
  }
  print(compareTable(summary))
  for (const sentence of conclusionsOf(summary)) print(sentence)
  for (const text of summary.remarks) remark(text)
  print(`\nwrote ${new CompareFolder(o.out).file(compareFiles.page)}`)
}

/** Runs cells one after the other. Those that another process computes come last, when it may be done. */
const runAll = async (
  cells: readonly Cell[],
  open: (cell: Cell) => Promise<unknown>,
  folder: CompareFolder,
): Promise<void> => {
  const later: Cell[] = []
  for (const cell of cells)
    if (await isHeldElsewhere(folder.cell(cell))) later.push(cell)
    else await open(cell)
  for (const cell of later) await open(cell)
}

const run = async (o: Options): Promise<void> => {
  const folder = new CompareFolder(o.out)
  const begun = folder.isBegun ? await folder.plan() : undefined
  const plan = await makePlan(requestOf(o), begun)
  const work = new Work(await stepsPerExample(plan))
  if (JSON.stringify(plan) !== JSON.stringify(begun)) await folder.writePlan(plan)
  const cells = cellsOf(plan)
  if (o.plan) {
    const command = `${thisProgram()} compare`
    for (const cell of cells) print(`${command} --out ${quoted(resolve(o.out))} --cell ${cellName(cell)}`)
    remark(sizeOf(plan, cells, work))
    return
  }
  if (o.collect) {
    show(await gather(folder, plan), o)
    return
  }
  const wanted = o.cell === undefined ? cells : [cellNamed(plan, o.cell)]
  const done: (readonly [Cell, CellResult])[] = []
  for (const cell of wanted) {
    const result = await resultOf({ folder, plan }, cell)
    if (result !== undefined) done.push([cell, result])
  }
  const finished = new Set(done.map(([cell]) => cell))
  const open = wanted.filter(cell => !finished.has(cell))
  remark(sizeOf(plan, wanted, work))
  if (done.length > 0) {
    const seconds = estimate(open, done, work)
    const left = seconds === undefined || open.length === 0 ? '' : `, about ${formatDuration(seconds)} left`
    remark(`${done.length} of ${wanted.length} done${left}`)
  }
  if (open.length > 0) await compute(open, { folder, plan, work, before: done.map(([cell]) => cell) })
  if (o.cell === undefined) show(await gather(folder, plan), o)
  else print(`done: ${o.cell}`)
}

/** The command line that runs this program from any folder: `jola` need not be on the path. */
const thisProgram = (): string => {
  const file = process.argv[1] ?? 'jola'
  const runner = file.endsWith('.ts') ? 'npx tsx' : quoted(process.execPath)
  return `${runner} ${quoted(resolve(file))}`
}

const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`

interface Computation {
  readonly folder: CompareFolder
  readonly plan: ComparePlan
  readonly work: Work
  /** Cells that were done before. */
  readonly before: readonly Cell[]
}

const compute = async (open: readonly Cell[], c: Computation): Promise<void> => {
  await requireSameModel(c.folder, c.plan.model)
  const device = await openNodeDevice()
  const stop = interruption()
  const total = (cells: readonly Cell[]): number => cells.reduce((sum, cell) => sum + c.work.of(cell), 0)
  let reached = total(c.before)
  const bar: Progress = startProgress({
    label: 'compare',
    total: reached + total(open),
    from: reached,
  })
  const pending = new Set(open.map(cellName))
  const context: CellContext = {
    device,
    folder: c.folder,
    plan: c.plan,
    signal: stop.signal,
    listen: stop.listen,
    watch: (cell, { done, total: steps, note }) =>
      bar.update(Math.round(reached + (c.work.of(cell) * done) / steps), { now: cellName(cell), ...note }),
  }
  try {
    await runAll(
      open,
      async cell => {
        const result = await runCell(context, cell)
        if (result === undefined) throw new Reported(stop.exitCode())
        stop.release()
        pending.delete(cellName(cell))
        reached += c.work.of(cell)
        await gather(c.folder, c.plan)
      },
      c.folder,
    )
  } catch (error) {
    if (!stop.signal.aborted) throw error
    throw new Reported(stop.exitCode())
  } finally {
    bar.finish()
    if (stop.signal.aborted) remark('stopped; the same command goes on')
    stop.release()
    device.close()
  }
}

/** Adds `jola compare`. */
export const registerCompareCommand = (program: Command): void => {
  program
    .command('compare')
    .addOption(modelOption())
    .option('--task <names>', 'tasks of `jola task list`, sets, families, or .json files', names, [])
    .option('--data <dir>', 'the folder that holds the data of tasks')
    .option('--methods <names>', 'methods, .jola recipes or .json files; all by default', names, [])
    .option('--seeds <n>', 'seeds that are reported, each with a draw of its own (5)', positiveInteger)
    .option('--train-size <n,…>', 'training examples; several give a curve (200)', sizes)
    .option('--valid-size <n>', 'validation examples (200)', positiveInteger)
    .option('--test-size <n>', 'the most test examples, the same for all (all)', positiveInteger)
    .option(
      '--tries <n>',
      'candidates of settings that each method tries; 1 tunes nothing (4)',
      positiveInteger,
    )
    .option('--set <name=value>', 'a setting of all methods, or of one: jola.penalty=0.4', collect, [])
    .addOption(
      new Option('--score <how>', "how answers are read, in place of the tasks' own scores").choices([
        'choice',
        'word',
        'letter',
        'text',
      ]),
    )
    .option('--beams <n>', 'search the texts that are scored with n beams (token by token)', positiveInteger)
    .addOption(
      new Option('--long <way>', 'what to do with prompts that leave no room for their answer').choices([
        ...longWays,
      ]),
    )
    .option('--drop-long', 'leave out training examples that are longer than the context')
    .option('--program <file>', 'the program that computes the model')
    .option('--against <method>', 'the method that the others are compared with (jola)')
    .requiredOption('--out <dir>', 'the folder of the comparison; a begun one goes on, and may grow')
    .option('--plan', 'print the command of each cell, one a line, and compute nothing')
    .option('--cell <name>', 'compute one cell')
    .option('--collect', 'sum up the cells that are done')
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      examples([
        'compare --model MODEL --data DATA --task trec --out cmp',
        'compare --model MODEL --task listops --methods jola,lora,my.jola --seeds 3 --out cmp',
        'compare --model MODEL --data DATA --task trec --out cmp --plan | parallel -j 4',
        'compare --out cmp --collect',
      ]),
    )
    .action(run)
}
