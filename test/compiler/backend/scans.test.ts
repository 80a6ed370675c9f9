import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Artifact, DeviceTraits, Step } from '../../../compiler/artifact.js'
import type { ScanMode } from '../../../compiler/fuse/scan-choice.js'
import { lower, simplified, specialiseFn } from '../../../compiler/pipeline.js'
import type { Device } from '../../../runtime/node.js'
import { programOf } from '../../support/program.js'
import { gpu as gpuTraits, llvmpipe } from '../../support/traits.js'
import { randomGraph } from '../ir/random-graph.js'
import { compare, openTestDevice } from './agree.js'
import { recurrences } from './recurrences.js'

let device: Device
beforeAll(async () => {
  device = await openTestDevice()
})
afterAll(() => device.close())

const dispatchesOf = (steps: readonly Step[]): number =>
  steps.reduce((n, s) => n + (s.kind === 'loop' ? s.count * dispatchesOf(s.steps) : 1), 0)

const scansOf = ({ kernels }: Artifact): readonly string[] =>
  kernels.flatMap(k => (k.schedule.startsWith('scan') ? [k.schedule] : []))

const program = programOf(recurrences)

/** Runs a function of the programs on the device; its values must be the interpreter's. */
const check = async (
  fn: string,
  sizes: Readonly<Record<string, number>>,
  options: { readonly traits?: Partial<DeviceTraits>; readonly scans?: ScanMode },
): Promise<Artifact> => {
  const decl = program.fns.get(`main.${fn}`)!
  const at = new Map(Object.entries(sizes).filter(([name]) => decl.sizes.includes(name)))
  const graph = simplified(specialiseFn(program, decl, { sizes: at }))
  const inputs = new Map(
    graph.nodes.flatMap((n, k) => {
      if (n.kind !== 'input') return []
      const count = n.shape.reduce((a, b) => a * b, 1)
      return [[n.name, Array.from({ length: count }, (_, i) => (((7 * i + 3 * k) % 23) - 11) / 20)] as const]
    }),
  )
  const { error, where, artifact } = await compare(device, graph, inputs, options)
  expect(error, `${fn} ${JSON.stringify(sizes)}: ${where}`).toBeLessThan(2e-5)
  return artifact
}

const gpu: Partial<DeviceTraits> = { software: false, storageBuffersPerStage: 8 }
const sizes = [
  { T: 1, E: 3, N: 2, B: 2 },
  { T: 2, E: 1, N: 5, B: 1 },
  { T: 13, E: 7, N: 3, B: 3 },
  { T: 70, E: 20, N: 1, B: 1 },
]

describe('a loop inside a kernel computes what the interpreter does', () => {
  for (const fn of [
    'mamba',
    'sums',
    'fibonacci',
    'rnn',
    'lstm',
    'memory',
    'likelihood',
    'best',
    'seen',
    'beside',
    'batch',
    'nested',
    'shared',
    'filled',
  ])
    it(fn, { timeout: 240_000 }, async () => {
      for (const at of sizes)
        for (const traits of [{}, gpu]) {
          const artifact = await check(fn, at, { traits })
          if (at.T > 13) expect(scansOf(artifact), fn).not.toEqual([])
        }
    })
})

const compiled = (fn: string, sizes: Readonly<Record<string, number>>, traits: DeviceTraits): Artifact => {
  const decl = program.fns.get(`main.${fn}`)!
  return lower(specialiseFn(program, decl, { sizes: new Map(Object.entries(sizes)) }), traits)
}

describe('arrays of more elements than a workgroup has threads', () => {
  for (const scans of ['thread', 'workgroup'] as const)
    it(`by a ${scans} a lane`, { timeout: 240_000 }, async () => {
      for (const fn of ['lstm', 'memory', 'likelihood'])
        await check(fn, { T: 3, E: 40, N: 9, B: 2 }, { scans })
    })
})

describe('all loops of random graphs inside kernels', () => {
  for (const scans of ['thread', 'workgroup'] as const)
    it(`by a ${scans} a lane`, { timeout: 240_000 }, async () => {
      let inside = 0
      await fc.assert(
        fc.asyncProperty(fc.integer(), async seed => {
          const { graph, inputs } = randomGraph(seed)
          const { error, where, artifact } = await compare(device, graph, inputs, { scans })
          expect(error, where).toBeLessThan(1e-4)
          inside += scansOf(artifact).length
        }),
        { numRuns: 60, seed: 11 },
      )
      expect(inside).toBeGreaterThan(10)
    })
})

describe('few dispatches', () => {
  it('do a selective scan and its derivative, however long it is', () => {
    for (const traits of [gpuTraits, llvmpipe])
      for (const T of [64, 1024])
        expect(dispatchesOf(compiled('mamba', { T, E: 64, N: 16 }, traits).steps)).toBeLessThan(12)
  })

  it('keep a loop over large products outside of kernels', () => {
    const artifact = compiled('rnn', { T: 8, E: 2048, N: 4 }, gpuTraits)
    expect(scansOf(artifact)).toEqual([])
    expect(dispatchesOf(artifact.steps)).toBeGreaterThan(16)
  })
})
