import { closedOf, heatLegend, heatMap } from './heat-map.js'
import { escapeHtml, percent } from './html.js'
import { lineChart } from './line-chart.js'
import { pageOf, section } from './page.js'
import type { Fact, GateGrid, ReportData, TextSample } from './report-data.js'
import { scoreTable } from './score-table.js'

const factTable = (facts: readonly Fact[]): string => {
  if (facts.length === 0) return ''
  const noted = facts.some(({ note }) => note !== undefined)
  const rows = facts.map(({ name, value, note }) => {
    const last = noted ? `<td class="soft">${escapeHtml(note ?? '')}</td>` : ''
    const first = `<th scope="row">${escapeHtml(name)}</th>`
    return `<tr>${first}<td class="wide">${escapeHtml(value)}</td>${last}</tr>`
  })
  return `<div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div>`
}

const curves = ({ curves: { train, valid, openScale, openOffset, bestStep } }: ReportData): string => {
  const mark = bestStep === undefined ? {} : { mark: { step: bestStep, label: 'kept' } }
  const loss = lineChart({
    name: 'Loss by step, in training and on the validation data',
    kind: 'number',
    series: [
      { name: 'training', points: train, colour: 1, style: 'noisy' },
      { name: 'validation', points: valid, colour: 2, style: 'marked' },
    ],
    ...mark,
  })
  const open = lineChart({
    name: 'Share of gates that are open, by step',
    kind: 'share',
    series: [
      { name: 'scaling gates', points: openScale ?? [], colour: 1, style: 'plain' },
      { name: 'offset gates', points: openOffset ?? [], colour: 2, style: 'plain' },
    ],
    ...mark,
  })
  const parts = [section('Loss', loss), section('Open gates', open)].filter(part => part !== '')
  return parts.length === 0 ? '' : `<div class="grid">${parts.join('')}</div>`
}

const gateMap = (title: string, what: string, gates: GateGrid): string => {
  if (gates.length === 0) return ''
  const { closed, total } = closedOf(gates)
  const share = total === 0 ? '' : ` (${percent(closed / total)})`
  return (
    `<div><h3>${title}</h3><p class="soft">${what}: ${closed} of ${total} exactly closed${share}</p><div ` +
    `class="scroll">${heatMap(gates, title)}</div></div>`
  )
}

const gates = ({ gates: both }: ReportData): string => {
  if (both === undefined) return ''
  const scale = gateMap('Scaling gates', '(1 + g·m) ⊙ z', both.scale)
  const offset = gateMap('Offset gates', 'z + g·a', both.offset)
  const text =
    'Each cell is one attention head: how far its gate is open once training is over. ' +
    'Where a gate is closed, that kind of edit does nothing.'
  const maps = `<div class="grid">${scale}${offset}</div>`
  return `<p>${text}</p>${maps}<div class="heat-legend">${heatLegend()}</div>`
}

const sample = ({ prompt, before, after, expected }: TextSample): string => {
  const text = (label: string, content: string) =>
    `<div><div class="label">${label}</div><div class="text">${escapeHtml(content)}</div></div>`
  const right =
    expected === undefined ? '' : `<div class="label">expected: <b>${escapeHtml(expected)}</b></div>`
  return (
    `<div class="sample"><div class="prompt">${escapeHtml(prompt)}</div>${right}<div ` +
    `class="grid">${text('before', before)}${text('after', after)}</div></div>`
  )
}

const pair = (...parts: readonly string[]): string => {
  const shown = parts.filter(part => part !== '')
  return shown.length === 0 ? '' : `<div class="grid">${shown.join('')}</div>`
}

/**
 * Renders a run as one self-contained HTML page: style and drawings are inline, there are no scripts, and
 * nothing is fetched. It follows the reader's light or dark scheme. Every text of the data is escaped. The
 * same data give the same page.
 */
export const renderReport = (data: ReportData): string => {
  const body = [
    `<h1>${escapeHtml(data.title)}</h1>`,
    data.summary === undefined ? '' : `<p class="lead">${escapeHtml(data.summary)}</p>`,
    data.scores.length === 0 ? '' : section('Scores before and after', scoreTable(data.scores)),
    curves(data),
    section('Where the model was edited', gates(data)),
    data.samples.length === 0 ? '' : section('Text before and after', data.samples.map(sample).join('')),
    pair(section('Model', factTable(data.model)), section('Data', factTable(data.data))),
    section('Settings', factTable(data.settings)),
    section(
      'How to reproduce',
      `<pre>${escapeHtml(data.reproduce.command)}</pre>${factTable(data.reproduce.facts)}`,
    ),
  ]
  return pageOf(data.title, body)
}
