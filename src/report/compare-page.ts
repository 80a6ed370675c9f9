import { conclusionsOf } from '../compare/conclusions.js'
import type { GateSummary } from '../compare/gate-summary.js'
import type { Interval } from '../compare/statistics.js'
import type { MethodSummary, Summary, TaskSummary } from '../compare/summary.js'
import { scoreUnit, showScore, tableColumns, tableRow } from './compare-table.js'
import { heatLegend, heatMap } from './heat-map.js'
import { coordinate, escapeHtml, percent } from './html.js'
import { lineChart } from './line-chart.js'
import { pageOf, section } from './page.js'

/** A bar from 0 to `full`, with one standard deviation either way. */
const scoreBar = (m: MethodSummary, full: number, isReference: boolean): string => {
  const width = 180
  const x = (value: number): number => coordinateOf(Math.min(width, Math.max(0, (value / full) * width)))
  const [low, high] = [x(m.mean - m.deviation), x(m.mean + m.deviation)]
  const whisker = m.deviation > 0 ? `<path class="sd" d="M${low} 9H${high}M${low} 6v6M${high} 6v6"/>` : ''
  return (
    `<svg class="one-bar" viewBox="0 0 ${width} 18" aria-hidden="true">` +
    `<rect class="t" x="0" y="3" width="${width}" height="12" rx="2"/>` +
    `<rect class="${isReference ? 'r' : 'a'}" x="0" y="3" width="${x(m.mean)}" height="12" rx="2"/>` +
    `${whisker}</svg>`
  )
}

const coordinateOf = (x: number): number => Number(coordinate(x))

/** A difference with its interval on a line with 0 in the middle, `reach` at either end. */
const forest = ({ mean, low, high }: Interval, reach: number): string => {
  const width = 220
  const x = (value: number): number =>
    coordinateOf(width / 2 + (Math.min(1, Math.max(-1, value / reach)) * (width - 12)) / 2)
  return (
    `<svg class="forest" viewBox="0 0 ${width} 18" aria-hidden="true">` +
    `<path class="zero" d="M${width / 2} 0V18"/>` +
    `<path class="range" d="M${x(low)} 9H${x(high)}M${x(low)} 6v6M${x(high)} 6v6"/>` +
    `<circle cx="${x(mean)}" cy="9" r="3.5"/></svg>`
  )
}

const differences = (task: TaskSummary): readonly number[] =>
  task.methods.flatMap(m => (m.difference === undefined ? [] : [m.difference.low, m.difference.high]))

const taskTable = (task: TaskSummary, summary: Summary): string => {
  const { plan } = summary
  const against = plan.methods.find(m => m.name === plan.against)?.title ?? plan.against
  const columns = tableColumns(task.metric, against)
  const full = task.metric === 'bleu' ? Math.max(1, ...task.methods.map(m => m.mean + m.deviation)) : 1
  const reach = Math.max(1e-9, ...differences(task).map(Math.abs))
  const rows = task.methods.map(m => {
    const [title, score, difference, ...rest] = tableRow(m, task.metric).map(escapeHtml)
    const line = m.difference === undefined ? '' : forest(m.difference, reach)
    const seeds = m.scores.map(s => showScore(task.metric, s.value)).join(', ')
    return (
      `<tr><th scope="row">${title}</th>` +
      `<td title="${escapeHtml(`by seed: ${seeds}`)}">${score}` +
      `${scoreBar(m, full, m.method === plan.against)}</td>` +
      `<td>${difference}${line}</td>${rest.map(text => `<td>${text}</td>`).join('')}</tr>`
    )
  })
  const head = columns.map(name => `<th>${escapeHtml(name)}</th>`).join('')
  const majority =
    task.majority === undefined
      ? ''
      : `<p class="soft">Always the most frequent answer: ${percent(task.majority)}.</p>`
  return (
    `${majority}<div class="scroll"><table class="compare"><thead><tr>${head}</tr></thead>` +
    `<tbody>${rows.join('')}</tbody></table></div>`
  )
}

const taskTitle = (task: TaskSummary, summary: Summary): string =>
  summary.plan.trainSizes.length > 1
    ? `${task.task}, ${task.trainSize} examples: ${task.title}`
    : `${task.task}: ${task.title}`

/** The colours that lines of one chart may have. */
const lineColours = 8

/** A line for each method over the numbers of training examples. */
const sizeCurves = (summary: Summary): string => {
  const { plan, tasks } = summary
  if (plan.trainSizes.length < 2) return ''
  const charts = plan.tasks.map(declared => {
    const own = tasks.filter(t => t.task === declared.name)
    const largest = own.at(-1)?.methods ?? []
    const best = [...largest].sort((a, b) => b.mean - a.mean).map(m => m.method)
    const drawn = new Set([...new Set([plan.against, ...best])].slice(0, lineColours))
    const left = largest.length - drawn.size
    const shown = plan.methods.filter(m => drawn.has(m.name))
    const series = shown.flatMap((m, i) => {
      const points = own.flatMap(t =>
        t.methods.filter(x => x.method === m.name).map(x => ({ step: t.trainSize, value: x.mean })),
      )
      return points.length === 0 ? [] : [{ name: m.title, points, colour: i + 1, style: 'marked' as const }]
    })
    const chart = lineChart({
      name: `Score by the number of training examples, ${declared.name}`,
      axis: 'training examples',
      kind: declared.metric === 'bleu' ? 'number' : 'share',
      series,
    })
    const note =
      left > 0
        ? `<p class="soft">The best ${drawn.size} with the most examples; the tables have all.</p>`
        : ''
    return chart === '' ? '' : `<div><h3>${escapeHtml(declared.name)}</h3>${note}${chart}</div>`
  })
  return `<div class="grid">${charts.join('')}</div>`
}

