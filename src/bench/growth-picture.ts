import { escapeHtml } from '../report/html.js'
import { drawChart, height, width } from '../report/line-chart.js'
import type { GrowthResult } from './growth.js'

// The report's colours on white, since a separate picture does not know its page's colours.
const style = `
svg { font: 12px system-ui, "DejaVu Sans", sans-serif; }
text { fill: #62656b; text-anchor: middle; }
text.end { text-anchor: end; } text.start, text.title { text-anchor: start; }
text.title { fill: #1c1d1f; font-size: 14px; }
.grid { stroke: #e3e3df; fill: none; }
.line { fill: none; stroke-width: 2; }
.c1 { stroke: #0072b2; } .c2 { stroke: #c2500a; stroke-dasharray: 5 4; }
.dot { stroke: #ffffff; stroke-width: 1.5; } .dot.c1 { fill: #0072b2; }
`

const panel = ({ name, axis, points }: GrowthResult): string => {
  const first = points[0]!
  const title = `<text class="title" x="8" y="-10">${escapeHtml(name)}: milliseconds a step</text>`
  const drawing = drawChart({
    name,
    axis,
    kind: 'number',
    series: [
      {
        name: 'expected from the arithmetic',
        colour: 2,
        style: 'plain',
        points: points.map(p => ({
          step: p.value,
          value: (first.milliseconds.median * p.gflop) / first.gflop,
        })),
      },
      {
        name: 'measured',
        colour: 1,
        style: 'marked',
        points: points.map(p => ({ step: p.value, value: p.milliseconds.median })),
      },
    ],
  })
  return title + drawing
}

const gap = 40

/** The key: the two kinds of line, side by side at the top. */
const key = `<g class="key" transform="translate(8 18)">
<path class="line c1" d="M0 -4H28"/><text class="start" x="36" y="0">measured</text>
<path class="line c2" d="M120 -4H148"/>
<text class="start" x="156" y="0">expected from the arithmetic and the first point</text>
</g>`
const keyHeight = 28

/**
 * An SVG of growth, two panels a row: the measured times, and, dashed, the times expected from the arithmetic
 * and the first point.
 */
export const growthPicture = (growth: readonly GrowthResult[]): string => {
  const columns = Math.min(2, growth.length)
  const rows = Math.ceil(growth.length / columns)
  const panels = growth.map((g, i) => {
    const [x, y] = [(i % columns) * (width + gap), Math.floor(i / columns) * (height + gap) + gap + keyHeight]
    return `<g class="panel" transform="translate(${x} ${y})">${panel(g)}</g>`
  })
  const [w, h] = [columns * (width + gap), rows * (height + gap) + keyHeight + 8]
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" ` +
    `height="${h}"><title>How a step’s time grows</title><style>${style}</style><rect ` +
    `width="${w}" height="${h}" fill="#ffffff"/>${key}${panels.join('')}</svg>\n`
  )
}
