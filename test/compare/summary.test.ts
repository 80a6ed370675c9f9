import { describe, expect, it } from 'vitest'
import type { CellResult } from '../../src/compare/cell-result.js'
import { conclusionsOf } from '../../src/compare/conclusions.js'
import {
  type ComparePlan,
  cellName,
  cellNamed,
  cellsOf,
  checkBudgets,
  type MethodDeclaration,
  settingsFor,
} from '../../src/compare/plan.js'
import { summarise } from '../../src/compare/summary.js'
import { renderComparison } from '../../src/report/compare-page.js'
import { compareTable } from '../../src/report/compare-table.js'
import type { TaskDeclaration } from '../../src/tasks/declaration.js'
import { userError } from '../support/user-error.js'

const task = (name: string, family?: string): TaskDeclaration => ({
  name,
  title: `the task <${name}>`,
  source: 'made up',
  ...(family === undefined ? {} : { family }),
  folders: [name],
  files: {},
  reading: {},
  score: 'choice',
  metric: 'accuracy',
})

const method = (name: string, tries: number, more: Partial<MethodDeclaration> = {}): MethodDeclaration => ({
  name,
  title: name.toUpperCase(),
  program: `${name}.jola`,
  settings: { epochs: 3 },
  tries: Array.from({ length: tries }, (_, i) => ({ rate: i })),
  ...more,
})

const bare: MethodDeclaration = { name: 'bare', title: 'BARE', settings: {}, tries: [] }

const plan = (more: Partial<ComparePlan> = {}): ComparePlan => ({
  format: 'jola-compare-1',
  model: 'm',
  tasks: [task('one')],
  methods: [bare, method('a', 2), method('b', 2)],
  seeds: [1, 2, 3],
  trainSizes: [10],
  validSize: 5,
  tries: 2,
  set: [],
  against: 'a',
  ...more,
})

describe('the grid', () => {
  it('has the tries of a method before its seeds, and one cell of a method that trains nothing', () => {
    const tail = ['try-0', 'try-1', 'seed-1', 'seed-2', 'seed-3']
    expect(cellsOf(plan()).map(cellName)).toEqual([
      'one/bare/10/seed-1',
      ...tail.map(end => `one/a/10/${end}`),
      ...tail.map(end => `one/b/10/${end}`),
    ])
    expect(cellsOf(plan({ tries: 1 })).some(c => c.kind === 'try')).toBe(false)
    expect(cellsOf(plan({ trainSizes: [5, 10] })).length).toBe(1 + 4 * 5)
  })

  it('finds a cell by its name, also of a task of a set', async () => {
    const p = plan({ tasks: [task('set/part-one')] })
    for (const cell of cellsOf(p)) expect(cellNamed(p, cellName(cell))).toEqual(cell)
    expect((await userError(() => cellNamed(p, 'one/c/10/seed-1'))).what).toContain('one/c/10/seed-1')
  })

  it('settings: the method’s, then the command line’s, then the candidate’s', () => {
    const p = plan({ set: ['epochs=9', 'b.epochs=7', 'a.x=1.5'] })
    expect(settingsFor(p, p.methods[1]!, { rate: 1 })).toEqual(['epochs=3', 'epochs=9', 'x=1.5', 'rate=1'])
    expect(settingsFor(p, p.methods[2]!, {})).toEqual(['epochs=3', 'epochs=9', 'epochs=7'])
  })

  it('refuses methods that would be tuned by different numbers of candidates', async () => {
    const error = await userError(() => checkBudgets(plan({ methods: [method('a', 2), method('b', 1)] })))
    expect(error.why).toContain('b has 1')
    checkBudgets(plan({ methods: [method('a', 2), method('b', 1)], tries: 1 }))
  })
})

const result = (cell: string, accuracy: number, more: Partial<CellResult> = {}): CellResult => ({
  format: 'jola-cell-1',
  cell,
  key: '',
  scored: { accuracy, majority: 0.25, right: '', seconds: 1, adapterBytes: 1000 },
  trained: {
    settings: {},
    loss: 1,
    epoch: 1,
    steps: 10,
    seconds: 2,
    trained: 12,
    deviceBytes: 100,
    programHash: 'h',
    device: 'd',
  },
  ...more,
})

const resultsOf = (all: Readonly<Record<string, number>>): ReadonlyMap<string, CellResult> =>
  new Map(Object.entries(all).map(([cell, accuracy]) => [cell, result(cell, accuracy)]))

const full = resultsOf({
  'one/bare/10/seed-1': 0.3,
  'one/a/10/seed-1': 0.5,
  'one/a/10/seed-2': 0.6,
  'one/a/10/seed-3': 0.7,
  'one/b/10/seed-1': 0.6,
  'one/b/10/seed-2': 0.71,
  'one/b/10/seed-3': 0.8,
})

