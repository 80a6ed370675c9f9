import { Argument, type Command } from 'commander'
import { openNodeDevice } from '../../runtime/node.js'
import { allCases } from '../bench/cases.js'
import { Ceilings } from '../bench/ceilings.js'
import { compilePlan, measureCompiling } from '../bench/compile-time.js'
import { decodePlans, measureDecoding } from '../bench/decoding.js'
import { measureEpochs } from '../bench/epochs/measure-epochs.js'
import { epochPlans } from '../bench/epochs/sources.js'
import { growthPlans, measureGrowth } from '../bench/growth.js'
import { growthPicture } from '../bench/growth-picture.js'
import { measureKernels } from '../bench/kernels.js'
import { maskPlans, measureMasks } from '../bench/masks.js'
import { comparePeers } from '../bench/peers/compare.js'
import { checkPeersFolder, installPeers, peerPrograms } from '../bench/peers/programs.js'
import { works } from '../bench/peers/works.js'
import { randomCases } from '../bench/random-cases.js'
import { measureSchedules } from '../bench/schedules.js'
import { type BenchReport, disagreements, showReport } from '../bench/show.js'
import { measureSteps, stepPlans } from '../bench/step.js'
import { writeAtomic } from '../files/atomic.js'
import { environmentOf } from '../host/environment.js'
import { tuningOf } from '../tune/table.js'
import { allowTuning } from '../tune/tune.js'
import {
  type BenchOptions,
  checkEffects,
  commandOf,
  describedStep,
  type Section,
  sections,
  usage,
  type What,
} from './bench-options.js'
import { checkWritable } from './run.js'
import {
  allowOption,
  collect,
  examples,
  modelOption,
  positiveInteger,
  precisionOption,
  print,
  Reported,
  remark,
  seedOption,
  version,
  weightsOption,
} from './shared.js'

interface Named {
  readonly name: string
}

/** The names of all that can be measured, before a filter. They do not depend on the lanes of a subgroup. */
const plansFor = async (what: What, options: BenchOptions) => {
  // Schedules concern only the compiler, and take minutes.
  const wants = (s: Section): boolean => what === s || (what === 'all' && s !== 'schedules')
  const described = wants('step') ? await describedStep(options) : undefined
  return {
    cases: (lanes: number) => (wants('kernels') ? allCases(lanes) : []),
    steps: (described ? [described] : wants('step') ? await stepPlans() : []).map(plan =>
      options.weights === undefined ? plan : { ...plan, weights: options.weights },
    ),
    decoding: wants('decode') ? decodePlans : [],
    compiling: wants('compile') ? [compilePlan] : [],
    growth: wants('growth') ? growthPlans : [],
    masks: wants('masks') ? maskPlans : [],
    works: wants('peers') ? works : [],
    epochs: wants('data') ? epochPlans() : [],
    shapes: wants('schedules') ? randomCases(options.seed, options.count) : [],
  }
}

/**
 * Measures the requested sections on this machine's device; `keep` receives all results after each section.
 * Throws a `UserError` if a filter leaves nothing.
 */
const bench = async (
  what: What,
  options: BenchOptions,
  keep: (report: BenchReport) => Promise<void>,
): Promise<void> => {
  const chosen = <A extends Named>(list: readonly A[]): readonly A[] =>
    list.filter(a => a.name.toLowerCase().includes((options.filter ?? '').toLowerCase()))
  const { cases: casesFor, ...plans } = await plansFor(what, options)
  const all: readonly Named[] = [...casesFor(0), ...Object.values(plans).flat()]
  if (chosen(all).length === 0)
    throw usage(
      `nothing to measure has \`${options.filter}\` in its name`,
      `there is: ${all.map(c => c.name).join('; ')}`,
      'name a part of one of these by --filter',
    )
  const [steps, decoding, compiling] = [chosen(plans.steps), chosen(plans.decoding), chosen(plans.compiling)]
  const [growth, compared, shapes] = [chosen(plans.growth), chosen(plans.works), chosen(plans.shapes)]
  const [epochs, masks] = [chosen(plans.epochs), chosen(plans.masks)]
  if (plans.works.length > 0) checkPeersFolder()
  if (options.install) installPeers()
  if (options.tune !== undefined) allowTuning(options.tune)
  const device = await openNodeDevice({ precision: options.precision ?? 'f32' })
  const ceilings = new Ceilings(device)
  try {
    const { traits } = device
    const cases = chosen(casesFor(traits.subgroupSize))
    const { runs } = options
    const timing = { runs, progress: remark }
    remark(`measuring on ${traits.name}; nothing else should run meanwhile`)
    let report: BenchReport = {
      format: 'jola-bench-2',
      environment: environmentOf(device),
      jola: version(),
      precision: traits.precision,
      tabled: 0,
      command: commandOf(what, options),
      runs,
    }
    const add = (found: Partial<BenchReport>): Promise<void> => {
      report = { ...report, ...found, tabled: tuningOf(device).size }
      return keep(report)
    }
    if (cases.length > 0) await add(await measureKernels(ceilings, cases, timing))
    if (steps.length > 0) {
      const profile = options.profile !== undefined
      await add({ steps: await measureSteps(ceilings, steps, { ...timing, profile }) })
    }
    if (decoding.length > 0) await add({ decoding: await measureDecoding(ceilings, decoding, timing) })
    if (compiling.length > 0) await add({ compile: measureCompiling(traits, runs) })
    if (growth.length > 0) await add({ growth: await measureGrowth(device, growth, timing) })
    if (masks.length > 0) await add({ masks: await measureMasks(device, masks, timing) })
    if (compared.length > 0)
      await add({ peers: await comparePeers(device, peerPrograms(traits.software), compared, timing) })
    if (epochs.length > 0) {
      const torch = peerPrograms(traits.software).find(p => p.name === 'PyTorch')
      await add({ data: await measureEpochs(device, epochs, torch, timing) })
    }
    if (shapes.length > 0) await add({ schedules: await measureSchedules(device, shapes, timing) })
  } finally {
    await ceilings.close()
    device.close()
  }
}

