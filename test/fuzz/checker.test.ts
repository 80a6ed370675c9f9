import { expect, test } from 'vitest'
import { checker } from './checker/part.js'

test('what the checker accepts specialises, runs and lowers at sizes 0, 1, 2 and 5', async () => {
  const { tried, findings } = await checker.run({ seed: 7, count: 30, say: () => undefined })
  expect(tried).toBe(90)
  expect(findings).toEqual([])
}, 120_000)
