import { inkOn, sequential } from './colour.js'
import { coordinate, escapeHtml } from './html.js'
import type { GateGrid } from './report-data.js'

/** Room for the map's cells, in pixels; cells shrink to fit it, within limits. */
const room = 460
const largestCell = 44
const smallestCell = 9
const gap = 2
const margin = { left: 42, top: 22, right: 4, bottom: 26 }

/** The share of gates that are exactly 0, with counts. */
export const closedOf = (gates: GateGrid): { readonly closed: number; readonly total: number } => {
  const all = gates.flat()
  return { closed: all.filter(g => g === 0).length, total: all.length }
}

/** Labels are thinned so that they stand at least 18 pixels apart. */
const labelEvery = (cell: number): number => [1, 2, 4, 5, 8, 10, 16, 20].find(n => n * cell >= 18) ?? 32

/** A gate with two decimals. Only an exact 0 or 1 is shown as 0 or 1. */
const short = (gate: number): string => {
  if (gate === 0 || gate === 1) return String(gate)
  const text = gate.toFixed(2)
  return text === '0.00' ? '>0' : text === '1.00' ? '<1' : text.replace(/^0/, '')
}

/** What a heat map shows, where that is not how far gates are open. */
export interface HeatMeaning {
  /** What a cell's number is, for its tooltip. */
  readonly unit: string
}

const cellOf = (
  gate: number,
  [layer, head]: readonly [number, number],
  size: number,
  meaning: HeatMeaning | undefined,
): string => {
  const x = margin.left + head * size
  const y = margin.top + layer * size
  const inner = size - gap
  const open = gate === 0 ? 'closed (exactly 0)' : gate === 1 ? 'open (exactly 1)' : gate.toFixed(4)
  const state = meaning === undefined ? open : `${meaning.unit} ${gate.toFixed(4)}`
  const title = `<title>layer ${layer}, head ${head}: ${state}</title>`
  const corner = inner > 14 ? 3 : 1
  const box = `x="${coordinate(x)}" y="${coordinate(y)}" width="${inner}" height="${inner}" rx="${corner}"`
  if (gate === 0 && meaning === undefined) {
    const [p, q] = [inner * 0.3, inner * 0.7]
    const [left, right] = [coordinate(x + p), coordinate(x + q)]
    const [top, bottom] = [coordinate(y + p), coordinate(y + q)]
    const cross = `M${left} ${top}L${right} ${bottom}M${right} ${top}L${left} ${bottom}`
    return `<g class="closed">${title}<rect ${box}/><path d="${cross}"/></g>`
  }
  const value =
    size < 30
      ? ''
      : `<text x="${coordinate(x + inner / 2)}" y="${coordinate(y + inner / 2 + 4)}" ` +
        `fill="${inkOn(gate)}">${escapeHtml(short(gate))}</text>`
  return `<g>${title}<rect ${box} fill="${sequential(gate)}"/>${value}</g>`
}

/**
 * A heat map of gates as an SVG element, with layers as rows (the first on top) and heads as columns. Colours
 * are viridis from 0 to 1; exactly closed heads are hollow and crossed. Every value is in a tooltip, and in
 * its cell if there is room.
 */
export const heatMap = (gates: GateGrid, name: string, meaning?: HeatMeaning): string => {
  const heads = Math.max(...gates.map(row => row.length))
  const size = Math.max(smallestCell, Math.min(largestCell, Math.floor(room / heads)))
  const width = margin.left + heads * size + margin.right
  const height = margin.top + gates.length * size + margin.bottom
  const every = labelEvery(size)
  const middle = (i: number) => i * size + (size - gap) / 2
  const rows = gates
    .map((_, l) => l)
    .filter(l => l % every === 0)
    .map(
      l =>
        `<text class="row" x="${margin.left - 8}" y="${coordinate(margin.top + middle(l) + 4)}">${l}</text>`,
    )
  const columns = Array.from({ length: heads }, (_, h) => h)
    .filter(h => h % every === 0)
    .map(h => `<text x="${coordinate(margin.left + middle(h))}" y="${margin.top - 8}">${h}</text>`)
  const cells = gates.flatMap((row, layer) =>
    row.map((gate, head) => cellOf(gate, [layer, head], size, meaning)),
  )
  const axes = [
    `<text class="axis" x="${coordinate(margin.left + (heads * size) / 2)}" y="${height - 8}">head</text>`,
    '<text class="axis" transform="translate(9 ' +
      `${coordinate(margin.top + (gates.length * size) / 2)}) rotate(-90)">layer</text>`,
  ]
  return (
    `<svg class="heat" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escapeHtml(name)}">${[...rows, ...columns, ...cells, ...axes].join('')}</svg>`
  )
}

/** The maps' common legend: the colours from 0 to 1, and the mark of a closed head. */
export const heatLegend = (): string => {
  const steps = 24
  const bar = Array.from(
    { length: steps },
    (_, i) => `<rect x="${20 + i * 8}" y="2" width="8.5" height="12" fill="${sequential(i / (steps - 1))}"/>`,
  ).join('')
  const end = 20 + steps * 8
  return (
    `<svg class="heat legend" viewBox="0 0 ${end + 150} 18" width="${end + 150}" ` +
    'height="18" role="img" aria-label="colours from 0, closed, to 1, open"><text ' +
    `class="row" x="14" y="12">0</text>${bar}<text class="left" x="${end + 6}" ` +
    `y="12">1</text><g class="closed"><rect x="${end + 36}" y="1" width="14" height="14" ` +
    `rx="2"/><path d="M${end + 40} 5l6 6m0 -6l-6 6"/></g><text class="left" x="${end + 57}" ` +
    'y="12">exactly closed</text></svg>'
  )
}
