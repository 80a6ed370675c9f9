import type { Precision } from '../../compiler/artifact.js'
import { showBytes } from '../../runtime/errors.js'
import type { Environment } from '../host/environment.js'
import type { Spread } from '../measure/statistics.js'
import type { CeilingReport } from './ceilings.js'
import type { CompileResult, FirstStep } from './compile-time.js'
import type { DecodeResult } from './decoding.js'
import type { EpochsReport } from './epochs/measure-epochs.js'
import type { GrowthResult } from './growth.js'
import type { KernelResult } from './kernels.js'
import type { MaskResult } from './masks.js'
import type { Comparison, PeerReport } from './peers/compare.js'
import type { SchedulesResult } from './schedules.js'
import { showEpochs } from './show-epochs.js'
import { showProfile } from './show-profile.js'
import { showSchedules } from './show-schedules.js'
import type { StepResult } from './step.js'
import { type Block, markdownTable, number, plainTable, text, three } from './table.js'

/** The results of a benchmark, which `--json` writes. Sections that were not requested are absent. */
export interface BenchReport {
  readonly format: 'jola-bench-2'
  readonly environment: Environment
  /** The version of Jola. */
  readonly jola: string
  /** The precision of products on this device. */
  readonly precision: Precision
  /** Schedules in the device's table; kernels use them if they are there. */
  readonly tabled: number
  readonly command: string
  readonly runs: number
  readonly kernels?: readonly KernelResult[]
  readonly ceilings?: readonly CeilingReport[]
  readonly steps?: readonly StepResult[]
  readonly decoding?: readonly DecodeResult[]
  readonly compile?: CompileResult
  readonly growth?: readonly GrowthResult[]
  readonly masks?: readonly MaskResult[]
  readonly peers?: PeerReport
  readonly data?: EpochsReport
  readonly schedules?: SchedulesResult
}

const ratio = (s: Spread | undefined): string => (s === undefined ? '–' : s.median.toFixed(2))
const range = (s: Spread | undefined): string =>
  s === undefined ? '' : `${s.least.toFixed(2)}–${s.most.toFixed(2)}`
const withRange = (s: Spread, unit: string): string =>
  `${three(s.median)}${unit} (${three(s.least)}–${three(s.most)})`

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
        `${k.wrong.by === 'hand' ? 'the hand-written kernel' : 'our kernel'} gives ` +
          `${k.wrong.actual} at ${k.wrong.at}, not ${k.wrong.expected}`,
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

const showKernels = (
  kernels: readonly KernelResult[],
  ceilings: readonly CeilingReport[],
): readonly Block[] => [
  `ceilings: ${ceilings.map(c => `${c.name} ${withRange(c.rate, ` ${c.unit}`)}`).join('; ')}`,
  {
    columns: [
      text('kernel'),
      number('ms'),
      number('rate'),
      number('÷ by hand'),
      number(''),
      number('÷ ceiling'),
      number(''),
      text('schedule'),
    ],
    rows: kernels.map(kernelRow),
  },
]

const stepRows: readonly (readonly [string, (s: StepResult) => string])[] = [
  ['step', s => withRange(s.milliseconds, ' ms')],
  ['arithmetic', s => `${three(s.gflop)} GFLOP, ${three(s.rate.median)} GF/s`],
  [
    "÷ the fastest product's rate",
    s => (s.toCeiling ? `${ratio(s.toCeiling)} (${range(s.toCeiling)})` : 'none known for this device'),
  ],
  ['kernels, dispatches', s => `${s.kernels}, ${s.dispatches}`],
  ['memory', s => showBytes(s.peakBytes)],
]

const showSteps = (steps: readonly StepResult[]): readonly Block[] => [
  {
    columns: [text(''), ...steps.map(s => number(s.name))],
    rows: stepRows.map(([name, cell]) => [name, ...steps.map(cell)]),
  },
  ...steps.flatMap(showProfile),
]

const showDecoding = (decoding: readonly DecodeResult[]): readonly Block[] => [
  {
    columns: [
      text('decoding'),
      number('prompt, tokens/s'),
      number('writing, tokens/s'),
      number('weights read ÷ a copy’s rate'),
      number('first token, compiled'),
    ],
    rows: decoding.map(d => [
      d.name,
      withRange(d.prefill, ''),
      withRange(d.decode, ''),
      d.toCeiling === undefined ? '–' : `${ratio(d.toCeiling)} (${range(d.toCeiling)})`,
      `${three(d.firstTokenSeconds)} s`,
    ]),
  },
]

