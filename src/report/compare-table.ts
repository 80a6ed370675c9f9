import type { Interval } from '../compare/statistics.js'
import type { MethodSummary, Summary, TaskSummary } from '../compare/summary.js'
import type { Metric } from '../tasks/declaration.js'

/** How a score is written: accuracy and ROUGE-L in percent, BLEU as it is. */
export const showScore = (metric: Metric, value: number): string =>
  metric === 'bleu' ? value.toFixed(2) : (100 * value).toFixed(1)

/** The unit that stands behind a score. */
export const scoreUnit = (metric: Metric): string => (metric === 'bleu' ? 'BLEU' : '%')

const signed = (metric: Metric, value: number): string => {
  const text = showScore(metric, Math.abs(value))
  return `${value < 0 ? '−' : '+'}${text}`
}

/** A difference and its interval: `+1.2 [−0.4, +2.8]`. */
export const showDifference = (metric: Metric, d: Interval): string =>
  `${signed(metric, d.mean)} [${signed(metric, d.low)}, ${signed(metric, d.high)}]`

/** A number of bytes: `3.2 kB`, `12 MB`. */
export const showSize = (bytes: number): string => {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  const power = Math.min(3, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${['B', 'kB', 'MB', 'GB'][power]}`
}

/** Seconds as `45 s` or `12 min`. */
export const showSeconds = (seconds: number): string =>
  seconds < 100 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`

const count = (n: number): string => Math.round(n).toLocaleString('en')

/** The settings that tuning chose, as `learning_rate=0.02`; empty if nothing was tuned. */
export const chosenSettings = (m: MethodSummary): string => {
  const chosen = m.tries.find(t => t.chosen)
  return chosen === undefined
    ? ''
    : Object.entries(chosen.settings)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')
}

/** A method's row: its numbers as texts, in the order of {@link tableColumns}. */
export const tableRow = (m: MethodSummary, metric: Metric): readonly string[] => [
  m.title,
  `${showScore(metric, m.mean)}${m.scores.length > 1 ? ` ± ${showScore(metric, m.deviation)}` : ''}`,
  m.difference === undefined ? '' : showDifference(metric, m.difference),
  count(m.trained),
  m.active === undefined ? (m.trained === 0 ? '0' : count(m.trained)) : count(m.active),
  m.seconds === undefined ? '' : showSeconds(m.seconds),
  m.cpuSeconds === undefined ? '' : showSeconds(m.cpuSeconds),
  m.deviceBytes === undefined ? '' : showSize(m.deviceBytes),
  showSize(m.adapterBytes),
  chosenSettings(m),
]

/** The headings of the table. */
export const tableColumns = (metric: Metric, against: string): readonly string[] => [
  'method',
  metric === 'accuracy' ? 'accuracy, %' : metric === 'bleu' ? 'BLEU' : 'ROUGE-L, %',
  `against ${against}, with 95 % interval`,
  'trained',
  'active',
  'time',
  'processor time',
  'device memory',
  'adapter',
  'settings chosen',
]

const heading = (task: TaskSummary, sizes: number): string =>
  `${task.task}${sizes > 1 ? `, ${task.trainSize} examples` : ''}: ${task.title}`

/** The tables of a comparison in Markdown. */
export const compareTable = ({ plan, tasks, families }: Summary): string => {
  const against = plan.methods.find(m => m.name === plan.against)?.title ?? plan.against
  return [...tasks, ...families]
    .map(task => {
      const columns = tableColumns(task.metric, against)
      const rows = task.methods.map(m => tableRow(m, task.metric))
      const seeds = Math.max(...task.methods.map(m => m.scores.length))
      const majority =
        task.majority === undefined
          ? ''
          : `; always the most frequent answer: ${showScore('accuracy', task.majority)} %`
      return [
        `### ${heading(task, plan.trainSizes.length)}`,
        '',
        `${seeds} seed${seeds === 1 ? '' : 's'}, mean ± deviation${majority}`,
        '',
        `| ${columns.join(' | ')} |`,
        `| ${columns.map(() => '---').join(' | ')} |`,
        ...rows.map(row => `| ${row.join(' | ')} |`),
        '',
      ].join('\n')
    })
    .join('\n')
}
