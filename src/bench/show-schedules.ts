import type { Schedule } from '../../compiler/artifact.js'
import type { SchedulesResult } from './schedules.js'
import { type Block, number, text, three } from './table.js'

/** `tile rows=64 threads=16,16`: fields that are false are left out. */
export const showSchedule = ({ family, ...settings }: Schedule): string => {
  const shown = (value: unknown): string =>
    typeof value === 'object' && value !== null ? Object.values(value).join() : String(value)
  const parts = Object.entries(settings).flatMap(([name, value]) =>
    value === false ? [] : [value === true ? name : `${name}=${shown(value)}`],
  )
  return [family, ...parts].join(' ')
}

const worst = 12

/** The worst choices of the cost model, and its median. */
export const showSchedules = ({ kernels, ratio, wrong }: SchedulesResult): readonly Block[] => [
  ...(kernels.length === 0
    ? []
    : [
        `${kernels.length} kernels have a choice; the chosen schedule’s time ÷ the best’s: ` +
          `median ${three(ratio.median)}, worst ${three(ratio.most)}`,
      ]),
  {
    columns: [
      text('kernel'),
      number('candidates'),
      number('chosen, ms'),
      number('÷ the best'),
      text('chosen'),
      text('best'),
    ],
    rows: kernels
      .slice(0, worst)
      .map(k => [
        k.name,
        String(k.candidates),
        k.chosen.milliseconds.toFixed(4),
        three(k.ratio),
        showSchedule(k.chosen.schedule),
        k.ratio === 1 ? '' : showSchedule(k.best.schedule),
      ]),
  },
  ...wrong.map(name => `${name}: the chosen schedule computes something else`),
]
