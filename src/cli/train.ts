import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { Precision } from '../../compiler/artifact.js'
import { openNodeDevice, showBytes } from '../../runtime/node.js'
import { epochAsJson, epochInWords } from '../data/epoch-counts.js'
import type { Reading } from '../data/reading.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { formatDuration, formatNumber, type Progress, startProgress } from '../host/progress.js'
import type { WeightFormat } from '../model/weight-format.js'
import { driverSettingsOf } from '../recipe/driver-settings.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { settingsOf } from '../recipe/settings.js'
import { holdFolder } from '../runs/lock.js'
import { isBegun, RunFolder } from '../runs/run-folder.js'
import { type TrainRequest, train } from '../runs/train-run.js'
import { mean, standardDeviation } from '../score/scores.js'
import { precisionOf } from '../train/run-record.js'
import type { TrainWatcher } from '../train/train.js'
import { addReadingOptions, type ReadingOptions, readingFrom, sizesOption } from './data-options.js'
import { dataRemarks } from './data-remarks.js'
import { interruption } from './interruption.js'
import {
  allowOption,
  collect,
  count,
  examples,
  memoryOption,
  modelOption,
  paint,
  positiveInteger,
  positiveNumber,
  precisionOption,
  print,
  printJson,
  programOption,
  Reported,
  remark,
  seedNumber,
  weightsOption,
} from './shared.js'

interface Options extends ReadingOptions {
  readonly split?: NonNullable<Reading['split']>
  readonly precision?: Precision
  readonly memory?: number
  readonly model: string
  readonly allow?: readonly string[]
  readonly data: string
  readonly out: string
  readonly program?: string
  readonly recipe?: string
  readonly set: readonly string[]
  readonly seed: number
  readonly seeds?: readonly number[]
  readonly resume?: true
  readonly force?: true
  readonly dropLong?: true
  readonly length?: number
  readonly saveEvery: number
  readonly bf16?: true
  readonly weights?: WeightFormat
  readonly json?: true
}

/** The progress of compiling is shown only after this time, since a driver with a filled cache is faster. */
const secondsUnseen = 1

/** A progress bar with the loss, the validation loss and whatever else the recipe reports. */
export const barFor = (label: string): TrainWatcher & { readonly finish: () => void } => {
  let bar: Progress | undefined
  let valid: number | undefined
  let compiling: Progress | undefined
  let since: number | undefined
  return {
    forced: differs => remark(`going on all the same (--force): ${differs.join('; ')}`),
    remark,
    read: data => {
      dataRemarks(data).forEach(remark)
      remark(`an epoch reads ${epochInWords(data.train.counts(0))}`)
    },
    preparing: () => remark('compiling for the device'),
    compiled: (done, total) => {
      since ??= Date.now()
      if (compiling === undefined && Date.now() - since < secondsUnseen * 1000) return
      compiling ??= startProgress({ label: 'compiling kernels', total, from: done })
      compiling.update(done)
      if (done === total) compiling.finish()
    },
    started: ({ steps, from, trainable, bytes }) => {
      remark(
        `${trainable.toLocaleString('en')} numbers to train, ${count(steps, 'step')}, ` +
          `${showBytes(bytes)} of the device's memory${from > 0 ? `, going on after step ${from}` : ''}`,
      )
      bar = startProgress({ label, total: steps, from })
    },
    step: ({ step, ...metrics }) => {
      bar?.update(step, { ...metrics, ...(valid === undefined ? {} : { valid }) })
    },
    epoch: record => {
      valid = record.loss
    },
    finish: () => bar?.finish(),
  }
}