const kinds = { scale: 'Scaling gates', offset: 'Offset gates' } as const

const gateMaps = (g: GateSummary): string => {
  const map = (title: string, grid: GateSummary['open'], unit?: string): string =>
    `<div><h3>${title}</h3><div class="scroll">` +
    `${heatMap(grid, title, unit === undefined ? undefined : { unit })}</div></div>`
  const agreement =
    g.agreement === undefined
      ? ''
      : `<p class="soft">Closed gates agree over seeds by ${g.agreement.toFixed(2)} ` +
        `(Jaccard index; ${g.agreementByChance!.toFixed(2)} by chance).</p>`
  return (
    `<h3>${kinds[g.kind]}</h3>${agreement}<div class="maps">` +
    map('How far open, mean over seeds', g.open) +
    (g.closed.flat().every(share => share === 0)
      ? ''
      : map('Share of seeds in which it is closed', g.closed, 'closed in a share of')) +
    (g.moved === undefined ? '' : map('How far moved from the start, mean', g.moved, 'moved by')) +
    '</div>'
  )
}

const gates = ({ tasks, plan }: Summary): string => {
  const parts = tasks.flatMap(task =>
    task.methods
      .filter(m => m.gates.length > 0)
      .map(m => {
        const size = plan.trainSizes.length > 1 ? `, ${task.trainSize} examples` : ''
        const title = `${m.title} on ${task.task}${size}`
        const maps = m.gates.map(gateMaps).join('')
        const open = m.method === plan.against ? ' open' : ''
        return `<details${open}><summary>${escapeHtml(title)}</summary>${maps}</details>`
      }),
  )
  if (parts.length === 0) return ''
  const legend = `<div class="heat-legend">${heatLegend()}</div>`
  return `<p>Layers are rows, heads are columns.</p>${parts.join('')}${legend}`
}

const tuning = ({ tasks, plan }: Summary): string => {
  const rows = tasks.flatMap(task =>
    task.methods
      .filter(m => m.tries.length > 0)
      .map(m => {
        const cells = m.tries.map(t => {
          const text = Object.entries(t.settings)
            .map(([name, value]) => `${name}=${value}`)
            .join(' ')
          const loss = `${escapeHtml(text)}<small class="soft"> ${t.loss?.toFixed(4) ?? 'diverged'}</small>`
          return `<td>${t.chosen ? `<b>${loss}</b>` : loss}</td>`
        })
        const size = plan.trainSizes.length > 1 ? ` ${task.trainSize}` : ''
        const name = escapeHtml(`${task.task}${size}, ${m.title}`)
        return `<tr><th scope="row">${name}</th>${cells.join('')}</tr>`
      }),
  )
  if (rows.length === 0) return ''
  return (
    '<p>Each method tried the same number of candidates on a draw of its own, and took the one of least ' +
    'validation loss (bold). The test data were not looked at.</p>' +
    `<div class="scroll"><table class="compare"><tbody>${rows.join('')}</tbody></table></div>`
  )
}

/**
 * Renders a comparison as one self-contained HTML page, without scripts. Every text is escaped. The same
 * summary gives the same page.
 */
export const renderComparison = (summary: Summary, command: string): string => {
  const { plan, tasks, families, done, cells, remarks } = summary
  const sentences = conclusionsOf(summary).map(text => `<li>${escapeHtml(text)}</li>`)
  const lead =
    `${plan.methods.length} methods, ${plan.tasks.length} task${plan.tasks.length === 1 ? '' : 's'}, ` +
    `${plan.seeds.length} seed${plan.seeds.length === 1 ? '' : 's'}, ` +
    `${plan.trainSizes.join(', ')} training examples; ${done} of ${cells} cells done.`
  const notes = [
    `Each score is a mean over seeds ± the standard deviation (n − 1). A seed draws its own training and ` +
      'validation examples; the test examples are the same for all. Differences are paired by seed; their ' +
      '95 % intervals are by Student’s t. Each interval stands for itself: of twenty, one misses by chance.',
    ...remarks,
  ]
  const title = `Methods compared on ${plan.tasks.map(t => t.name).join(', ')}`
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="lead">${escapeHtml(lead)}</p>`,
    section('What it says', sentences.length === 0 ? '' : `<ul>${sentences.join('')}</ul>`),
    section(
      `Score by the number of examples, ${scoreUnit(tasks[0]?.metric ?? 'accuracy')}`,
      sizeCurves(summary),
    ),
    ...[...families, ...tasks].map(t => section(taskTitle(t, summary), taskTable(t, summary))),
    section('Where gates stand', gates(summary)),
    section('How settings were chosen', tuning(summary)),
    section(
      'How to read and to reproduce this',
      `${notes.map(text => `<p>${escapeHtml(text)}</p>`).join('')}<pre>${escapeHtml(command)}</pre>`,
    ),
  ]
  return pageOf(title, body)
}
