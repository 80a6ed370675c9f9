import { Argument, type Command } from 'commander'
import type { Precision } from '../../compiler/artifact.js'
import { openNodeDevice } from '../../runtime/node.js'
import { allCases } from '../bench/cases.js'
import { Ceilings } from '../bench/ceilings.js'
import { measureCompiling } from '../bench/compile-time.js'
import { decodePlans, measureDecoding } from '../bench/decoding.js'
import { environmentOf } from '../bench/environment.js'
import { growthPlans, measureGrowth } from '../bench/growth.js'
import { growthPicture } from '../bench/growth-picture.js'
import { measureKernels } from '../bench/kernels.js'
import { comparePeers } from '../bench/peers/compare.js'
import { checkPeersFolder, installPeers, peerPrograms } from '../bench/peers/programs.js'
import { works } from '../bench/peers/works.js'
import { randomCases } from '../bench/random-cases.js'
import { llamaConfig, stories15M } from '../bench/random-model.js'
import { jola, type StepPlan } from '../bench/recipe-step.js'
import { measureSchedules } from '../bench/schedules.js'
import { type BenchReport, showReport } from '../bench/show.js'
import { measureSteps, stepPlans } from '../bench/step.js'
import { UserError } from '../errors.js'
import { writeAtomic } from '../hub/atomic.js'
import { readConfig } from '../hub/config.js'
import type { WeightFormat } from '../model/weights.js'
import { allowTuning } from '../tune/tune.js'
import { checkWritable } from './run.js'
import {
  collect,
  examples,
  modelOption,
  positiveInteger,
  precisionOption,
  print,
  Reported,
  remark,
  seedOption,
  weightsOption,
} from './shared.js'

const sections = ['kernels', 'step', 'decode', 'compile', 'growth', 'peers', 'schedules'] as const
type Section = (typeof sections)[number]
type What = Section | 'all'

interface BenchOptions {
  readonly json?: string
  readonly markdown?: true
  readonly plot?: string
  readonly filter?: string
  readonly runs: number
  readonly precision?: Precision
  readonly weights?: WeightFormat
  readonly profile?: string | true
  readonly recipe?: string
  readonly set: readonly string[]
  readonly model?: string
  readonly shape?: string
  readonly batch?: number
  readonly context?: number
  readonly answers?: number
  readonly install?: true
  readonly tune?: number
  readonly seed: number
  readonly count: number
}

const usage = (what: string, why: string, hint: string): UserError =>
  new UserError({ what, why, hint, exitCode: 2 })

/** The one step that options describe; nothing where they describe none, and the usual ones are measured. */
const describedStep = async (o: BenchOptions): Promise<StepPlan | undefined> => {
  const { model, shape, batch, context, answers, recipe } = o
  const file = typeof o.profile === 'string' ? o.profile : undefined
  const given = [file, model, shape, batch, context, answers, recipe]
  if (given.every(x => x === undefined) && o.set.length === 0) return undefined
  if (model !== undefined && shape !== undefined)
    throw usage('--model and --shape contradict each other', 'both say the sizes', 'give one of them')
  const [B, T] = [batch ?? 8, context ?? 64]
  const A = answers ?? T
  if (A > T)
    throw usage(
      `answers of ${A} tokens do not fit`,
      `an example has ${T}`,
      'give --answers at most --context',
    )
  const of = model ?? shape ?? 'stories15M'
  return {
    name: `${file ?? jola.file} on ${of}, ${B}×${T} tokens${A < T ? `, answers of ${A}` : ''}`,
    recipe: { file: file ?? jola.file, ...(recipe === undefined ? {} : { name: recipe }), set: o.set },
    model: model ?? (of === 'stories15M' ? llamaConfig(stories15M) : await readConfig(of)),
    shape: { B, T, A, everywhere: A === T },
  }
}

