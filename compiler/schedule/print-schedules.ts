import type { ChosenSchedule, KernelDecl, Schedule } from '../artifact.js'

/** Candidates that a listing shows; a contraction on a GPU has hundreds. */
const mostShown = 4

const valueText = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? `{ ${Object.entries(value)
        .map(([k, v]) => `${k} ${valueText(v)}`)
        .join(', ')} }`
    : String(value)

/** `map threads 64, steps 1, width 4`. */
const scheduleText = ({ family, ...settings }: Schedule): string =>
  `${family} ${Object.entries(settings)
    .map(([k, v]) => `${k} ${valueText(v)}`)
    .join(', ')}`

const chosenLines = ({ signature, schedule, candidates }: ChosenSchedule): readonly string[] => {
  const more = candidates.length - mostShown
  return [
    `  signature   ${signature}`,
    `  chosen      ${scheduleText(schedule)}`,
    ...candidates
      .slice(0, mostShown)
      .map((c, i) => `  ${(i === 0 ? `${candidates.length} in all` : '').padEnd(10)}  ${scheduleText(c)}`),
    ...(more > 0 ? [`              and ${more} more`] : []),
  ]
}

/** The schedule of each kernel: the problem's signature, what was chosen, and the first of the candidates. */
export const printSchedules = (kernels: readonly Pick<KernelDecl, 'name' | 'chosen'>[]): string =>
  kernels
    .map((k, i) => [`kernel ${i}: ${k.name}`, ...(k.chosen ? chosenLines(k.chosen) : [])].join('\n'))
    .join('\n\n')
