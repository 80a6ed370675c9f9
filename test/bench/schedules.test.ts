import { describe, expect, it } from 'vitest'
import { simplified } from '../../compiler/pipeline.js'
import { matrixVectorCase, productCase } from '../../src/bench/cases.js'
import { graphOfText } from '../../src/bench/compile.js'
import { randomCases } from '../../src/bench/random-cases.js'
import { measureSchedules } from '../../src/bench/schedules.js'
import { showSchedule, showSchedules } from '../../src/bench/show-schedules.js'
import { plainTable } from '../../src/bench/table.js'
import { studiesOf } from '../../src/tune/tune.js'
import { withDevice } from '../support/device.js'
import { llvmpipe } from '../support/traits.js'

describe('cases of random shapes', () => {
  const cases = randomCases(3, 200)

  it('are the same for a seed, and others for another', () => {
    expect(JSON.stringify(randomCases(3, 5))).toBe(JSON.stringify(cases.slice(0, 5)))
    expect(JSON.stringify(randomCases(4, 5))).not.toBe(JSON.stringify(cases.slice(0, 5)))
  })

  it('are of all kinds and orientations, from 1 to 300, most of them small, half of them odd', () => {
    for (const part of [/^product A·B /, /Aᵀ·B /, /A·Bᵀ /, /^\d+ products/, /vector/, /softmax/, /norm/])
      expect(cases.filter(c => part.test(c.name)).length, String(part)).toBeGreaterThan(3)
    const sizes = cases.flatMap(c => Object.values(c.sizes))
    expect([Math.min(...sizes), Math.max(...sizes) <= 300]).toEqual([1, true])
    expect(sizes.filter(n => n < 40).length).toBeGreaterThan(sizes.length / 2)
    expect(sizes.filter(n => n % 2 === 1).length).toBeGreaterThan(sizes.length / 2)
  })

  it('are programs, and most of them have a choice', () => {
    const some = cases.slice(0, 20)
    const studies = some.flatMap(c =>
      studiesOf(simplified(graphOfText({ text: c.program, sizes: c.sizes, name: c.name })), llvmpipe).slice(
        0,
        1,
      ),
    )
    expect(studies.length).toBeGreaterThan(10)
  })
})

it('a schedule is shown by its settings', () => {
  expect(showSchedule({ family: 'scatter', threads: 8 })).toBe('scatter threads=8')
  expect(showSchedule({ turned: false, threads: { m: 4, n: 16 }, family: 'tile' } as never)).toBe(
    'tile threads=4,16',
  )
})

withDevice('jola bench schedules', device => {
  it('holds the chosen schedule against the best of its candidates', { timeout: 120_000 }, async () => {
    const product = productCase('small', { batch: 1, m: 5, n: 8, k: 4, left: 'mk', right: 'kn' }, 0)
    const single = { ...matrixVectorCase(1, 1, 0), name: 'single' }
    const result = await measureSchedules(device, [product, single], { runs: 1 })
    expect(result.wrong).toEqual([])
    const [kernel, ...others] = result.kernels.filter(k => k.name === 'small')
    expect(others).toEqual([])
    expect(kernel!.candidates).toBeGreaterThan(1)
    expect(kernel!.ratio).toBe(kernel!.chosen.milliseconds / kernel!.best.milliseconds)
    expect(kernel!.ratio).toBeGreaterThanOrEqual(1)
    expect(result.ratio.most).toBe(result.kernels[0]!.ratio)
    const shown = showSchedules(result).map(b => (typeof b === 'string' ? b : plainTable(b)))
    expect(shown.join('\n')).toContain(showSchedule(kernel!.chosen.schedule))
  })
})
