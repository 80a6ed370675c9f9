import { Argument, type Command } from 'commander'
import type { Precision } from '../../compiler/artifact.js'
import { openNodeDevice } from '../../runtime/node.js'
import { allCases } from '../bench/cases.js'
import { environmentOf } from '../bench/environment.js'
import { measureKernels } from '../bench/kernels.js'
import { type BenchReport, showReport } from '../bench/show.js'
import { measureSteps, stepShapes } from '../bench/step.js'
import { UserError } from '../errors.js'
import { writeAtomic } from '../hub/atomic.js'
import type { WeightFormat } from '../model/weights.js'
import { checkWritable } from './run.js'
import {
  examples,
  positiveInteger,
  precisionOption,
  print,
  Reported,
  remark,
  weightsOption,
} from './shared.js'

type What = 'kernels' | 'step' | 'all'

interface BenchOptions {
  readonly json?: string
  readonly filter?: string
  readonly runs: number
  readonly profile?: true
  readonly precision: Precision
  readonly weights?: WeightFormat
}

/** Measures what is asked for on this machine's device. Throws a `UserError` if a filter leaves nothing. */
const bench = async (what: What, options: BenchOptions): Promise<BenchReport> => {
  const device = await openNodeDevice({ precision: options.precision })
  try {
    const wanted = <A extends { readonly name: string }>(all: readonly A[]): readonly A[] =>
      all.filter(a => a.name.toLowerCase().includes((options.filter ?? '').toLowerCase()))
    const everyCase = what === 'step' ? [] : allCases(device.traits.subgroupSize)
    const everyShape = what === 'kernels' ? [] : await stepShapes()
    const [cases, shapes] = [wanted(everyCase), wanted(everyShape)]
    if (cases.length + shapes.length === 0)
      throw new UserError({
        what: `nothing to measure has \`${options.filter}\` in its name`,
        why: `there is: ${[...everyCase, ...everyShape].map(c => c.name).join('; ')}`,
        hint: 'name a part of one of these by --filter',
        exitCode: 2,
      })
    const { runs } = options
    const environment = environmentOf(device)
    remark(`measuring on ${device.traits.name}; nothing else should run meanwhile`)
    const kernels = await measureKernels(device, cases, { runs, progress: remark })
    const steps = await measureSteps(device, shapes, {
      runs,
      profile: options.profile === true,
      weights: options.weights ?? 'f32',
      progress: remark,
    })
    return { format: 'jola-bench-1', environment, runs, kernels, steps }
  } finally {
    device.close()
  }
}

/** Adds `jola bench`. */
export const register = (program: Command): void => {
  program
    .command('bench')
    .description('measure generated kernels and training steps against hand-written kernels and ceilings')
    .addArgument(
      new Argument('[what]', 'what to measure').choices(['kernels', 'step', 'all']).default('kernels'),
    )
    .option('--json <file>', 'write all of it to a file as JSON')
    .option('--filter <text>', 'only what has this in its name')
    .option('--runs <n>', 'rounds, in each of which everything is timed once', positiveInteger, 7)
    .addOption(precisionOption())
    .addOption(weightsOption())
    .option('--profile', "a step's time by kernel, with the lines it comes from")
    .addHelpText(
      'after',
      [
        '',
        'A kernel is checked before it is timed. "÷ by hand" and "÷ ceiling" compare speeds measured in the same round: 1 is as fast, 2 twice as fast.',
        examples([
          'bench',
          'bench kernels --filter product --runs 15',
          'bench step --profile --json bench.json',
        ]),
      ].join('\n'),
    )
    .action(async (what: What, options: BenchOptions) => {
      if (options.profile && what === 'kernels')
        throw new UserError({
          what: '--profile is for steps',
          why: 'a kernel is timed as a whole already',
          hint: 'write `jola bench step --profile`, or `jola bench all --profile`',
          exitCode: 2,
        })
      if (options.json !== undefined) checkWritable(options.json)
      const report = await bench(what, options)
      if (options.json !== undefined)
        await writeAtomic(options.json, [`${JSON.stringify(report, null, 2)}\n`])
      print(showReport(report))
      const wrong = report.kernels.filter(k => k.wrong !== undefined)
      if (wrong.length > 0) {
        remark(`${wrong.map(k => k.name).join(', ')}: the kernel computes something else, and was not timed`)
        throw new Reported(1)
      }
    })
}
