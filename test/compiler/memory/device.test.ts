import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Artifact } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { memoryLimits } from '../../../compiler/memory/fit-memory.js'
import type { Device } from '../../../runtime/node.js'
import { llvmpipe } from '../../support/traits.js'
import { openTestDevice, runArtifact, worst } from '../backend/agree.js'
import { functionGraph, gradientGraph, interpreted, valuesFor } from './programs.js'

let device: Device
beforeAll(async () => {
  device = await openTestDevice()
})
afterAll(() => device.close())

const loopsIn = (steps: Artifact['steps']): number =>
  steps.reduce((n, s) => n + (s.kind === 'loop' ? 1 + loopsIn(s.steps) : 0), 0)

describe('on the device chunks give what the interpreter gives', () => {
  const run = async (graph: Graph, bound: number, bytes: number, target: number): Promise<void> => {
    const inputs = valuesFor(graph, bound)
    const limits = { largest: bytes, target, kept: bytes, operations: 512 }
    const artifact = compileGraph(graph, device.traits, { limits })
    const plain = compileGraph(graph, device.traits)
    expect(loopsIn(artifact.steps)).toBeGreaterThan(loopsIn(plain.steps))
    const { error, where } = worst(await runArtifact(device, artifact, inputs), interpreted(graph, inputs))
    expect(error, where).toBeLessThan(1e-3)
  }
  const heads = { B: 2, K: 2, D: 16 }
  for (const [T, G, length] of [
    [64, 1, 16],
    [64, 2, 24],
    [37, 1, 8],
  ] as const) {
    const bytes = 4 * heads.B * heads.K * G * T * length
    const name = `${T} positions, ${G} queries a key, chunks of ${length}`
    it(`of attention, ${name}`, { timeout: 240_000 }, () =>
      run(functionGraph('mix', { ...heads, T, G }), 1, bytes, bytes),
    )
    it(`of its gradient, ${name}`, { timeout: 240_000 }, () =>
      run(gradientGraph('mixed', { ...heads, T, G }), 1, bytes, bytes),
    )
  }

  it('of layers', { timeout: 240_000 }, () =>
    run(gradientGraph('layers', { B: 2, K: 2, D: 8, E: 16, L: 3, T: 32 }), 1, 8 * 1024, 4 * 1024),
  )

  it('of the loss over a vocabulary', { timeout: 240_000 }, () =>
    run(gradientGraph('loss', { B: 4, T: 12, E: 16, V: 260 }), 260, 40_000, 13_000),
  )
})

describe('memory', () => {
  const temporary = (graph: Graph): number =>
    compileGraph(graph, llvmpipe)
      .buffers.filter(b => b.role === 'temp')
      .reduce((n, b) => n + b.bytes, 0)
  const chunk = memoryLimits(llvmpipe).target

  it('of attention grows with the positions, not with their square', () => {
    for (const [name, of] of [
      ['mix', functionGraph],
      ['mixed', gradientGraph],
      ['layers', gradientGraph],
    ] as const) {
      const at = (T: number): number =>
        temporary(of(name, { B: 2, K: 4, G: 1, D: 32, E: 64, L: 2, T })) / chunk
      const [one, two, four] = [at(2048), at(4096), at(8192)]
      // The square of 8192 positions would be 2 GiB, 128 chunks, for a single tensor.
      expect(four! - two!, name).toBeLessThan(2.2 * (two! - one!) + 1)
      expect(four, name).toBeLessThan(20)
    }
  })

  it('of a loss over a vocabulary holds chunks of it', () => {
    const bytes = temporary(gradientGraph('loss', { B: 8, T: 64, E: 32, V: 48000 }))
    expect(bytes).toBeLessThan(5 * chunk)
  })

  it('is in chunks where a binding holds no more, however little that is', () => {
    const graph = functionGraph('mix', { B: 1, K: 4, G: 1, D: 32, T: 1024 })
    expect(loopsIn(compileGraph(graph, llvmpipe).steps)).toBe(0)
    const narrow = compileGraph(graph, { ...llvmpipe, bindingBytes: 2 ** 20 })
    expect(loopsIn(narrow.steps)).toBeGreaterThan(0)
    expect(narrow.requires.bindingBytes).toBeLessThanOrEqual(2 ** 20)
  })

  it('of short sequences is not chunked', () => {
    const artifact = compileGraph(gradientGraph('mixed', { B: 2, K: 4, G: 1, D: 32, T: 64 }), llvmpipe)
    expect(loopsIn(artifact.steps)).toBe(0)
  })
})
