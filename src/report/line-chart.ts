import { coordinate, escapeHtml, percent, readable } from './html.js'
import type { CurvePoint } from './report-data.js'

/** One line of a chart. */
export interface Series {
  readonly name: string
  readonly points: readonly CurvePoint[]
  /** The number of one of the page's line colours, from 1 to 8. */
  readonly colour: number
  /** `noisy` shows the values faintly with a running mean over them; `marked` puts a dot on every value. */
  readonly style: 'noisy' | 'marked' | 'plain'
}

/** A chart of values by step, or by another whole number. */
export interface Chart {
  readonly name: string
  /** The unit of the horizontal axis: `step` if absent. */
  readonly axis?: string
  readonly series: readonly Series[]
  readonly kind: 'number' | 'share'
  /** A step to mark with a vertical line, and its label. */
  readonly mark?: { readonly step: number; readonly label: string }
}

/** The size of a chart in its coordinates. */
export const [width, height] = [560, 260]
const margin = { left: 52, right: 14, top: 14, bottom: 34 }

/** About `count` round numbers that cover [low, high]: steps of 1, 2 or 5 times a power of ten. */
export const niceTicks = (low: number, high: number, count: number): readonly number[] => {
  const span = high > low ? high - low : Math.abs(low) || 1
  const raw = span / count
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = ([1, 2, 5, 10].find(m => m * power >= raw * 0.999) ?? 10) * power
  const first = Math.floor(low / step + 1e-9)
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9))
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** Means over a centred window of about a twentieth of the points. */
export const runningMean = (points: readonly CurvePoint[]): readonly CurvePoint[] => {
  const reach = Math.max(1, Math.round(points.length / 40))
  return points.map(({ step }, i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1)
    return { step, value: near.reduce((sum, p) => sum + p.value, 0) / near.length }
  })
}

/** Keeps at most `most` evenly spaced points, with the last one: more can't be seen. */
const thinned = (points: readonly CurvePoint[], most: number): readonly CurvePoint[] => {
  if (points.length <= most) return points
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]!)
}

interface Scale {
  readonly x: (step: number) => number
  readonly y: (value: number) => number
}

const path = (points: readonly CurvePoint[], { x, y }: Scale): string =>
  points
    .map(({ step, value }, i) => `${i === 0 ? 'M' : 'L'}${coordinate(x(step))} ${coordinate(y(value))}`)
    .join('')

const drawSeries = (series: Series, axis: string, scale: Scale, show: (value: number) => string): string => {
  const points = series.points.filter(({ value }) => Number.isFinite(value))
  const line = (of: readonly CurvePoint[], extra = '') =>
    `<path class="line c${series.colour}${extra}" d="${path(thinned(of, 700), scale)}"/>`
  if (series.style === 'noisy') return line(points, ' faint') + line(runningMean(points))
  const dots = series.style === 'plain' ? [] : thinned(points, 120)
  const circles = dots.map(({ step, value }) => {
    const title = `<title>${escapeHtml(`${series.name}, ${axis} ${step}: ${show(value)}`)}</title>`
    const [x, y] = [coordinate(scale.x(step)), coordinate(scale.y(value))]
    return `<circle class="dot c${series.colour}" cx="${x}" cy="${y}" r="3.5">${title}</circle>`
  })
  return line(points) + circles.join('')
}

const legend = (series: readonly Series[]): string =>
  `<ul class="key">${series
    .map(({ name, colour, style }) => {
      const text = style === 'noisy' ? `${name} (faint: each step)` : name
      return `<li><i class="swatch c${colour}"></i>${escapeHtml(text)}</li>`
    })
    .join('')}</ul>`

/** A dashed upright line at a step, its label on the side that has room. */
const drawMark = (mark: NonNullable<Chart['mark']>, scale: Scale, maxStep: number): string => {
  const x = scale.x(mark.step)
  const title = escapeHtml(`${mark.label}: step ${mark.step}`)
  const label = escapeHtml(mark.label)
  const [anchor, gap] = mark.step > maxStep * 0.7 ? ['end', -6] : ['start', 6]
  return (
    `<path class="mark" d="M${coordinate(x)} ${margin.top}V${height - margin.bottom}">` +
    `<title>${title}</title></path>` +
    `<text class="${anchor}" x="${coordinate(x + gap)}" y="${margin.top + 10}">${label}</text>`
  )
}

/** The content of a chart's SVG: axes, marks and lines. It is empty if no series has a finite value. */
export const drawChart = (chart: Chart): string => {
  const series = chart.series.filter(s => s.points.some(({ value }) => Number.isFinite(value)))
  const points = series.flatMap(s => s.points).filter(({ value }) => Number.isFinite(value))
  if (points.length === 0) return ''
  const values = points.map(p => p.value).sort((a, b) => a - b)
  const top = values[values.length - 1]!
  const steps = points.map(p => p.step)
  const ys = chart.kind === 'share' ? [0, 0.25, 0.5, 0.75, 1] : niceTicks(Math.min(0, values[0]!), top, 5)
  const maxStep = steps.reduce((a, b) => Math.max(a, b), 1)
  const xs = niceTicks(0, maxStep, 6).filter(step => step <= maxStep && Number.isInteger(step))
  const [low, high] = [ys[0]!, ys[ys.length - 1]!]
  const scale: Scale = {
    x: step => margin.left + (step / maxStep) * (width - margin.left - margin.right),
    y: value =>
      height - margin.bottom - ((value - low) / (high - low)) * (height - margin.top - margin.bottom),
  }
  const show = chart.kind === 'share' ? percent : readable
  const tick = chart.kind === 'share' ? (v: number) => `${100 * v} %` : readable
  const [left, right] = [margin.left, width - margin.right]
  const grid = ys.map(v => {
    const y = coordinate(scale.y(v))
    return (
      `<path class="grid" d="M${left} ${y}H${right}"/>` +
      `<text class="end" x="${left - 8}" y="${coordinate(scale.y(v) + 4)}">${escapeHtml(tick(v))}</text>`
    )
  })
  const feet = xs.map(
    step => `<text x="${coordinate(scale.x(step))}" y="${height - margin.bottom + 18}">${step}</text>`,
  )
  const marked = chart.mark === undefined ? '' : drawMark(chart.mark, scale, maxStep)
  const horizontal = chart.axis ?? 'step'
  const drawn = series.map(s => drawSeries(s, horizontal, scale, show))
  const middle = coordinate((left + right) / 2)
  const axis = `<text class="axis" x="${middle}" y="${height - 2}">${escapeHtml(horizontal)}</text>`
  return [...grid, ...feet, axis, marked, ...drawn].join('')
}

/** A line chart as an SVG with its key above it; an empty text if no series has a finite value. */
export const lineChart = (chart: Chart): string => {
  const drawing = drawChart(chart)
  if (drawing === '') return ''
  const series = chart.series.filter(s => s.points.some(({ value }) => Number.isFinite(value)))
  return (
    `${legend(series)}<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="${escapeHtml(chart.name)}">${drawing}</svg>`
  )
}
