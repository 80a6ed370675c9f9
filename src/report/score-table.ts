import { mean, standardDeviation } from '../score/scores.js'
import { coordinate, escapeHtml, percent, readable } from './html.js'
import type { ScoreRow, SeedScore } from './report-data.js'

const valuesOf = (scores: readonly SeedScore[]): readonly number[] => scores.map(({ value }) => value)

const counts = (scores: readonly SeedScore[]): string | undefined => {
  const counted = scores.flatMap(({ correct, total }) =>
    correct === undefined || total === undefined ? [] : [`${correct} of ${total}`],
  )
  return counted.length === 0 || counted.length < scores.length ? undefined : counted.join(', ')
}

const cell = (row: ScoreRow, scores: readonly SeedScore[]): string => {
  if (scores.length === 0) return '<td class="soft">not measured</td>'
  const values = valuesOf(scores)
  const show = (x: number) => (row.kind === 'share' ? percent(x) : readable(x))
  const spread = scores.length > 1 ? ` ± ${show(standardDeviation(values))}` : ''
  const notes = [counts(scores), scores.length > 1 ? `mean ± deviation of ${scores.length} seeds` : undefined]
  const below = notes.flatMap(note => (note === undefined ? [] : [`<small>${escapeHtml(note)}</small>`]))
  return `<td>${escapeHtml(show(mean(values)) + spread)}${below.join('')}</td>`
}

const change = (row: ScoreRow): string => {
  if (row.before.length === 0 || row.after.length === 0) return '<td></td>'
  const difference = mean(valuesOf(row.after)) - mean(valuesOf(row.before))
  const size =
    row.kind === 'share'
      ? `${(100 * Math.abs(difference)).toFixed(1)} points`
      : readable(Math.abs(difference))
  if (difference === 0) return '<td class="soft">no change</td>'
  const good = difference > 0 === (row.better === 'higher')
  const text = (difference > 0 ? '+' : '−') + escapeHtml(size)
  const [style, verdict] = good ? ['good', 'better'] : ['bad', 'worse']
  return `<td class="${style}">${text}<small>${verdict}</small></td>`
}

/** Two bars on the same scale, before over after, with one standard deviation either way. */
const bars = (row: ScoreRow): string => {
  const width = 180
  const all = [...valuesOf(row.before), ...valuesOf(row.after)]
  const full = row.kind === 'share' ? 1 : Math.max(...all, 1e-30)
  const bar = (scores: readonly SeedScore[], y: number, kind: string): string => {
    if (scores.length === 0) return ''
    const values = valuesOf(scores)
    const x = (v: number) => Math.min(width, Math.max(0, (v / full) * width))
    const m = mean(values)
    const sd = standardDeviation(values)
    const [low, high] = [coordinate(x(m - sd)), coordinate(x(m + sd))]
    const whisker =
      sd > 0 ? `<path class="sd" d="M${low} ${y + 6}H${high}M${low} ${y + 3}v6M${high} ${y + 3}v6"/>` : ''
    return (
      `<rect class="t" x="0" y="${y}" width="${width}" height="12" rx="2"/><rect class="${kind}" ` +
      `x="0" y="${y}" width="${coordinate(x(m))}" height="12" rx="2"/>${whisker}`
    )
  }
  const drawn = bar(row.before, 3, 'b') + bar(row.after, 19, 'a')
  return `<td><svg class="bars" viewBox="0 0 ${width} 34" aria-hidden="true">${drawn}</svg></td>`
}

/** The table of scores before and after, with means and deviations over seeds, counts, and bars. */
export const scoreTable = (rows: readonly ScoreRow[]): string => {
  const body = rows.map(
    row =>
      `<tr><th scope="row">${escapeHtml(row.name)}<small class="soft"> ${row.better} is ` +
      `better</small></th>${cell(row, row.before)}${cell(row, row.after)}${change(row)}${bars(row)}</tr>`,
  )
  return (
    '<div class="scroll"><table ' +
    'class="scores"><thead><tr><th>score</th><th>before</th><th>after</th><th>change</th><th>before ' +
    `over after</th></tr></thead><tbody>${body.join('')}</tbody></table></div>`
  )
}