const run = async (given: What | undefined, options: BenchOptions): Promise<void> => {
  const what = given ?? (options.profile === undefined ? 'kernels' : 'step')
  checkEffects(what, options)
  for (const file of [options.json, options.plot]) if (file !== undefined) checkWritable(file)
  let report: BenchReport | undefined
  try {
    await bench(what, options, async known => {
      report = known
      if (options.json !== undefined) await writeAtomic(options.json, [`${JSON.stringify(known, null, 2)}\n`])
      if (options.plot !== undefined && known.growth)
        await writeAtomic(options.plot, [growthPicture(known.growth)])
    })
  } finally {
    // The results of earlier sections are printed even if a later section fails.
    if (report !== undefined) print(showReport(report, options.markdown ? 'markdown' : 'plain'))
  }
  const wrong = report === undefined ? [] : disagreements(report)
  if (wrong.length > 0) {
    remark(`computes something else, and was not timed: ${wrong.join('; ')}`)
    throw new Reported(1)
  }
}

/** Adds `jola bench`. */
export const registerBenchCommand = (program: Command): void => {
  program
    .command('bench')
    .addArgument(
      new Argument('[what]', 'the section to measure; by default kernels, or with --profile a step').choices([
        ...sections,
        'all',
      ]),
    )
    .option('--json <file>', 'write all of it to a file as JSON')
    .option('--markdown', 'print the tables in Markdown')
    .option('--filter <text>', 'measure only entries whose names contain this')
    .option('--runs <n>', 'the number of rounds; each times everything once', positiveInteger, 7)
    .addOption(precisionOption())
    .addOption(weightsOption())
    .option('--profile [recipe]', "a step's time by kernel and line: of JoLA, or of a .jola file's recipe")
    .option('--recipe <name>', 'the recipe, if the file has several')
    .option('--set <name=value>', 'a setting of the recipe; may be repeated', collect, [])
    .addOption(modelOption())
    .addOption(allowOption())
    .option('--shape <of>', 'random weights instead: stories15M, or a folder with a config.json')
    .option('--batch <n>', 'examples a step (default: 8)', positiveInteger)
    .option('--context <n>', 'tokens of an example (default: 64)', positiveInteger)
    .option('--answers <n>', 'tokens of an example that are learned (default: all)', positiveInteger)
    .option('--plot <file>', 'draw the growth as an SVG')
    .option(
      '--tune <seconds>',
      'first find and store the fastest schedules of these kernels on this device',
      positiveInteger,
    )
    .addOption(seedOption())
    .option('--count <n>', 'random shapes whose schedules are measured', positiveInteger, 30)
    .option('--install', 'install the JavaScript peers first, at their locked versions')
    .addHelpText(
      'after',
      [
        '',
        'A kernel is checked before it is timed, and a peer before it is compared. Ratios are ' +
          'of the same round: "÷ by hand" and "÷ ceiling" compare',
        'speeds, 1 is as fast, 2 twice as fast; "÷ Jola’s time" is 2 where the peer takes ' +
          'twice as long. The exit code is 1 where a kernel or a peer',
        'computes something else. --weights, --recipe, --set, --model, --shape, --batch, ' +
          '--context and --answers are for steps.',
        '',
        '`bench schedules` holds the compiler’s cost model against measuring: for products, ' +
          'matrix-vector products and rows of random shapes it times every',
        'schedule that a kernel may take, in turn, and tells how much longer the chosen one ' +
          'takes than the best. It is not part of `all`.',
        'JOLA_TUNE=SECONDS lets any command find schedules for what it is about to run, as ' +
          '--tune does here; JOLA_TUNE=0 leaves those found unused.',
        examples([
          'bench',
          'bench kernels --filter product --runs 15',
          'bench --profile std.recipes.jola --shape stories15M',
          'bench peers --install',
          'bench growth --plot growth.svg --json growth.json',
          'bench data --runs 3',
          'bench schedules --seed 1 --count 30',
        ]),
      ].join('\n'),
    )
    .action(run)
}
