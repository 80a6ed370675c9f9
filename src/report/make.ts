import { basename, join } from 'node:path'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import type { Device } from '../../runtime/index.js'
import { distinctAnswers, readSplit, splitFile } from '../data/examples.js'
import { mean, standardDeviation } from '../data/scores.js'
import { type Evaluation, evaluate, scoringFor } from '../evaluate.js'
import { openCheckpoint } from '../hub/safetensors.js'
import { type OpenPredictor, openBase, openRun } from '../open-predictor.js'
import { loadProgram } from '../program.js'
import { adapterFiles } from '../train/export.js'
import { findRecipe } from '../train/recipes.js'
import { type History, type RunDescription, RunFolder } from '../train/run-folder.js'
import type { CurvePoint, GateGrid, ReportData, ScoreRow, SeedScore, TextSample } from './data.js'

export interface ReportRequest {
  readonly data?: string
  readonly samples: number
  readonly limit?: number
  /** Told what is under way and how much of all is done, from 0 to 1. */
  readonly progress: (label: string, share: number) => void
}

/** How far each head's edits are open: what the recipe's `gates` makes of the adapter, where it has such a method. */
const gatesOf = async (directory: string, run: RunDescription): Promise<ReportData['gates']> => {
  const { program, modules } = loadProgram([run.program])
  const recipe = findRecipe(program, modules[0]!, run.recipe)
  const method = recipe.methods.get('gates')
  if (method === undefined) return undefined
  const sizes = new Map(Object.entries(run.sizes))
  const graph = specialiseMethod(program, recipe, 'gates', {
    sizes,
    settings: new Map(Object.entries(run.settings)),
  })
  const checkpoint = await openCheckpoint(join(directory, adapterFiles.tensors))
  try {
    const prefix = `${method.params[0]!.name}.`
    const inputs = new Map<string, Float32Array>()
    for (const node of graph.nodes)
      if (node.kind === 'input')
        inputs.set(node.name, await checkpoint.readF32(node.name.slice(prefix.length)))
    const outputs = interpret(graph, inputs)
    const grid = (name: string): GateGrid | undefined => {
      const output = graph.outputs.find(o => o.name === name)
      const node = graph.nodes.find(n => n.id === output?.node)
      if (node === undefined) return undefined
      const [layers, heads] = shapeOf(node) as [number, number]
      const values = outputs.get(name)!
      return Array.from({ length: layers }, (_, l) => Array.from(values.subarray(l * heads, (l + 1) * heads)))
    }
    const [scale, offset] = [grid('scale'), grid('offset')]
    return scale === undefined || offset === undefined ? undefined : { scale, offset }
  } finally {
    await checkpoint.close()
  }
}

const curve = (history: History, metric: string): readonly CurvePoint[] =>
  history.steps.flatMap(r => (r[metric] === undefined ? [] : [{ step: r.step, value: r[metric]! }]))

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
  examples: readonly { readonly prompt: string; readonly answer: string }[],
  most: number,
): Promise<readonly TextSample[]> => {
  const write = async (p: OpenPredictor): Promise<readonly string[]> => {
    const rows = await p.sequence.greedy(
      examples.map(e => p.tokenizer.encode(e.prompt)),
      most,
      p.tokenizer,
    )
    return rows.map(r => p.tokenizer.decode(r))
  }
  const [a, b] = [await write(before), await write(after)]
  return examples.map((e, i) => ({ prompt: e.prompt, before: a[i]!, after: b[i]!, expected: e.answer }))
}

