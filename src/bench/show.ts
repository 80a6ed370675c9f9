import { showBytes } from '../../runtime/errors.js'
import type { Environment } from './environment.js'
import type { KernelResult } from './kernels.js'
import type { Spread } from './statistics.js'
import type { StepResult } from './step.js'
import { table, three } from './table.js'

/** All that a bench has found: what `--json` writes. */
export interface BenchReport {
  readonly format: 'jola-bench-1'
  readonly environment: Environment
  readonly runs: number
  readonly kernels: readonly KernelResult[]
  readonly steps: readonly StepResult[]
}

const ratio = (s: Spread | undefined): string => (s === undefined ? '–' : s.median.toFixed(2))
const range = (s: Spread | undefined): string =>
  s === undefined ? '' : `${s.least.toFixed(2)}–${s.most.toFixed(2)}`

const kernelRow = (k: KernelResult): readonly string[] =>
  k.wrong !== undefined
    ? [
        k.name,
        'WRONG',
        '',
        '',
        '',
        '',
        '',
        `${k.wrong.by === 'hand' ? 'the hand-written kernel' : 'our kernel'} gives ${k.wrong.actual} at ${k.wrong.at}, not ${k.wrong.expected}`,
      ]
    : [
        k.name,
        three(k.milliseconds.median),
        `${three(k.rate.median)} ${k.bound === 'arithmetic' ? 'GF/s' : 'GB/s'}`,
        ratio(k.toHand),
        range(k.toHand),
        ratio(k.toCeiling),
        range(k.toCeiling),
        k.schedule.join('; '),
      ]

const showKernels = (kernels: readonly KernelResult[]): string =>
  table(
    [
      { head: 'kernel' },
      { head: 'ms', numbers: true },
      { head: 'rate', numbers: true },
      { head: '÷ by hand', numbers: true },
      { head: '' },
      { head: '÷ ceiling', numbers: true },
      { head: '' },
      { head: 'schedule' },
    ],
    kernels.map(kernelRow),
  )

const showProfile = (s: StepResult): string =>
  table(
    [
      { head: 'ms', numbers: true },
      { head: 'share', numbers: true },
      { head: 'times', numbers: true },
      { head: 'GF/s', numbers: true },
      { head: 'GB/s', numbers: true },
      { head: 'schedule' },
      { head: 'from' },
    ],
    (s.profile ?? []).map(k => [
      three(k.milliseconds),
      `${(100 * k.share).toFixed(1)} %`,
      `${k.dispatches}`,
      three(k.gflops),
      three(k.gigabytes),
      k.schedule.split(',').slice(0, 2).join(','),
      k.origins.join(', '),
    ]),
  )

const showStep = (s: StepResult): string =>
  [
    s.name,
    table(
      [{ head: '' }, { head: '' }],
      [
        [
          '  step',
          `${three(s.milliseconds.median)} ms (${three(s.milliseconds.least)}–${three(s.milliseconds.most)})`,
        ],
        ['  arithmetic', `${three(s.gflop)} GFLOP, ${three(s.rate.median)} GF/s`],
        [
          '  ÷ ceiling',
          s.toCeiling ? `${ratio(s.toCeiling)} (${range(s.toCeiling)})` : 'no product known for this device',
        ],
        ['  kernels', `${s.kernels}, in ${s.dispatches} dispatches`],
        ['  memory', showBytes(s.peakBytes)],
        ['  source to WGSL', `${three(s.compileSeconds)} s`],
        ['  WGSL to the first step', `${three(s.firstRunSeconds)} s`],
      ],
    ).replace(/^\s*\n/, ''),
    ...(s.profile ? ['', 'time by kernel, each dispatch by itself', showProfile(s)] : []),
  ].join('\n')

/** A report for people. */
export const showReport = (r: BenchReport): string => {
  const e = r.environment
  return [
    [
      e.device,
      `driver: ${e.driver}`,
      `${e.processor}, ${e.cores} cores, ${e.platform}, Node ${e.node}`,
      `${e.date}; medians of ${r.runs}, and from least to most`,
    ].join('\n'),
    ...(r.kernels.length > 0 ? [showKernels(r.kernels)] : []),
    ...r.steps.map(showStep),
  ].join('\n\n')
}
