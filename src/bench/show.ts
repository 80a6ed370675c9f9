import { showBytes } from '../../runtime/errors.js'
import type { CompileResult, FirstStep } from './compile-time.js'
import type { Environment } from './environment.js'
import type { GrowthResult } from './growth.js'
import type { KernelResult } from './kernels.js'
import type { Comparison, PeerReport } from './peers/compare.js'
import type { Spread } from './statistics.js'
import type { KernelShare, StepResult } from './step.js'
import { type Column, markdownTable, plainTable, type Table, three } from './table.js'

/** All that a bench has found: what `--json` writes. What was not asked for is absent. */
export interface BenchReport {
  readonly format: 'jola-bench-2'
  readonly environment: Environment
  readonly command: string
  readonly runs: number
  readonly kernels?: readonly KernelResult[]
  readonly steps?: readonly StepResult[]
  readonly compile?: CompileResult
  readonly growth?: readonly GrowthResult[]
  readonly peers?: PeerReport
}

/** Something to show: a line of text, or a table. */
type Block = string | Table

const text = (head: string): Column => ({ head })
const number = (head: string): Column => ({ head, numbers: true })

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

const showKernels = (kernels: readonly KernelResult[]): readonly Block[] => [
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

const clocks = {
  device: "each dispatch by itself, by the device's clock",
  host: 'each dispatch by itself, by the clock on the wall: the device has no timestamps',
} as const

/** Kernels of a smaller share are told together. */
const worthARow = 0.005

const kernelsTable = (kernels: readonly KernelShare[]): Table => {
  const large = kernels.filter(k => k.share >= worthARow)
  const small = kernels.filter(k => k.share < worthARow)
  const sum = (of: (k: KernelShare) => number): number => small.reduce((n, k) => n + of(k), 0)
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  return {
    columns: [
      number('ms'),
      number('share'),
      number('times'),
      number('GF/s'),
      number('GB/s'),
      number('÷ ceiling'),
      text('schedule'),
      text('from'),
    ],
    rows: [
      ...large.map(k => [
        three(k.milliseconds),
        percent(k.share),
        `${k.dispatches}`,
        three(k.gflops),
        three(k.gigabytes),
        k.toCeiling === undefined ? '–' : k.toCeiling.toFixed(2),
        k.schedule.split(',').slice(0, 2).join(','),
        k.origins.join(', '),
      ]),
      ...(small.length === 0
        ? []
        : [
            [
              three(sum(k => k.milliseconds)),
              percent(sum(k => k.share)),
              `${sum(k => k.dispatches)}`,
              '',
              '',
              '',
              `${small.length} smaller kernels`,
            ],
          ]),
    ],
  }
}

/** The lines that most time goes to. */
const linesTold = 8

/** A kernel that comes from several lines counts for each of them. */
const linesTable = (kernels: readonly KernelShare[]): Table => {
  const shares = new Map<string, number>()
  for (const { share, origins } of kernels)
    for (const line of new Set(origins.flatMap(o => /\(([^)]+:\d+)\)$/.exec(o)?.[1] ?? [])))
      shares.set(line, (shares.get(line) ?? 0) + share)
  const rows = [...shares].sort(([, a], [, b]) => b - a).slice(0, linesTold)
  return {
    columns: [number('share'), text('kernels that come from')],
    rows: rows.map(([line, share]) => [`${(100 * share).toFixed(1)} %`, line]),
  }
}

const showProfile = ({ name, profile }: StepResult): readonly Block[] =>
  profile === undefined
    ? []
    : [
        `${name}: time by kernel, ${clocks[profile.clock]}`,
        kernelsTable(profile.kernels),
        linesTable(profile.kernels),
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

const showCompiling = ({ name, cold, warm, layers, growth }: CompileResult): readonly Block[] => {
  const process = (title: string, f: FirstStep): readonly string[] => [
    title,
    `${three(f.toWgsl)} s`,
    `${three(f.toResult)} s`,
  ]
  return [
    `compiling the step of ${name}: ${cold.kernels} kernels`,
    {
      columns: [text('a fresh process'), number('source to WGSL'), number('source to the first result')],
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
      `${e.processor}, ${e.cores} cores, ${e.platform}, Node ${e.node}`,
    ].join('\n'),
    ...(r.kernels ? showKernels(r.kernels) : []),
    ...(r.steps ? showSteps(r.steps) : []),
    ...(r.compile ? showCompiling(r.compile) : []),
    ...(r.growth ? showGrowth(r.growth) : []),
    ...(r.peers ? showPeers(r.peers) : []),
  ]
}

/** A report for people, as text or as Markdown. */
export const showReport = (report: BenchReport, form: 'plain' | 'markdown'): string =>
  blocksOf(report)
    .map(block =>
      typeof block === 'string' ? block : form === 'plain' ? plainTable(block) : markdownTable(block),
    )
    .join('\n\n')