const showCompiling = ({ name, cold, warm, layers, growth }: CompileResult): readonly Block[] => {
  const process = (title: string, f: FirstStep): readonly string[] => [
    title,
    `${three(f.toWgsl)} s`,
    `${three(f.toResult)} s`,
  ]
  return [
    `compiling the step of ${name}: ${cold.kernels} kernels`,
    {
      columns: [
        text('a fresh process, one run'),
        number('source to WGSL'),
        number('source to the first result'),
      ],
      rows: [process("the driver's cache empty", cold), process("the driver's cache filled", warm)],
    },
    {
      columns: [text('one process'), number('source to WGSL')],
      rows: [
        ...layers.map(({ L, seconds }) => [`${L} layers`, withRange(seconds, ' s')]),
        [`${layers.at(-1)!.L} layers ÷ ${layers[0]!.L}`, `${ratio(growth)} (${range(growth)})`],
      ],
    },
  ]
}

const showGrowth = (growth: readonly GrowthResult[]): readonly Block[] => [
  {
    columns: [
      text('what grows'),
      number('to'),
      number('step'),
      number('GFLOP'),
      number('times the first ÷ its arithmetic'),
      number(''),
    ],
    rows: growth.flatMap(({ axis, points }) =>
      points.map(p => [
        axis,
        p.value.toLocaleString('en'),
        withRange(p.milliseconds, ' ms'),
        three(p.gflop),
        ratio(p.toArithmetic),
        range(p.toArithmetic),
      ]),
    ),
  },
]

const showMasks = (masks: readonly MaskResult[]): readonly Block[] => [
  {
    columns: [
      text('attention and its gradient'),
      number('pairs of tokens'),
      number('time'),
      number('÷ no mask'),
      number(''),
    ],
    rows: masks.map(m => [
      m.name,
      `${(100 * m.kept).toFixed(0)} %`,
      withRange(m.milliseconds, ' ms'),
      ratio(m.toUnmasked),
      range(m.toUnmasked),
    ]),
  },
]

const rate = ({ unit, value }: Comparison['amount'], milliseconds: number): string =>
  `${three((1000 * value) / milliseconds)} ${unit === 'GFLOP' ? 'GF/s' : 'tokens/s'}`

const comparisonRows = ({
  name,
  amount,
  milliseconds,
  peers,
}: Comparison): readonly (readonly string[])[] => {
  const timed = (by: string, s: Spread, toOurs?: Spread): readonly string[] => [
    by,
    withRange(s, ' ms'),
    rate(amount, s.median),
    toOurs === undefined ? '' : three(toOurs.median),
    toOurs === undefined ? '' : `${three(toOurs.least)}–${three(toOurs.most)}`,
  ]
  const rows = [
    timed('Jola', milliseconds),
    ...peers.map(p =>
      'refused' in p ? [p.name, `not timed: ${p.refused}`] : timed(p.name, p.milliseconds, p.toOurs),
    ),
  ]
  return rows.map((row, i) => [i === 0 ? name : '', ...row])
}

const showPeers = ({ comparisons, missing }: PeerReport): readonly Block[] => [
  {
    columns: [
      text('work'),
      text('by'),
      number('time'),
      number('rate'),
      number('÷ Jola’s time'),
      number('range'),
    ],
    rows: comparisons.flatMap(comparisonRows),
  },
  ...missing.map(m => `${m.name} is not here (${m.why}): ${m.install}`),
]

const blocksOf = (r: BenchReport): readonly Block[] => {
  const e = r.environment
  return [
    [
      `${r.command}, ${e.date.slice(0, 10)}; medians of ${r.runs}, and from least to most`,
      `${e.device}; driver: ${e.driver}`,
      `Jola ${r.jola}, products in ${r.precision}; ` +
        `${r.tabled > 0 ? `${r.tabled} schedules from the device's table, others` : 'schedules'} ` +
        'as the cost model chooses',
      `${e.processor}, ${e.cores} cores, ${e.platform}, Node ${e.node}`,
    ].join('\n'),
    ...(r.kernels ? showKernels(r.kernels, r.ceilings ?? []) : []),
    ...(r.steps ? showSteps(r.steps) : []),
    ...(r.decoding ? showDecoding(r.decoding) : []),
    ...(r.compile ? showCompiling(r.compile) : []),
    ...(r.growth ? showGrowth(r.growth) : []),
    ...(r.masks ? showMasks(r.masks) : []),
    ...(r.peers ? showPeers(r.peers) : []),
    ...(r.data ? showEpochs(r.data) : []),
    ...(r.schedules ? showSchedules(r.schedules) : []),
  ]
}

/** Kernels and peers with wrong results, which were not timed. */
export const disagreements = ({ kernels = [], peers, data, schedules }: BenchReport): readonly string[] => [
  ...kernels.filter(k => k.wrong !== undefined).map(k => k.name),
  ...(peers?.comparisons ?? []).flatMap(work =>
    work.peers.filter(p => 'refused' in p && p.differs).map(p => `${p.name} at ${work.name}`),
  ),
  ...(data?.wrong ?? []),
  ...(schedules?.wrong ?? []),
]

/** A report as text or as Markdown. */
export const showReport = (report: BenchReport, form: 'plain' | 'markdown'): string =>
  blocksOf(report)
    .map(block =>
      typeof block === 'string' ? block : form === 'plain' ? plainTable(block) : markdownTable(block),
    )
    .join('\n\n')
