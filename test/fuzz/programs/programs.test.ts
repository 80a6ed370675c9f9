import { expect, it } from 'vitest'
import { Choices, shrink } from './choices.js'
import { programs } from './part.js'

it('random programs of every character agree on interpreter and device', { timeout: 300_000 }, async () => {
  const { findings } = await programs.run({ seed: 7, count: 4, say: () => undefined })
  expect(findings.map(f => `${f.what}\n${f.input}`)).toEqual([])
})

it('what fails is made smaller, to the choices that matter', async () => {
  const fails = async (values: readonly number[]): Promise<boolean> => {
    const c = new Choices(values)
    const length = c.below(20)
    return Array.from({ length }, () => c.below(50)).some(n => n >= 10)
  }
  const start = [17, 3, 8, 44, 2, 31, 9, 9, 12, 40, 1, 2, 3, 4, 5, 6, 7, 30]
  const least = await shrink(start, fails, 500)
  expect(least.length).toBeLessThanOrEqual(3)
  expect(await fails(least)).toBe(true)
})

it('choices that have run out are the simplest', () => {
  const c = new Choices([5])
  expect([c.below(3), c.below(7), c.one(['a', 'b'])]).toEqual([2, 0, 'a'])
})