describe('a summary', () => {
  it('gives means, deviations and differences that are paired by seed', () => {
    const [one] = summarise(plan(), full).tasks
    const [zero, a, b] = one!.methods
    expect(zero!.scores.map(s => s.value)).toEqual([0.3, 0.3, 0.3])
    expect(a!.mean).toBeCloseTo(0.6, 12)
    expect(a!.deviation).toBeCloseTo(0.1, 12)
    expect(a!.difference).toBeUndefined()
    // 0.1, 0.11 and 0.1: s/√3 is 0.0033, Student's t 4.3027.
    expect(b!.difference!.mean).toBeCloseTo(0.31 / 3, 12)
    expect(b!.difference!.low).toBeCloseTo(0.31 / 3 - 4.30265 * (0.01 / 3), 5)
    // Unpaired, the deviation of 0.1 would hide it.
    expect(conclusionsOf(summarise(plan(), full))).toEqual([
      'one: B has the highest mean. Against A, by the 95 % intervals: better: B; worse: BARE.',
    ])
  })

  it('does not call better what the interval leaves open', () => {
    const open = new Map([...full, ...resultsOf({ 'one/b/10/seed-2': 0.5 })])
    const [one] = summarise(plan(), open).tasks
    expect(one!.methods[2]!.difference!.mean).toBeGreaterThan(0)
    expect(conclusionsOf(summarise(plan(), open))[0]).toContain('intervals: worse: BARE; not told apart: B.')
  })

  it('compares only seeds that both have', () => {
    const some = new Map([...full].filter(([name]) => !name.endsWith('b/10/seed-3')))
    const b = summarise(plan(), some).tasks[0]!.methods[2]!
    expect(b.scores.length).toBe(2)
    expect(b.difference!.mean).toBeCloseTo(0.105, 12)
    expect(b.difference!.count).toBe(2)
  })

  it('says what is not computed yet', () => {
    const without = (pattern: RegExp) =>
      summarise(plan(), new Map([...full].filter(([name]) => !pattern.test(name)))).remarks
    expect(without(/b\/10\/seed-3/)).toEqual(['B: 2 of 3 trainings so far'])
    expect(without(/[ab]\/10/)).toEqual(['not computed yet: A, B'])
    expect(without(/nothing/)).toEqual([])
  })

  it('marks the candidate of least validation loss', () => {
    const tries = [3, 1].map((loss, i): [string, CellResult] => {
      const cell = `one/a/10/try-${i}`
      const of = result(cell, 0)
      return [cell, { ...of, trained: { ...of.trained!, settings: { rate: i }, loss } }]
    })
    const a = summarise(plan(), new Map([...full, ...tries])).tasks[0]!.methods[1]!
    expect(a.tries.map(t => t.chosen)).toEqual([false, true])
    expect(compareTable(summarise(plan(), new Map([...full, ...tries])))).toContain('| rate=1 |')
  })

  it('draws a curve of the best methods over the numbers of examples', () => {
    const many = Array.from({ length: 12 }, (_, i) => method(`m${i}`, 0))
    const p = plan({ methods: many, tries: 1, trainSizes: [10, 20], against: 'm0', seeds: [1] })
    const results = resultsOf(
      Object.fromEntries(cellsOf(p).map((cell, i) => [cellName(cell), (i % 13) / 13 + 0.01])),
    )
    const page = renderComparison(summarise(p, results), 'jola compare')
    expect(page).toContain('The best 8 with the most examples')
    expect(page.match(/class="line c\d"/g)!.length).toBe(8)
  })

  it('averages the tasks of a family by seed', () => {
    const two = plan({ tasks: [task('one', 'f'), task('two', 'f')] })
    const more = resultsOf({
      'two/bare/10/seed-1': 0.1,
      'two/a/10/seed-1': 0.1,
      'two/a/10/seed-2': 0.2,
      'two/a/10/seed-3': 0.3,
    })
    const [family] = summarise(two, new Map([...full, ...more])).families
    // The method b has not finished the second task.
    expect(family!.methods.map(m => m.method)).toEqual(['bare', 'a'])
    expect(family!.methods[1]!.scores.map(s => s.value)).toEqual(
      [0.3, 0.4, 0.5].map(x => expect.closeTo(x, 12)),
    )
  })

  it('tells how gates stand over seeds', () => {
    const gates = [[[0, 0, 1, 1]], [[0, 1, 0, 1]], [[0, 1, 1, 1]]].map((scale, i): [string, CellResult] => {
      const cell = `one/a/10/seed-${i + 1}`
      const of = result(cell, 0.5)
      const open = { scale: [[0.5, 0.5, 0.5, 0.5]], offset: [[1, 1, 1, 1]] }
      return [
        cell,
        { ...of, trained: { ...of.trained!, gates: { scale, offset: [[1, 1, 1, 1]] }, gatesBefore: open } },
      ]
    })
    const summary = summarise(plan(), new Map([...full, ...gates]))
    const [scale, offset] = summary.tasks[0]!.methods[1]!.gates
    expect(scale!.closed[0]).toEqual([1, 1 / 3, 1 / 3, 0])
    expect(scale!.moved![0]).toEqual([0.5, 0.5, 0.5, 0.5])
    // {0, 1}, {0, 2} and {0}: 1/3, 1/2 and 1/2.
    expect(scale!.agreement).toBeCloseTo(4 / 9, 12)
    expect(offset!.agreement).toBeUndefined()
    const page = renderComparison(summary, 'jola compare')
    expect(page).toContain('the task &lt;one&gt;')
    expect(page).toContain('Closed gates agree over seeds by 0.44')
    expect(page).not.toMatch(/NaN|undefined/)
  })
})
