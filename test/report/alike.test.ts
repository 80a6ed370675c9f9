import { expect, it } from 'vitest'
import { checkAlike } from '../../src/report/alike.js'
import type { RunDescription } from '../../src/train/run-record.js'

const run = (
  path: string,
  more: Partial<RunDescription> = {},
): RunDescription & { readonly path: string } => ({
  path,
  format: 'jola-run-1',
  program: 'std.recipes.jola',
  recipe: 'Jola',
  programHash: '12',
  model: '/model',
  data: '/data',
  dataDigest: '34',
  seed: 0,
  settings: { epochs: 2 },
  sizes: {},
  device: 'any',
  trainable: 1,
  ...more,
})

it('makes one report of seeds', () => {
  expect(() => checkAlike([run('a'), run('b', { seed: 1 }), run('c', { seed: 2 })])).not.toThrow()
})

it('takes a run from before there was a choice of formats for what it was', () => {
  const later = { seed: 1, weights: 'f32', precision: 'f32' } as const
  expect(() => checkAlike([run('a'), run('b', later)])).not.toThrow()
})

it.each([
  [{ recipe: 'LowRank' }, 'their recipes differ'],
  [{ weights: 'q8' }, 'their formats of weights differ'],
  [{ precision: 'f16' }, 'their precisions differ'],
  [{ sizes: { T: 32 } }, 'their sizes differ'],
  [{ dataDigest: '56' }, 'their data differ'],
  [{ settings: { epochs: 3 } }, 'their settings differ'],
  [{ seed: 0 }, 'both have the seed 0'],
] as const)('and none of runs with %j', (more, why) => {
  expect(() => checkAlike([run('a'), run('b', { seed: 1, ...more })])).toThrow(
    expect.objectContaining({ why: expect.stringContaining(`${why}: `) as string, where: 'a, b' }) as Error,
  )
})
