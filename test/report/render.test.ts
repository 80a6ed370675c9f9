import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inkOn, sequential } from '../../src/report/colour.js'
import { closedOf, heatMap } from '../../src/report/heat-map.js'
import { lineChart, niceTicks, runningMean } from '../../src/report/line-chart.js'
import { renderReport } from '../../src/report/render.js'
import type { ReportData } from '../../src/report/report-data.js'
import { scoreTable } from '../../src/report/score-table.js'
import { sampleReport } from './sample-data.js'

const count = (text: string, part: string): number => text.split(part).length - 1

/** The elements that a page opens and never closes, or closes out of turn. */
const unbalanced = (page: string): readonly string[] => {
  const open: string[] = []
  const wrong: string[] = []
  for (const [, slash, name, , self] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:"[^"]*"|[^">])*?)(\/?)>/g)) {
    if (self === '/' || name === 'meta') continue
    if (slash === '') open.push(name!)
    else if (open.pop() !== name) wrong.push(name!)
  }
  return [...wrong, ...open]
}

describe('the page', () => {
  const page = renderReport(sampleReport(5, 8))

  it('is one whole document that needs no network and runs nothing', () => {
    expect(page.startsWith('<!doctype html>')).toBe(true)
    expect(unbalanced(page)).toEqual([])
    expect(page).not.toMatch(/<script|<link|<img|https?:|url\(|@import|\son[a-z]+=/)
    expect(page).toContain('prefers-color-scheme: dark')
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('shows scores, curves, gates, samples, settings and the command', () => {
    for (const part of ['Scores before and after', 'Loss', 'Open gates', 'Scaling gates', 'Offset gates']) {
      expect(page).toContain(part)
    }
    expect(page).toContain('53.3 % ± 1.7 %')
    expect(page).toContain('265 of 500, 276 of 500, 259 of 500')
    expect(page).toContain('gate_rate')
    expect(page).toContain('jola train stdlib/recipes/jola.jola')
  })

  it('escapes every text', () => {
    expect(page).toContain('capital of &lt;Yugoslavia&gt;')
    const hostile = '<b a="1">&\'</b>'
    const data: ReportData = {
      title: hostile,
      summary: hostile,
      model: [{ name: hostile, value: hostile, note: hostile }],
      data: [],
      settings: [],
      scores: [{ name: hostile, kind: 'number', better: 'lower', before: [], after: [{ value: 1 }] }],
      curves: { train: [], valid: [] },
      samples: [{ prompt: hostile, before: hostile, after: hostile, expected: hostile }],
      reproduce: { command: hostile, facts: [] },
    }
    const shown = renderReport(data)
    expect(shown).not.toContain('<b a=')
    expect(count(shown, '&lt;b a=&quot;1&quot;&gt;')).toBe(12)
  })

  it('leaves out what it has no data for', () => {
    const { gates: _, ...rest } = sampleReport(1, 1)
    const bare = renderReport({
      ...rest,
      scores: [],
      samples: [],
      settings: [],
      curves: { train: [], valid: [] },
    })
    for (const part of [
      '<h2>Scores',
      '<h2>Loss',
      '<h2>Open gates',
      '<h2>Where',
      '<h2>Text',
      '<h2>Settings',
    ]) {
      expect(bare).not.toContain(part)
    }
    expect(unbalanced(bare)).toEqual([])
  })
})

describe('a heat map', () => {
  it('has a cell a head with its value, closed heads marked, and only those', () => {
    const map = heatMap(
      [
        [0, 0.5, 1],
        [1e-4, 0, 0.999],
      ],
      'gates',
    )
    expect(count(map, '<title>')).toBe(6)
    expect(count(map, 'class="closed"')).toBe(2)
    expect(map).toContain('layer 0, head 0: closed (exactly 0)')
    expect(map).toContain('layer 0, head 2: open (exactly 1)')
    expect(map).toContain('layer 1, head 0: 0.0001')
    expect(map).toContain('&gt;0</text>')
    expect(map).toContain('&lt;1</text>')
    expect(closedOf([[0, 0.5], [0]])).toEqual({ closed: 2, total: 3 })
  })

  it('stays within its column for large models', () => {
    const wide = heatMap(
      Array.from({ length: 32 }, () => Array(40).fill(0.5)),
      'gates',
    )
    expect(Number(/width="(\d+)"/.exec(wide)?.[1])).toBeLessThan(520)
    expect(count(wide, '<title>')).toBe(1280)
  })

  it('has colours that grow lighter, with ink that can be read on them', () => {
    const channels = (share: number) => sequential(share).match(/\d+/g)!.map(Number)
    const lightness = [0, 0.2, 0.4, 0.6, 0.8, 1].map(share => {
      const [r, g, b] = channels(share)
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
    })
    expect([...lightness].sort((a, b) => a - b)).toEqual(lightness)
    expect([inkOn(0), inkOn(1)]).toEqual(['#fff', '#000'])
  })
})

describe('a line chart', () => {
  it('passes over values that are not finite, and is nothing without any', () => {
    const points = [
      { step: 1, value: 2 },
      { step: 2, value: Number.NaN },
      { step: 3, value: 1 },
    ]
    const chart = lineChart({
      name: 'loss',
      kind: 'number',
      series: [{ name: 'a', points, colour: 1, style: 'marked' }],
    })
    expect(count(chart, '<circle')).toBe(2)
    expect(chart).not.toContain('NaN')
    const none = [{ step: 1, value: Number.NaN }]
    expect(
      lineChart({
        name: 'x',
        kind: 'number',
        series: [{ name: 'a', points: none, colour: 1, style: 'plain' }],
      }),
    ).toBe('')
  })

  it('has round ticks that cover the values', () => {
    expect(niceTicks(0, 4.2, 5)).toEqual([0, 1, 2, 3, 4, 5])
    expect(niceTicks(0, 0.0031, 5)).toEqual([0, 0.001, 0.002, 0.003, 0.004])
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        (low, span) => {
          const ticks = niceTicks(low, low + span, 5)
          const slack = span * 1e-6 + Math.abs(low) * 1e-9
          expect(ticks[0]).toBeLessThanOrEqual(low + slack)
          expect(ticks.at(-1)).toBeGreaterThanOrEqual(low + span - slack)
          expect(ticks.length).toBeLessThanOrEqual(9)
        },
      ),
    )
  })

  it('smooths by a mean that keeps a level line level', () => {
    const level = Array.from({ length: 100 }, (_, step) => ({ step, value: 3 }))
    expect(runningMean(level).map(p => p.value)).toEqual(level.map(p => p.value))
  })
})

describe('the table of scores', () => {
  it('says which way is better', () => {
    const row = { name: 'loss', kind: 'number', before: [{ value: 2 }], after: [{ value: 1 }] } as const
    expect(scoreTable([{ ...row, better: 'lower' }])).toContain('−1<small>better')
    expect(scoreTable([{ ...row, better: 'higher' }])).toContain('−1<small>worse')
    expect(scoreTable([{ ...row, better: 'higher', before: [] }])).toContain('not measured')
  })
})
