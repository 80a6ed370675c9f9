import { describe, expect, it } from 'vitest'
import type { Artifact } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { planned } from '../../../compiler/pipeline.js'
import { simplify } from '../../../compiler/simplify/simplify.js'
import { llamaConfig, stories15M } from '../../../src/bench/random-model.js'
import { compileStep, fullShape, jola, storiesStep } from '../../../src/bench/recipe-step.js'
import { llvmpipe } from '../../support/traits.js'
import { randomGraph } from '../ir/random-graph.js'
import { gradientGraph, valuesFor } from './programs.js'

const MiB = 2 ** 20

describe("a plan's peak is within a tenth of the least its steps need", () => {
  const hold = (name: string, { peakBytes, leastBytes }: Artifact): void => {
    expect(peakBytes, name).toBeGreaterThanOrEqual(leastBytes)
    expect(peakBytes / leastBytes, name).toBeLessThan(1.1)
  }
  it("for the standard library's training steps", { timeout: 120_000 }, () => {
    for (const recipe of [jola, { file: 'std.recipes.pretrain', set: [] }])
      for (const [B, T] of [
        [8, 64],
        [2, 512],
      ] as const)
        hold(
          `${recipe.file} ${B}×${T}`,
          compileStep({ ...storiesStep, recipe, shape: fullShape(B, T) }, llvmpipe),
        )
  })

  // Tensors of a few bytes of odd sizes, in whole buffers: a tenth of the least is sometimes less than any
  // of them.
  it('for all but a few random graphs, which are within a quarter', () => {
    const ratios = [...Array(200).keys()].map(seed => {
      const { peakBytes, leastBytes } = compileGraph(simplify(randomGraph(seed + 1).graph), llvmpipe, {
        fuse: false,
      })
      return peakBytes / leastBytes
    })
    expect(Math.min(...ratios)).toBeGreaterThanOrEqual(1)
    expect(Math.max(...ratios)).toBeLessThan(1.25)
    expect(ratios.filter(r => r > 1.1).length).toBeLessThan(10)
  })

  it('for attention, layers and a loss, in chunks too', () => {
    for (const T of [16, 64, 2048]) {
      const sizes = { B: 2, K: 2, G: 1, D: 16, E: 32, L: 3, V: 500, T }
      for (const name of ['mixed', 'layers', 'loss'])
        hold(`${name} ${T}`, planned(gradientGraph(name, sizes), llvmpipe))
    }
  })
})

describe('a budget', () => {
  const graph = gradientGraph('layers', { B: 2, K: 2, D: 32, E: 64, L: 4, T: 256 })
  const free = planned(graph, llvmpipe)

  it('that holds the plan changes nothing', () => {
    expect(planned(graph, llvmpipe, { memory: free.peakBytes })).toEqual(free)
  })

  it('that is passed makes chunks and makes things again until it is held', () => {
    const memory = Math.floor(free.peakBytes / 2)
    const tight = planned(graph, llvmpipe, { memory })
    expect(tight.peakBytes).toBeLessThanOrEqual(memory)
    expect(valuesFor(graph, 1).size).toBe(tight.inputs.length)
  })

  it('that nothing can hold gives the least there is', () => {
    const least = planned(graph, llvmpipe, { memory: 1 })
    expect(least.peakBytes).toBeLessThan(free.peakBytes / 2)
  })
})

describe("JoLA's step", () => {
  it('takes memory that grows with the positions, not with their square', { timeout: 120_000 }, () => {
    const model = llamaConfig({ ...stories15M, num_hidden_layers: 2, vocab_size: 512 })
    const at = (T: number): number =>
      compileStep({ name: `${T}`, recipe: jola, model, shape: fullShape(1, T) }, llvmpipe).peakBytes / MiB
    const [one, two, four] = [at(2048), at(4096), at(8192)] as const
    // Twice as much, but for how full chunks of 16 MiB are.
    expect(four - two).toBeLessThan(2 * (two - one) + 3 * 16)
    // The weights of attention for 8192 positions would be 1536 MiB a layer.
    expect(four).toBeLessThan(512)
  })
})