/** What there is to measure in a section. */
const plansFor = async (wants: (s: Section) => boolean, lanes: number, options: BenchOptions) => {
  const described = wants('step') ? await describedStep(options) : undefined
  return {
    cases: wants('kernels') ? allCases(lanes) : [],
    steps: (described ? [described] : wants('step') ? await stepPlans() : []).map(plan =>
      options.weights === undefined ? plan : { ...plan, weights: options.weights },
    ),
    decoding: wants('decode') ? decodePlans : [],
    growth: wants('growth') ? growthPlans : [],
    works: wants('peers') ? works : [],
    shapes: wants('schedules') ? randomCases(options.seed, options.count) : [],
  }
}

/** Measures what is asked for on this machine's device. Throws a `UserError` if a filter leaves nothing. */
const bench = async (what: What, options: BenchOptions): Promise<BenchReport> => {
  // Schedules are of the compiler alone, and take minutes.
  const wants = (s: Section): boolean => what === s || (what === 'all' && s !== 'schedules')
  if (wants('peers')) checkPeersFolder()
  if (options.install) installPeers()
  if (options.tune !== undefined) allowTuning(options.tune)
  const device = await openNodeDevice({ precision: options.precision ?? 'f32' })
  const ceilings = new Ceilings(device)
  try {
    const { traits } = device
    const all = await plansFor(wants, traits.subgroupSize, options)
    const chosen = <A extends { readonly name: string }>(list: readonly A[]): readonly A[] =>
      list.filter(a => a.name.toLowerCase().includes((options.filter ?? '').toLowerCase()))
    const [cases, steps, growth] = [chosen(all.cases), chosen(all.steps), chosen(all.growth)]
    const [decoding, compared, shapes] = [chosen(all.decoding), chosen(all.works), chosen(all.shapes)]
    const compiles = wants('compile') && options.filter === undefined
    const count = [cases, steps, decoding, growth, compared, shapes].reduce((n, list) => n + list.length, 0)
    if (count === 0 && !compiles)
      throw usage(
        `nothing to measure has \`${options.filter}\` in its name`,
        `there is: ${Object.values(all)
          .flat()
          .map(c => c.name)
          .join('; ')}`,
        'name a part of one of these by --filter',
      )
    const { runs } = options
    const timing = { runs, progress: remark }
    const environment = environmentOf(device)
    remark(`measuring on ${traits.name}; nothing else should run meanwhile`)
    return {
      format: 'jola-bench-2',
      environment,
      command: commandOf(what, options),
      runs,
      ...(cases.length > 0 ? await measureKernels(ceilings, cases, timing) : {}),
      ...(steps.length > 0
        ? {
            steps: await measureSteps(ceilings, steps, { ...timing, profile: options.profile !== undefined }),
          }
        : {}),
      ...(decoding.length > 0 ? { decoding: await measureDecoding(ceilings, decoding, timing) } : {}),
      ...(compiles ? { compile: measureCompiling(traits, runs) } : {}),
      ...(growth.length > 0 ? { growth: await measureGrowth(device, growth, timing) } : {}),
      ...(compared.length > 0
        ? { peers: await comparePeers(device, peerPrograms(traits.software), compared, timing) }
        : {}),
      ...(shapes.length > 0 ? { schedules: await measureSchedules(device, shapes, timing) } : {}),
    }
  } finally {
    await ceilings.close()
    device.close()
  }
}

/** The command as it could be typed again. */
const commandOf = (what: What, o: BenchOptions): string =>
  [
    `jola bench ${what} --runs ${o.runs}`,
    ...(o.filter === undefined ? [] : [`--filter '${o.filter}'`]),
    ...(o.profile === undefined ? [] : [o.profile === true ? '--profile' : `--profile ${o.profile}`]),
    ...(['recipe', 'model', 'shape', 'batch', 'context', 'answers', 'weights', 'precision'] as const).flatMap(
      name => (o[name] === undefined ? [] : [`--${name} ${o[name]}`]),
    ),
    ...o.set.map(s => `--set ${s}`),
    ...(what === 'schedules' ? [`--seed ${o.seed} --count ${o.count}`] : []),
  ].join(' ')

