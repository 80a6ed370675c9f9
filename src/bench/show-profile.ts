import type { KernelShare, StepResult } from './step.js'
import { type Block, number, type Table, text, three } from './table.js'

const clocks = {
  device: "each dispatch by itself, by the device's clock",
  host: 'each dispatch by itself, by the clock on the wall: the device has no timestamps',
} as const

/** Kernels with a smaller share are shown together. */
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

/** The source lines that take the most time. */
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

/** A step's profile, if it has one: its kernels, and the lines that they come from. */
export const showProfile = ({ name, profile }: StepResult): readonly Block[] =>
  profile === undefined
    ? []
    : [
        `${name}: time by kernel, ${clocks[profile.clock]}`,
        kernelsTable(profile.kernels),
        linesTable(profile.kernels),
      ]
