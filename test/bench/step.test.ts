import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Ceilings } from '../../src/bench/ceilings.js'
import { measureDecode, openRandomPredictor } from '../../src/bench/decoding.js'
import { type GrowthResult, measureGrowth } from '../../src/bench/growth.js'
import { growthPicture } from '../../src/bench/growth-picture.js'
import { maskPlans, measureMasks } from '../../src/bench/masks.js'
import { llamaConfig, stories15M } from '../../src/bench/random-model.js'
import { compileStep, fullShape, jola as recipe, storiesStep } from '../../src/bench/recipe-step.js'
import { jola } from '../cli/support.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'

const tiny = (layers: number) =>
  llamaConfig({
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    vocab_size: 16,
    max_position_embeddings: 32,
  })

withDevice('a model', device => {
  it('trains by any recipe: a step is measured and profiled by kernel and source line', async () => {
    const folder = await temporaryDirectory()
    await writeFile(join(folder, 'config.json'), JSON.stringify(tiny(2)))
    const file = join(folder, 'step.json')
    const shape = ['--shape', folder, '--batch', '2', '--context', '6', '--answers', '3']
    for (const of of ['std.recipes.jola', 'std.recipes.pretrain']) {
      const { code, out, err } = await jola('bench', '--profile', of, ...shape, '--runs', '2', '--json', file)
      expect(code, err).toBe(0)
      expect(out).toMatch(new RegExp(`^${of} on .*, 2×6 tokens, answers of 3: time by kernel`, 'm'))
      const { steps } = JSON.parse(await readFile(file, 'utf8')) as {
        steps: [{ kernels: number; profile: { kernels: { share: number; origins: string[] }[] } }]
      }
      const { kernels, profile } = steps[0]
      expect(kernels).toBeGreaterThan(5)
      expect(profile.kernels.reduce((sum, k) => sum + k.share, 0)).toBeCloseTo(1)
      const lines = profile.kernels.flatMap(k => k.origins).join('\n')
      expect(lines).toMatch(/llama\.jola:\d+/)
      expect(lines).toMatch(/optim\.jola:\d+/)
    }
  })

  it('decodes: a prompt is read and continued, its weights in any format', async () => {
    const ceilings = new Ceilings(device, { milliseconds: 0, most: 1 })
    for (const weights of ['f32', 'q8'] as const) {
      const plan = { name: weights, config: tiny(2), weights, rows: 2, prompt: 5, tokens: 4 }
      const result = await measureDecode(device, ceilings, plan, 2)
      expect(result.prefill.least).toBeGreaterThan(0)
      expect(result.decode.least).toBeGreaterThan(0)
      expect(result.toCeiling!.least).toBeGreaterThan(0)
      expect(result.toCeiling!.least).toBeLessThan(result.toCeiling!.most)
    }
    await ceilings.close()
    const [plain, packed] = (['f32', 'q8'] as const).map(weights => {
      const model = openRandomPredictor(device, tiny(2), weights)
      model.close()
      return model.weightBytes
    })
    expect(packed).toBeLessThan(plain! / 2)
  })

  it('grows in one size at a time', async () => {
    const plan = (layers: number) => ({
      name: 'tiny',
      recipe,
      model: tiny(layers),
      shape: fullShape(2, 4),
    })
    const points = [1, 3].map(value => ({ value, plan: plan(value) }))
    const [grown] = await measureGrowth(device, [{ name: 'growth with layers', axis: 'layers', points }], {
      runs: 2,
    })
    expect(grown!.points.map(p => p.value)).toEqual([1, 3])
    expect(grown!.points[1]!.gflop).toBeGreaterThan(grown!.points[0]!.gflop)
    expect(grown!.points[0]!.toArithmetic).toEqual({ median: 1, least: 1, most: 1 })
  })

  it('is compiled from a configuration alone, to the same kernels however many layers it has', () => {
    const kernels = [2, 5].map(layers => {
      const plan = { name: 'tiny', recipe, model: tiny(layers), shape: fullShape(2, 4) }
      return compileStep(plan, device.traits).kernels.length
    })
    expect(kernels[0]).toBe(kernels[1])
  })

  it('trains with 40 kernels at most', () => {
    const traits = { ...device.traits, software: true, subgroupSize: 8, storageBuffersPerStage: 16 }
    expect(compileStep(storiesStep, traits).kernels.length).toBeLessThanOrEqual(40)
  })
})

withDevice('masks', device => {
  it('are measured beside attention without one', async () => {
    const plans = maskPlans.map(p => ({ ...p, sizes: { H: 1, T: 40, D: 4 } }))
    const [whole, causal, near] = await measureMasks(device, plans, { runs: 1 })
    expect(whole).toMatchObject({ name: 'no mask', kept: 1, toUnmasked: { median: 1 } })
    expect(causal!.kept).toBe((40 * 41) / 2 / 40 ** 2)
    expect(near!.kept).toBe(causal!.kept)
    expect(causal!.toUnmasked.median).toBeGreaterThan(0)
  })
})

describe('the picture of growth', () => {
  it('has a key, and a panel for each size, with the measured and the expected times', () => {
    const spread = (median: number) => ({ median, least: median, most: median })
    const grown = (axis: string): GrowthResult => ({
      name: `growth with ${axis}`,
      axis,
      points: [1, 2, 4].map(value => ({
        value,
        milliseconds: spread(10 * value),
        gflop: value,
        toArithmetic: spread(1),
      })),
    })
    const svg = growthPicture([grown('layers'), grown('tokens'), grown('words & more')])
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    expect(svg.match(/<g class="panel"/g)).toHaveLength(3)
    expect(svg.match(/<g class="key"/g)).toHaveLength(1)
    expect(svg).toContain('growth with words &amp; more: milliseconds a step')
    expect(svg).toContain('measured, layers 4: 40')
    expect(svg.match(/class="line c2"/g)).toHaveLength(1 + 3)
  })
})

describe('the model that figures are for', () => {
  it('has the parameters of stories15M', () => {
    const { hidden_size: E, intermediate_size: F, num_hidden_layers: L, vocab_size: V } = stories15M
    expect(V * E + L * (4 * E * E + 3 * E * F + 2 * E) + E).toBe(15_191_712)
  })
})