const run = async (file: string, o: Options): Promise<void> => {
  const seeds = o.seeds ?? [o.seed]
  const folderOf = (seed: number): string => (seeds.length === 1 ? o.out : join(o.out, `seed-${seed}`))
  const begun = new Set(seeds.filter(seed => isBegun(folderOf(seed))))
  const [first] = o.resume ? begun : []
  const device = await openNodeDevice({
    precision:
      o.precision ??
      (first === undefined ? 'f32' : precisionOf(await new RunFolder(folderOf(first)).description())),
    ...(o.memory === undefined ? {} : { memory: o.memory }),
  })
  const stop = interruption()
  const hold = seeds.length === 1 ? undefined : await holdFolder(o.out)
  try {
    const losses: number[] = []
    const results: object[] = []
    for (const seed of seeds) {
      if (stop.signal.aborted) throw new Reported(stop.exitCode())
      const out = folderOf(seed)
      const request: TrainRequest = {
        file,
        ...(o.recipe === undefined ? {} : { recipe: o.recipe }),
        ...(o.program === undefined ? {} : { program: o.program }),
        model: o.model,
        data: o.data,
        reading: readingFrom(o, o.split),
        out,
        set: o.set,
        seed,
        // A run of several seeds may have been stopped before the later ones began.
        mode: o.resume && (begun.has(seed) || begun.size === 0) ? 'resume' : o.force ? 'replace' : 'new',
        force: o.force === true,
        dropLong: o.dropLong === true,
        ...(o.length === undefined ? {} : { length: o.length }),
        saveEvery: o.saveEvery,
        bf16: o.bf16 === true,
        ...(o.weights === undefined ? {} : { weights: o.weights }),
        ...(o.allow === undefined ? {} : { allow: o.allow }),
      }
      const bar = barFor(seeds.length === 1 ? 'train' : `seed ${seed}`)
      const began = Date.now()
      const started = (info: Parameters<TrainWatcher['started']>[0]): void => {
        stop.listen()
        bar.started(info)
      }
      const result = await train(device, request, { ...bar, started }, stop.signal).finally(() => {
        bar.finish()
        stop.release()
      })
      if (result.end === 'stopped') {
        remark(`stopped; the same command with --resume goes on`)
        throw new Reported(stop.exitCode())
      }
      const seconds = (Date.now() - began) / 1000
      const best = result.best!
      losses.push(best.loss)
      results.push({
        out,
        seed,
        end: result.end,
        steps: result.history.steps.length,
        epoch: epochAsJson(result.epoch),
        best,
        written: result.written,
        seconds,
      })
      if (!o.json)
        print(
          `${result.end === 'early' ? 'stopped early' : 'finished'} in ` +
            `${formatDuration(seconds)}: best validation loss ` +
            `${paint('bold', formatNumber(best.loss))} after epoch ${best.epoch}; ` +
            `${result.written.length === 0 ? '' : `wrote ${result.written.join(', ')}`}`,
        )
    }
    if (o.json) printJson(results)
    else if (losses.length > 1)
      print(
        `validation loss over ${losses.length} seeds: ${formatNumber(mean(losses))} ± ` +
          `${formatNumber(standardDeviation(losses))}`,
      )
  } finally {
    await hold?.release()
    stop.release()
    device.close()
  }
}

const listSettings = (file: string, name: string | undefined, model: string | undefined): void => {
  const { program, modules } = loadProgram([file], { model })
  const recipe = findRecipe(program, modules[0]!, name)
  const values = settingsOf(program, recipe, [])
  if (recipe.doc !== undefined) print(`${recipe.doc.trim()}\n`)
  for (const s of [...recipe.settings, ...driverSettingsOf(recipe)]) {
    const choices = s.type.kind === 'choice' ? ` (${s.type.names.join(' | ')})` : ''
    print(`  ${`${s.name} = ${values.get(s.name)}`.padEnd(32)}${s.doc?.trim() ?? ''}${choices}`)
  }
}

const seedList = (text: string): readonly number[] => {
  const seeds = text.split(',').map(seedNumber)
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) < i)
  if (twice !== undefined) throw new InvalidArgumentError(`It names the seed ${twice} twice.`)
  return seeds
}

/** Adds `jola train`. */
export const registerTrainCommand = (program: Command): void => {
  addReadingOptions(program.command('train'))
    .argument('<recipe>', 'a .jola file with a recipe, or a module such as std.recipes.lora')
    .addOption(modelOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .option('--data <dir>', 'a folder with train.jsonl and valid.jsonl (or .json, .csv, .tsv)')
    .addOption(sizesOption())
    .option('--out <run>', "the run's folder")
    .option('--recipe <name>', 'the recipe, if the file has several')
    .addOption(programOption())
    .option('--set <name=value>', 'a setting; may be repeated', collect, [])
    .option('--seed <n>', 'the seed of all random numbers', seedNumber, 0)
    .option('--seeds <a,b,c>', 'one run a seed, in RUN/seed-N', seedList)
    .option('--resume', 'continue the run in the folder')
    .option(
      '--force',
      'replace the run in the folder; with --resume, go on though its model or program has changed',
    )
    .option('--drop-long', 'leave out examples that are longer than the context')
    .option('--length <n>', 'tokens a row, when the data is running text', positiveInteger)
    .option('--save-every <seconds>', 'save the state this often within an epoch', positiveNumber, 60)
    .option('--bf16', 'write a trained model in bf16')
    .option('--settings', "list the recipe's settings and their defaults")
    .addOption(precisionOption())
    .addOption(memoryOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      examples([
        'train stdlib/recipes/jola.jola --settings',
        'train stdlib/recipes/jola.jola --model MODEL --data DATA --out runs/first --set learning_rate=3e-2',
        'train stdlib/recipes/jola.jola --model MODEL --data DATA --out runs/three --seeds 0,1,2',
      ]),
    )
    .action(async (file: string, options: Options & { readonly settings?: true }) => {
      if (options.settings) return listSettings(file, options.recipe, options.program)
      const missing = (['model', 'data', 'out'] as const).filter(k => options[k] === undefined)
      if (missing.length > 0)
        throw new UserError({
          what: `${missing.map(k => `--${k}`).join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
          hint: 'jola train RECIPE --model DIR --data DIR --out RUN',
          exitCode: 2,
        })
      await run(file, options)
    })
}
