import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Precision } from '../../compiler/artifact.js'
import { MODEL_MODULE } from '../../compiler/names/modules.js'
import { openNodeDevice } from '../../runtime/node.js'
import { parseSizes, type Reading } from '../data/reading.js'
import type { Split } from '../data/split-files.js'
import { UserError } from '../errors/user-error.js'
import { openChat } from '../folders/open-chat.js'
import { openDataFolder } from '../folders/open-data.js'
import { startProgress } from '../host/progress.js'
import type { WeightFormat } from '../model/weight-format.js'
import { adaptersIn } from '../predict/edit-slots.js'
import type { OpenPredictor } from '../predict/open-predictor.js'
import { openAdapters } from '../runs/open-adapters.js'
import { openBase, openRun, openRunBase } from '../runs/open-run.js'
import { readAdapterConfig } from '../runs/read-adapter.js'
import { RunFolder, runsAt } from '../runs/run-folder.js'
import { checkAdapted } from '../runs/unfinished.js'
import { evaluate, taskOf } from '../score/evaluate.js'
import type { Evaluation, Scoring } from '../score/evaluation.js'
import type { LongWay } from '../score/fit-prompts.js'
import { mean, standardDeviation } from '../score/scores.js'
import { addReadingOptions, longOption, type ReadingOptions, readingFrom } from './data-options.js'
import { addBeamOptions, type BeamChoice, beamsOf } from './generate-options.js'
import {
  allowOption,
  collect,
  count,
  examples,
  modelOption,
  paint,
  positiveInteger,
  precisionOption,
  print,
  printJson,
  programOption,
  remark,
  weightsOption,
} from './shared.js'

/** A model to evaluate: a run, a run's base model (`--base`), or a model's folder. */
export interface Subject {
  readonly model?: string
  readonly allow?: readonly string[]
  readonly base?: true
  /** A sum of adapters, instead of a run. */
  readonly adapter?: string
  readonly program?: string
  readonly weights?: WeightFormat
  readonly precision?: Precision
  readonly force?: true
}

/** `--adapter`. */
export const adapterOption = (): Option =>
  new Option('--adapter <sum>', "adapters that act together, instead of a run: 'runs/a + 0.5 * runs/b'")

