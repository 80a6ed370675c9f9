import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceTraits } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { simplified, specialiseFn } from '../../../compiler/pipeline.js'
import { simplify } from '../../../compiler/simplify/simplify.js'
import { leastTraits } from '../../../compiler/traits.js'
import { compileStep, fullShape, storiesStep } from '../../../src/bench/recipe-step.js'
import { prelude, programText } from '../../acceptance/random-source.js'
import { genomes } from '../../acceptance/random-terms.js'
import { programOf } from '../../acceptance/support.js'
import { passedLimits } from '../../support/limits.js'
import { gpu, llvmpipe } from '../../support/traits.js'
import { randomGraph } from '../ir/random-graph.js'
import { vectors } from './programs.js'

const eight = { ...llvmpipe, name: 'llvmpipe of 8', storageBuffersPerStage: 8, bindingAlignment: 256 }
const ten = {
  ...llvmpipe,
  name: 'llvmpipe of 10',
  storageBuffersPerStage: 10,
  workgroupInvocations: 128,
  workgroupBytes: 8192,
}

/** The weakest device, and devices that are weak in one respect. */
const devices: readonly DeviceTraits[] = [
  leastTraits,
  { ...gpu, storageBuffersPerStage: 8, workgroupInvocations: 128 },
  eight,
  ten,
  { ...gpu, name: 'a GPU of 5', storageBuffersPerStage: 5 },
]

it("no kernel of the standard library's training steps passes a limit", { timeout: 120_000 }, () => {
  for (const [file, traits, shape] of [
    ['std.recipes.jola', leastTraits, fullShape(2, 512)],
    ['std.recipes.jola', eight, fullShape(8, 64)],
    ['std.recipes.pretrain', leastTraits, fullShape(8, 64)],
    ['std.recipes.pretrain', ten, fullShape(2, 64)],
  ] as const) {
    const artifact = compileStep({ ...storiesStep, recipe: { file, set: [] }, shape }, traits)
    expect(passedLimits(artifact, traits), `${file} on ${traits.name}`).toEqual([])
  }
})

describe.each(devices)('no kernel passes a limit of $name', traits => {
  it('in sums of many vectors, and norms of many tensors', () => {
    for (const [fn, n] of vectors.functions) {
      const graph = simplified(
        specialiseFn(vectors.program, vectors.program.fns.get(fn)!, { sizes: new Map([['N', n]]) }),
      )
      for (const fuse of [false, true])
        expect(passedLimits(compileGraph(graph, traits, { fuse }), traits), fn).toEqual([])
    }
  })

  it('in random graphs and programs', { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= 30; seed++)
      for (const fuse of [false, true]) {
        const artifact = compileGraph(simplify(randomGraph(seed).graph), traits, { fuse })
        expect(passedLimits(artifact, traits), `seed ${seed}`).toEqual([])
      }
    for (const [i, genome] of fc.sample(genomes, { seed: 8, numRuns: 20 }).entries()) {
      const s = programText(genome, 'p')
      const main = `fn main(${s.given}) -> (${s.types.join(', ')}) = (${s.results.join(', ')})`
      const text = `${prelude}\n${s.text}\n${main}`
      const program = programOf(text)
      const graph = simplified(specialiseFn(program, program.fns.get('main.main')!, { sizes: new Map() }))
      expect(passedLimits(compileGraph(graph, traits), traits), `program ${i}\n${text}`).toEqual([])
    }
  })
})
