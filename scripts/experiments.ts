/**
 * Remakes the results in docs/experiments.md: `npm run experiments`. Each comparison runs in a folder below
 * `experiments/` (or `--out DIR`) and goes on where it was stopped. `--collect` only writes the page, and
 * `--only NAME` runs one comparison.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { conclusionsOf } from '../src/compare/conclusions.js'
import type { GateSummary } from '../src/compare/gate-summary.js'
import type { Summary } from '../src/compare/summary.js'
import { CompareFolder } from '../src/experiments/compare-folder.js'
import { gather } from '../src/experiments/gather.js'
import { compareTable } from '../src/report/compare-table.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const shared = process.env.JOLA_SHARED ?? join(root, '..', 'shared')

interface Experiment {
  readonly name: string
  readonly title: string
  readonly options: readonly string[]
  /** Whether it needs the folder of real models and data. */
  readonly shared: boolean
}

/** No early stopping: the validation loss of small models stands still for some epochs, then falls on. */
const patience = ['--set', 'patience=20']
const stories = ['--model', join(shared, 'models', 'stories260K'), '--task', 'trec', ...patience]
const quickstart = [
  ...['--model', join(root, 'examples/quickstart/model')],
  ...['--task', join(root, 'examples/quickstart/task')],
  ...patience,
]

const experiments: readonly Experiment[] = [
  { name: 'trec', title: 'stories260K on TREC', options: stories, shared: true },
  { name: 'quickstart', title: "The quickstart's model on its task", options: quickstart, shared: false },
  {
    name: 'sizes',
    title: 'stories260K on TREC, by the number of training examples',
    options: [...stories, '--methods', 'jola,lora,rank-one', '--train-size', '50,100,200,500,1000,2000'],
    shared: true,
  },
]

const argument = (name: string): string | undefined => {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv[at + 1]
}

const out = argument('--out') ?? join(root, 'experiments')
const only = argument('--only')

/** TREC as the files that `jola` reads; they are stored compressed. */
const unpackTrec = (): string => {
  const data = join(out, 'data')
  mkdirSync(join(data, 'trec'), { recursive: true })
  for (const part of ['train', 'dev', 'test']) {
    const file = join(data, 'trec', `${part}.jsonl`)
    if (existsSync(file)) continue
    const packed = join(shared, 'tasks', `trec.${part}.jsonl.xz`)
    writeFileSync(file, execFileSync('xz', ['-dc', packed], { maxBuffer: 1 << 26 }))
  }
  return data
}

const run = (e: Experiment): void => {
  if (e.shared && !existsSync(shared)) {
    console.log(`${e.name}: needs the folder of real models and data; JOLA_SHARED may name it`)
    return
  }
  const data = e.shared ? ['--data', unpackTrec()] : []
  const folder = join(out, e.name)
  const begun = existsSync(join(folder, 'plan.json'))
  const options = begun ? [] : [...e.options, ...data]
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'dist/src/cli/main.js'), 'compare', ...options, '--out', folder],
    { stdio: 'inherit' },
  )
  if (status !== 0) process.exit(status ?? 1)
}

const percent = (x: number): string => `${(100 * x).toFixed(0)} %`

const gateLine = (g: GateSummary): string => {
  const closed = g.closed.flat().reduce((a, b) => a + b, 0) / g.closed.flat().length
  const agree =
    g.agreement === undefined
      ? ''
      : `; the closed ones agree over seeds by ${g.agreement.toFixed(2)} ` +
        `(Jaccard; by chance ${g.agreementByChance!.toFixed(2)})`
  return `${g.kind === 'scale' ? 'scaling' : 'offset'} gates: ${percent(closed)} closed${agree}`
}

const gatesOf = ({ tasks }: Summary): readonly string[] =>
  tasks.flatMap(t =>
    t.methods
      .filter(m => m.gates.length > 0)
      .map(m => `- ${m.title} on ${t.task}, ${t.trainSize} examples: ${m.gates.map(gateLine).join('; ')}.`),
  )

const resultOf = async (e: Experiment): Promise<string> => {
  const folder = new CompareFolder(join(out, e.name))
  if (!folder.isBegun) return `## ${e.title}\n\nNot run yet.\n`
  const plan = await folder.plan()
  const summary = await gather(folder, plan)
  const gates = gatesOf(summary)
  const device = [...new Set(summary.remarks)].map(text => `${text}.`)
  return [
    `## ${e.title}`,
    '',
    `${summary.done} of ${summary.cells} cells, ${plan.seeds.length} seeds, ` +
      `${plan.tries} candidates of settings for each method.`,
    ...device,
    '',
    compareTable(summary).trim(),
    '',
    ...conclusionsOf(summary).map(text => `- ${text}`),
    ...(gates.length === 0 ? [] : ['', 'Where gates stand:', '', ...gates]),
    '',
  ].join('\n')
}

if (!process.argv.includes('--collect'))
  for (const e of experiments) if (only === undefined || e.name === only) run(e)

const page = join(root, 'docs/experiments.md')
const [begin, end] = ['<!-- results: begin -->', '<!-- results: end -->']
const text = readFileSync(page, 'utf8')
const results = (await Promise.all(experiments.map(resultOf))).join('\n')
writeFileSync(
  page,
  `${text.slice(0, text.indexOf(begin) + begin.length)}\n${results}${text.slice(text.indexOf(end))}`,
)
console.log(`wrote ${page}`)