/** Everything a report shows, from finished runs that differ in their seeds: scores are made anew on the test data. */
export const makeReport = async (
  device: Device,
  paths: readonly string[],
  o: ReportRequest,
): Promise<ReportData> => {
  const runs = await Promise.all(paths.map(async p => new RunFolder(p).description()))
  const first: RunDescription = runs[0]!
  const data = o.data ?? first.data
  const split = (await splitFile(data, 'test')) === undefined ? 'valid' : 'test'
  const all = await readSplit(data, split)
  const examples = o.limit === undefined ? all : all.slice(0, o.limit)
  const train = await readSplit(data, 'train')
  const options = distinctAnswers(train)
  const scoring = scoringFor(examples)
  const parts = paths.length + 1
  const score = (p: OpenPredictor, part: number, label: string) =>
    evaluate(p.sequence, p.tokenizer, examples, options, scoring, done =>
      o.progress(label, (part + done / examples.length) / parts),
    )

  const base = await openBase(device, first.model, 'std.models.llama')
  const before = await score(base, 0, 'before')
  const after: Evaluation[] = []
  let samples: readonly TextSample[] = []
  for (const [i, path] of paths.entries()) {
    const opened = await openRun(device, path)
    after.push(await score(opened, i + 1, paths.length === 1 ? 'after' : `seed ${runs[i]!.seed}`))
    if (i === 0)
      samples = await samplesOf(base, opened, examples.slice(0, o.samples), scoring === 'choice' ? 8 : 48)
    await opened.close()
  }
  await base.close()
  o.progress('page', 1)

  const history = (await new RunFolder(paths[0]!).load())?.history ?? { steps: [], epochs: [] }
  const gates = await gatesOf(paths[0]!, first)
  const best = history.epochs.reduce<History['epochs'][number] | undefined>(
    (b, e) => (b === undefined || e.loss < b.loss ? e : b),
    undefined,
  )
  const closed = gates === undefined ? [] : closedFacts(gates)
  const shares = after.map(e => e.accuracy.accuracy)
  return {
    title: `${first.recipe} on ${basename(data)}`,
    summary: `${first.trainable.toLocaleString('en')} numbers trained on ${train.length} examples; accuracy on ${examples.length} held-out ones went from ${(100 * before.accuracy.accuracy).toFixed(1)} % to ${(100 * mean(shares)).toFixed(1)}${shares.length > 1 ? ` ± ${(100 * standardDeviation(shares)).toFixed(1)}` : ''} %.`,
    model: [
      { name: 'Base model', value: basename(first.model) },
      ...Object.entries(first.sizes)
        .filter(([k]) => !['B', 'T'].includes(k))
        .map(([name, v]) => ({ name, value: `${v}` })),
      { name: 'Trained numbers', value: first.trainable.toLocaleString('en') },
      ...closed,
    ],
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
      { name: 'Most frequent answer', value: `${(100 * before.majority).toFixed(1)} %` },
    ],
    settings: Object.entries(first.settings).map(([name, v]) => ({ name, value: `${v}` })),
    scores: scoreRows(before, after),
    curves: {
      train: curve(history, 'loss'),
      valid: history.epochs.map(e => ({ step: e.step, value: e.loss })),
      openScale: curve(history, 'open_scale'),
      openOffset: curve(history, 'open_offset'),
      ...(best === undefined ? {} : { bestStep: best.step }),
    },
    ...(gates === undefined ? {} : { gates }),
    samples,
    reproduce: {
      command: `jola train ${first.program} --model ${first.model} --data ${first.data} --out RUN --seed ${first.seed}${Object.entries(
        first.settings,
      )
        .map(([k, v]) => ` --set ${k}=${v}`)
        .join('')}`,
      facts: [
        { name: 'Seed', value: runs.map(r => r.seed).join(', ') },
        { name: 'Device', value: first.device },
        { name: 'Program', value: first.programHash.slice(0, 16) },
      ],
    },
  }
}

const closedFacts = (gates: NonNullable<ReportData['gates']>) => {
  const share = (grid: GateGrid): string => {
    const all = grid.flat()
    const closed = all.filter(g => g === 0).length
    return `${closed} of ${all.length} (${((100 * closed) / all.length).toFixed(0)} %)`
  }
  return [
    { name: 'Scalings closed exactly', value: share(gates.scale) },
    { name: 'Offsets closed exactly', value: share(gates.offset) },
  ]
}
