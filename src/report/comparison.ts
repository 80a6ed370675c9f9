import type { DataFolder } from '../data/data-folder.js'
import type { Example } from '../data/examples.js'
import type { OpenPredictor } from '../predict/open-predictor.js'
import { evaluate, taskOf } from '../score/evaluate.js'
import type { Evaluation } from '../score/evaluation.js'
import type { LongWay } from '../score/fit-prompts.js'
import { mean, standardDeviation } from '../score/scores.js'
import { promptTokens } from '../score/written-answers.js'
import type { Fact, ReportData, ScoreRow, SeedScore, TextSample } from './report-data.js'

/** A model before and after training: scores on held-out examples, and texts. */
export interface ScoreComparison {
  readonly summary: string
  readonly data: readonly Fact[]
  readonly scores: ReportData['scores']
  readonly samples: ReportData['samples']
}

export interface ComparisonRequest {
  readonly folder: DataFolder
  /** Opens the base model of the runs. */
  readonly openBase: () => Promise<OpenPredictor>
  /** Opens one run. */
  readonly openRun: (path: string) => Promise<OpenPredictor>
  readonly long: LongWay
  readonly samples: number
  readonly limit?: number
  /** Receives the forced differences between a run's training and now. */
  readonly forced?: (reasons: readonly string[]) => void
  /**
   * Receives the name of the present work, and the numbers of scored and of all examples; each example counts
   * once for each model.
   */
  readonly progress: (label: string, done: number, total: number) => void
}

const asSeed = ({ correct, total, accuracy }: Evaluation['accuracy']): SeedScore => ({
  value: accuracy,
  correct,
  total,
})

const scoreRows = (before: Evaluation, after: readonly Evaluation[]): readonly ScoreRow[] => {
  const name = before.scoring === 'choice' ? 'Accuracy among the answers' : 'Accuracy'
  const rows: ScoreRow[] = [
    {
      name,
      kind: 'share',
      better: 'higher',
      before: [asSeed(before.accuracy)],
      after: after.map(e => asSeed(e.accuracy)),
    },
  ]
  if (before.unconstrained !== undefined && after.every(e => e.unconstrained !== undefined))
    rows.push({
      name: 'Accuracy of the likeliest token of all',
      kind: 'share',
      better: 'higher',
      before: [asSeed(before.unconstrained)],
      after: after.map(e => asSeed(e.unconstrained!)),
    })
  if (before.bleu !== undefined)
    rows.push({
      name: 'BLEU',
      kind: 'number',
      better: 'higher',
      before: [{ value: before.bleu }],
      after: after.map(e => ({ value: e.bleu! })),
    })
  return rows
}

const samplesOf = async (
  before: OpenPredictor,
  after: OpenPredictor,
  examples: readonly Example[],
  most: number,
): Promise<readonly TextSample[]> => {
  const write = async (p: OpenPredictor): Promise<readonly string[]> => {
    const rows = await p.sequence.greedy(
      examples.map(e => promptTokens(p.tokenizer, e)),
      most,
      p.tokenizer,
    )
    return rows.map(r => p.tokenizer.decode(r))
  }
  const [a, b] = [await write(before), await write(after)]
  return examples.map((e, i) => ({ prompt: e.prompt, before: a[i]!, after: b[i]!, expected: e.answer }))
}

/** Scores the base model and each of the runs, which differ in their seeds. */
export const compareRuns = async (
  runs: readonly { readonly path: string; readonly seed: number }[],
  o: ComparisonRequest,
): Promise<ScoreComparison> => {
  const split = (await o.folder.has('test')) ? 'test' : 'valid'
  const all = await o.folder.examples(split)
  const examples: readonly Example[] = o.limit === undefined ? all : all.slice(0, o.limit)
  const train = await o.folder.examples('train')
  const task = taskOf(all, train)
  const { options, scoring } = task
  const total = examples.length * (runs.length + 1)
  const score = (p: OpenPredictor, part: number, label: string) =>
    evaluate(p.sequence, p.tokenizer, examples, {
      ...task,
      long: o.long,
      progress: done => o.progress(label, part * examples.length + done, total),
    })

  const base = await o.openBase()
  if (base.forced.length > 0) o.forced?.(base.forced)
  const before = await score(base, 0, 'before')
  const after: Evaluation[] = []
  let samples: readonly TextSample[] = []
  for (const [i, { path, seed }] of runs.entries()) {
    const opened = await o.openRun(path)
    after.push(await score(opened, i + 1, runs.length === 1 ? 'after' : `seed ${seed}`))
    if (i === 0)
      samples = await samplesOf(base, opened, examples.slice(0, o.samples), scoring === 'choice' ? 8 : 48)
    await opened.close()
  }
  await base.close()

  const shares = after.map(e => e.accuracy.accuracy)
  const deviation = shares.length > 1 ? ` ± ${(100 * standardDeviation(shares)).toFixed(1)}` : ''
  const percent = (x: number): string => (100 * x).toFixed(1)
  return {
    summary:
      `accuracy on ${examples.length} held-out examples went from ` +
      `${percent(before.accuracy.accuracy)} % to ${percent(mean(shares))}${deviation} %`,
    data: [
      { name: 'Training examples', value: `${train.length}` },
      { name: 'Scored on', value: `${examples.length} (${split})` },
      {
        name: 'Answers',
        value: options
          .slice(0, 12)
          .map(a => a.trim())
          .join(', '),
      },
      { name: 'Most frequent answer', value: `${percent(before.majority)} %` },
    ],
    scores: scoreRows(before, after),
    samples,
  }
}