const run = async (given: What | undefined, options: BenchOptions): Promise<void> => {
  const what = given ?? (options.profile === undefined ? 'kernels' : 'step')
  if (options.profile !== undefined && what !== 'step' && what !== 'all')
    throw usage(
      '--profile is for steps',
      'a kernel is timed as a whole already',
      'write `jola bench --profile`',
    )
  if (options.plot !== undefined && what !== 'growth' && what !== 'all')
    throw usage(
      '--plot is for growth',
      'nothing else has a picture',
      'write `jola bench growth --plot growth.svg`',
    )
  if (options.install && what !== 'peers' && what !== 'all')
    throw usage('--install is for peers', 'nothing else needs them', 'write `jola bench peers --install`')
  for (const file of [options.json, options.plot]) if (file !== undefined) checkWritable(file)
  const report = await bench(what, options)
  if (options.json !== undefined) await writeAtomic(options.json, [`${JSON.stringify(report, null, 2)}\n`])
  if (options.plot !== undefined && report.growth)
    await writeAtomic(options.plot, [growthPicture(report.growth)])
  print(showReport(report, options.markdown ? 'markdown' : 'plain'))
  const wrong = [
    ...(report.kernels ?? []).flatMap(k => (k.wrong === undefined ? [] : [k.name])),
    ...(report.schedules?.wrong ?? []),
  ]
  if (wrong.length > 0) {
    remark(`${wrong.join(', ')}: the kernel computes something else, and was not timed`)
    throw new Reported(1)
  }
}

/** Adds `jola bench`. */
export const register = (program: Command): void => {
  program
    .command('bench')
    .description('measure kernels, training steps, decoding and compiling against ceilings and peers')
    .addArgument(
      new Argument('[what]', 'what to measure; kernels, or with --profile a step').choices([
        ...sections,
        'all',
      ]),
    )
    .option('--json <file>', 'write all of it to a file as JSON')
    .option('--markdown', 'print the tables in Markdown')
    .option('--filter <text>', 'only what has this in its name')
    .option('--runs <n>', 'rounds, in each of which everything is timed once', positiveInteger, 7)
    .addOption(precisionOption())
    .addOption(weightsOption())
    .option('--profile [recipe]', "a step's time by kernel and line: of JoLA, or of a .jola file's recipe")
    .option('--recipe <name>', 'which recipe, where the file has several')
    .option('--set <name=value>', 'a setting of the recipe; may be repeated', collect, [])
    .addOption(modelOption())
    .option('--shape <of>', 'random weights instead: stories15M, or a folder with a config.json')
    .option('--batch <n>', 'examples a step (default: 8)', positiveInteger)
    .option('--context <n>', 'tokens of an example (default: 64)', positiveInteger)
    .option('--answers <n>', 'tokens of an example that are learned (default: all)', positiveInteger)
    .option('--plot <file>', 'draw the growth as an SVG')
    .option(
      '--tune <seconds>',
      'first find, and keep, the fastest schedules of these kernels on this device',
      positiveInteger,
    )
    .addOption(seedOption())
    .option('--count <n>', 'random shapes whose schedules are measured', positiveInteger, 30)
    .option('--install', 'install the JavaScript peers first, at their locked versions')
    .addHelpText(
      'after',
      [
        '',
        'A kernel is checked before it is timed, and a peer before it is compared. Ratios are of the same round: "÷ by hand" and "÷ ceiling" compare',
        'speeds, 1 is as fast, 2 twice as fast; "÷ Jola’s time" is 2 where the peer takes twice as long.',
        '',
        '`bench schedules` holds the compiler’s cost model against measuring: for products, matrix-vector products and rows of random shapes it times every',
        'schedule that a kernel may take, in turn, and tells how much longer the chosen one takes than the best. It is not part of `all`.',
        'JOLA_TUNE=SECONDS lets any command find schedules for what it is about to run, as --tune does here; JOLA_TUNE=0 leaves those found unused.',
        examples([
          'bench',
          'bench kernels --filter product --runs 15',
          'bench --profile std.recipes.jola --shape stories15M',
          'bench peers --install',
          'bench growth --plot growth.svg --json growth.json',
          'bench schedules --seed 1 --count 30',
        ]),
      ].join('\n'),
    )
    .action(run)
}
