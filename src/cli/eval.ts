import type { Command } from 'commander'
import { openNodeDevice } from '../../runtime/node.js'
import { distinctAnswers, readSplit, type Split, splitFile } from '../data/examples.js'
import { UserError } from '../errors.js'
import { type Evaluation, evaluate, type Scoring, scoringFor } from '../evaluate.js'
import { isRun, type OpenPredictor, openBase, openRun, openRunBase } from '../open-predictor.js'
import { startProgress } from '../progress.js'
import { RunFolder } from '../train/run-folder.js'
import { examples, modelOption, paint, positiveInteger, print, printJson } from './shared.js'

/** A model to look at: a run, a run's base model (`--base`), or a model's folder. */
export interface Subject {
  readonly model?: string
  readonly base?: true
  readonly program: string
}

export const defaultProgram = 'std.models.llama'

/** Opens what the command line names: the folder of a run, or a model by --model alone. */
export const openSubject = async (
  device: Awaited<ReturnType<typeof openNodeDevice>>,
  path: string | undefined,
  o: Subject,
): Promise<OpenPredictor> => {
  if (path === undefined) {
    if (o.model !== undefined) return openBase(device, o.model, o.program)
    throw new UserError({
      what: 'there is nothing to open',
      hint: 'name the folder of a run, or a model by --model',
      exitCode: 2,
    })
  }
  if (!isRun(path))
    throw new UserError({
      what: 'this is not the folder of a finished run',
      where: path,
      why: 'there is no adapter_config.json in it',
      hint: 'name what was given to `jola train --out`; a model goes to --model',
    })
  return o.base ? openRunBase(device, path, o.model) : openRun(device, path, o.model)
}

interface Options extends Subject {
  readonly data?: string
  readonly split: Split
  readonly score?: Scoring
  readonly limit?: number
  readonly json?: true
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`

/** A sentence or two on how a model did. */
export const describe = (e: Evaluation): string => {
  const { correct, total, accuracy } = e.accuracy
  const parts = [
    `${paint('bold', percent(accuracy))} right (${correct} of ${total}; always the most frequent answer: ${percent(e.majority)})`,
  ]
  if (e.unconstrained !== undefined)
    parts.push(`the likeliest of all tokens is right in ${percent(e.unconstrained.accuracy)}`)
  if (e.bleu !== undefined) parts.push(`BLEU ${e.bleu.toFixed(2)}, ROUGE-L ${e.rougeL!.toFixed(3)}`)
  return parts.join('; ')
}

const run = async (path: string | undefined, o: Options): Promise<void> => {
  const data = o.data ?? (path === undefined ? undefined : (await new RunFolder(path).description()).data)
  if (data === undefined)
    throw new UserError({ what: '--data is missing', hint: 'name a folder with test.jsonl', exitCode: 2 })
  const all = await readSplit(data, o.split)
  const some = o.limit === undefined ? all : all.slice(0, o.limit)
  const train = (await splitFile(data, 'train')) === undefined ? all : await readSplit(data, 'train')
  const device = await openNodeDevice()
  try {
    const opened = await openSubject(device, path, o)
    const bar = startProgress({ label: 'eval', total: some.length })
    const result = await evaluate(
      opened.sequence,
      opened.tokenizer,
      some,
      distinctAnswers(train),
      o.score ?? scoringFor(some),
      done => bar.update(done),
    ).finally(bar.finish)
    await opened.close()
    if (o.json)
      printJson({
        ...result,
        predictions: result.predictions.map(p => ({
          prompt: p.example.prompt,
          answer: p.example.answer,
          predicted: p.predicted,
        })),
      })
    else print(describe(result))
  } finally {
    device.close()
  }
}

/** Adds `jola eval`. */
export const register = (program: Command): void => {
  program
    .command('eval')
    .description('score a run, its base model, or any model on a data set')
    .argument('[run]', "a run's folder")
    .addOption(modelOption())
    .option('--base', 'the base model, without the edits')
    .option('--program <file>', 'the module whose `logits` describes the model', defaultProgram)
    .option('--data <dir>', "the data; the run's own unless given")
    .option('--split <part>', 'train, valid or test', 'test')
    .option('--score <how>', 'choice, word, letter or text; found from the data unless given')
    .option('--limit <n>', 'the first n examples only', positiveInteger)
    .option('--json', 'print scores and predictions as JSON')
    .addHelpText(
      'after',
      examples(['eval runs/first', 'eval runs/first --base', 'eval --model MODEL --data DATA --split valid']),
    )
    .action(run)
}