/** A folder as a sum of adapters: whatever signs its name has, it is one. */
export const adapterSum = (path: string): string =>
  existsSync(path) && /[\s'*+]/.test(path) ? `"${path}"` : path

/** Refuses `--adapter` beside what it stands for. */
const checkAdapterOption = (path: string | undefined, o: Subject): void => {
  const other =
    path !== undefined ? 'a run' : o.base ? '--base' : o.program !== undefined ? '--program' : undefined
  if (o.adapter === undefined || other === undefined) return
  throw new UserError({
    what: `--adapter and ${other} are both given`,
    hint: '--adapter names all runs that act, each with its strength',
    exitCode: 2,
  })
}

/** Opens adapters that act together, or that rows choose among, on a new device. */
export const openMixed = async (sums: readonly string[], o: Subject): Promise<OpenPredictor> => {
  const [first] = adaptersIn(sums)
  await checkAdapted(first!)
  const device = await openNodeDevice({
    precision: o.precision ?? (await readAdapterConfig(first!)).precision ?? 'f32',
  })
  try {
    const opened = await openAdapters(device, sums, o)
    if (opened.forced.length > 0) remark(`going on all the same (--force): ${opened.forced.join('; ')}`)
    return { ...opened, close: () => opened.close().finally(() => device.close()) }
  } catch (error) {
    device.close()
    throw error
  }
}

/** Opens the run of the command line, its adapters, or the model of `--model`, on a new device. */
export const openSubject = async (path: string | undefined, o: Subject): Promise<OpenPredictor> => {
  checkAdapterOption(path, o)
  if (o.adapter !== undefined) return openMixed([o.adapter], o)
  if (path === undefined && o.model === undefined)
    throw new UserError({
      what: 'there is nothing to open',
      hint: 'name the folder of a run, or a model by --model',
      exitCode: 2,
    })
  if (path !== undefined) await checkAdapted(path)
  const precision =
    o.precision ?? (path === undefined ? undefined : (await readAdapterConfig(path)).precision)
  const device = await openNodeDevice({ precision: precision ?? 'f32' })
  try {
    const opened =
      path === undefined
        ? await openBase(device, o.model!, o.program ?? MODEL_MODULE, { weights: o.weights, allow: o.allow })
        : await (o.base ? openRunBase : openRun)(device, path, {
            model: o.model,
            weights: o.weights,
            allow: o.allow,
            force: o.force,
          })
    if (opened.forced.length > 0) remark(`going on all the same (--force): ${opened.forced.join('; ')}`)
    return {
      ...opened,
      close: () => opened.close().finally(() => device.close()),
    }
  } catch (error) {
    device.close()
    throw error
  }
}

interface Options extends Subject, ReadingOptions, BeamChoice {
  readonly data?: string
  readonly split?: readonly string[]
  readonly long: LongWay
  readonly score?: Scoring
  readonly limit?: number
  readonly json?: true
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`

const how = (e: Evaluation): string => {
  if (e.scoring === 'choice')
    return e.answers === undefined
      ? "among each example's options"
      : `among the ${count(e.answers, 'answer')}`
  if (e.scoring === 'text') return 'by the text generated, which must be the answer'
  return e.scoring === 'word' ? 'by the first option word generated' : 'by the first letter generated'
}

/** One or two sentences about a model's scores. */
export const describe = (e: Evaluation): string => {
  const { correct, total, accuracy } = e.accuracy
  const parts = [
    `${paint('bold', percent(accuracy))} right ${how(e)} (${correct} of ${total}; always ` +
      `the most frequent answer: ${percent(e.majority)})`,
  ]
  if (e.unconstrained !== undefined)
    parts.push(`the likeliest of all tokens is right in ${percent(e.unconstrained.accuracy)}`)
  if (e.rougeL !== undefined)
    parts.push(`${e.bleu === undefined ? '' : `BLEU ${e.bleu.toFixed(2)}, `}ROUGE-L ${e.rougeL.toFixed(3)}`)
  if (e.cut !== undefined) parts.push(`${count(e.cut, 'prompt')} cut to fit the context`)
  if (e.skipped !== undefined) parts.push(`${count(e.skipped, 'example')} left out: longer than the context`)
  if (e.atContextEnd !== undefined)
    parts.push(`${count(e.atContextEnd, 'text')} ended where the model's context does`)
  return parts.join('; ')
}

const asJson = (e: Evaluation): object => ({
  ...e,
  predictions: e.predictions.map(p => ({
    prompt: p.example.prompt,
    answer: p.example.answer,
    ...(p.example.references === undefined ? {} : { references: p.example.references }),
    predicted: p.predicted,
  })),
})

const overSeeds = (results: readonly Evaluation[]): string => {
  const shares = results.map(e => 100 * e.accuracy.accuracy)
  return (
    `over ${results.length} seeds: ` +
    `${paint('bold', `${mean(shares).toFixed(1)} ± ${standardDeviation(shares).toFixed(1)} %`)} ` +
    'right'
  )
}

/** The part to score, and how many examples were split off, from one option that says either. */
const splitOf = (given: readonly string[]): { readonly part: Split; readonly sizes: Reading['split'] } => {
  const parts = given.filter(s => parseSizes(s) === undefined)
  const sizes = given.flatMap(s => parseSizes(s) ?? [])
  const [part = 'test', ...more] = parts
  if (sizes.length > 1 || more.length > 0 || (part !== 'train' && part !== 'valid' && part !== 'test'))
    throw new UserError({
      what: `--split cannot be '${given.join(' ')}'`,
      why:
        'Allowed choices are train, valid, test; and sizes as they were split off for ' +
        'training, such as 200/200.',
      hint: 'write --split valid, or --split test --split 200/200 for data that has no validation part',
      exitCode: 2,
    })
  return { part, sizes: sizes[0] }
}

const run = async (path: string | undefined, o: Options): Promise<void> => {
  const found = path === undefined ? [undefined] : await runsAt(path)
  // The seeds of a run have one base model.
  const runs = o.base ? found.slice(0, 1) : found
  const { part, sizes } = splitOf(o.split ?? [])
  const beams = beamsOf(o)
  const first = o.adapter === undefined ? runs[0] : adaptersIn([o.adapter])[0]
  const begun = first === undefined ? undefined : await new RunFolder(first).descriptionIfAny()
  const data = o.data ?? begun?.data
  if (data === undefined)
    throw new UserError({ what: '--data is missing', hint: 'name a folder with test.jsonl', exitCode: 2 })
  // The run's own data is read with the run's options.
  const own = o.data === undefined || begun?.data === resolve(o.data) ? begun?.reading : undefined
  const model = o.model ?? begun?.model
  const reading = { ...own, ...readingFrom(o, sizes) }
  const folder = openDataFolder(data, reading, model === undefined ? undefined : await openChat(model))
  const all = await folder.examples(part)
  const some = o.limit === undefined ? all : all.slice(0, o.limit)
  const train = part !== 'train' && (await folder.has('train')) ? await folder.examples('train') : all
  const task = taskOf(all, train, o.score)
  const results: Evaluation[] = []
  for (const each of runs) {
    const opened = await openSubject(each, o)
    const name = each === undefined || runs.length === 1 ? undefined : basename(each)
    const bar = startProgress({ label: name ?? 'eval', total: some.length })
    const result = await evaluate(opened.sequence, opened.tokenizer, some, {
      ...task,
      long: o.long,
      beams,
      progress: done => bar.update(done),
    })
      .finally(bar.finish)
      .finally(opened.close)
    results.push(result)
    if (!o.json) print(name === undefined ? describe(result) : `${name}: ${describe(result)}`)
  }
  if (o.json)
    printJson(
      runs.length === 1 ? asJson(results[0]!) : results.map((e, i) => ({ run: runs[i], ...asJson(e) })),
    )
  else if (results.length > 1) print(overSeeds(results))
}

/** Adds `jola eval`. */
export const registerEvalCommand = (program: Command): void => {
  addBeamOptions(addReadingOptions(program.command('eval')))
    .argument('[run]', "a run's folder, or that of several seeds")
    .addOption(modelOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .option('--base', 'the base model, without the edits')
    .addOption(adapterOption())
    .option('--force', 'continue even if the model or the program has changed since training')
    .addOption(programOption())
    .option('--data <dir>', "the data; by default the run's own")
    .addOption(
      new Option(
        '--split <part>',
        'the part of the data: train, valid or test (the default); beside it sizes such as ' +
          '200/200, where it was split off',
      ).argParser(collect),
    )
    .addOption(
      new Option('--score <how>', 'how answers are read; by default derived from the data').choices([
        'choice',
        'word',
        'letter',
        'text',
      ]),
    )
    .addOption(longOption())
    .option('--limit <n>', 'use only the first n examples', positiveInteger)
    .addOption(precisionOption())
    .option('--json', 'print scores and predictions as JSON')
    .addHelpText(
      'after',
      examples([
        'eval runs/first',
        'eval runs/first --base',
        "eval --adapter 'runs/a + 0.5 * runs/b'",
        'eval --model MODEL --data DATA --split valid',
      ]),
    )
    .action(run)
}
