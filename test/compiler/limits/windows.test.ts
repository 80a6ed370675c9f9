import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Artifact, DeviceTraits } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { packInputs } from '../../../compiler/ir/packing.js'
import { simplified, specialiseFn } from '../../../compiler/pipeline.js'
import { prelude, programText } from '../../acceptance/random-source.js'
import { genomes } from '../../acceptance/random-terms.js'
import { programOf } from '../../acceptance/support.js'
import { withDevice } from '../../support/device.js'
import { passedLimits } from '../../support/limits.js'
import { gpu, llvmpipe } from '../../support/traits.js'
import { compare } from '../backend/agree.js'
import { randomNumbers } from '../ir/random-graph.js'

const program = programOf(`
fn scaled(x: f32[N]) -> f32[N] = for i -> 2 * x[i] + 1
fn total(x: f32[N]) -> f32 = sum i -> x[i]
fn slope(x: f32[N]) -> f32[N] = grad(y -> sum i: N -> y[i] * sin(y[i]))(x)
fn best(x: f32[N]) -> i32 = argmax i -> x[i]
fn reversed(x: f32[N]) -> f32[N] = for i -> x.at(N - 1 - i, else: 0)
fn shifted(x: f32[N]) -> f32[N] = for i -> x.at(i + 3, else: 0.5) - x.at(i - 1, else: 2.0)
fn signs(x: f32[N]) -> (bool[N], i32[N]) = (for i -> x[i] > 1.0, for i -> i32(4 * x[i]))
fn rows(x: f32[N, 12]) -> f32[N] = for i -> sum j -> x[i, j]
fn columns(x: f32[12, N]) -> f32[N] = for i -> max j -> x[j, i]
fn softmax(x: f32[N, 20]) -> f32[N, 20] =
  for i -> let m = max j -> x[i, j]
           let e = for j -> exp(x[i, j] - m)
           let s = sum j -> e[j]
           for j -> e[j] / s
fn turned(x: f32[N, 24]) -> f32[24, N] = for j, i -> x[i, j]
fn product(x: f32[N, 16], y: f32[16, 20]) -> f32[N, 20] = for i, j -> sum k -> x[i, k] * y[k, j]
fn product_of_long(x: f32[16, N], y: f32[N, 12]) -> f32[16, 12] = for i, j -> sum k: N -> x[i, k] * y[k, j]
fn product_turned(x: f32[8, 16], y: f32[N, 16]) -> f32[8, N] = for i, j -> sum k -> x[i, k] * y[j, k]
fn vector_product(x: f32[16], y: f32[N, 16]) -> f32[N] = for j -> sum k -> x[k] * y[j, k]
fn batched(x: f32[4, N, 8], y: f32[4, 8, 9]) -> f32[4, N, 9] = for b, i, j -> sum k -> x[b, i, k] * y[b, k, j]
fn picked(table: f32[N, 8], k: idx[N][13]) -> f32[13, 8] = for t, e -> table[k[t], e]
fn picked_slope(table: f32[N, 8], k: idx[N][13]) -> f32[N, 8] =
  grad(w -> sum t: 13, e: 8 -> sin(w[k[t], e]))(table)
fn scattered(k: idx[N][40], v: f32[40]) -> f32[N] = for i -> sum t -> if k[t] == i then v[t] else 0
fn running(x: f32[20, N]) -> f32[N] = fold s = (for i -> 0.0) for t -> for i -> 0.5 * s[i] + x[t, i]
fn running_slope(x: f32[6, N]) -> f32[6, N] =
  grad(y ->
    let last = fold s = (for c: N -> 0.0) for t: 6 -> for c: N -> sin(s[c]) + y[t, c]
    sum i: N -> last[i])(x)
fn single(x: f32[N]) -> f32 = fold s = 0.0 for i -> 0.9 * s + x[i]
`)

/** Functions with large inputs, and a value for N for each. */
const functions: readonly (readonly [string, number])[] = [
  ['scaled', 1001],
  ['total', 1300],
  ['slope', 512],
  ['best', 700],
  ['reversed', 999],
  ['shifted', 516],
  ['signs', 600],
  ['rows', 100],
  ['columns', 101],
  ['softmax', 40],
  ['turned', 37],
  ['product', 60],
  ['product_of_long', 90],
  ['product_turned', 76],
  ['vector_product', 70],
  ['batched', 19],
  ['picked', 130],
  ['picked_slope', 90],
  ['scattered', 900],
  ['running', 130],
  ['running_slope', 196],
  ['single', 700],
]

const packedFunctions: typeof functions = [
  ['shifted', 1500],
  ['rows', 111],
  ['product_turned', 84],
  ['vector_product', 81],
  ['picked', 190],
]

const graphOf = (fn: string, N: number): Graph =>
  simplified(specialiseFn(program, program.fns.get(`main.${fn}`)!, { sizes: new Map([['N', N]]) }))

const inputsOf = (graph: Graph, seed: number): ReadonlyMap<string, Float64Array> => {
  const random = randomNumbers(seed)
  return new Map(
    graph.nodes.flatMap(n => {
      if (n.kind !== 'input') return []
      const count = n.shape.reduce((a, b) => a * b, 1)
      const value = () => (n.below === undefined ? 4 * random() - 2 : Math.floor(n.below * random()))
      return [[n.name, Float64Array.from({ length: count }, value)] as const]
    }),
  )
}

/** A limit on bindings that most of the tensors exceed. */
const narrow = (traits: DeviceTraits, bindingBytes: number): DeviceTraits => ({
  ...traits,
  name: `${traits.name} of ${bindingBytes}`,
  bindingBytes,
  storageBuffersPerStage: 8,
})

/** The most bindings that one buffer takes in a dispatch. */
const mostWindows = (artifact: Artifact): number =>
  Math.max(...artifact.kernels.map(k => [...k.wgsl.matchAll(/> part(\d+)_/g)].length + 1))

describe('a tensor larger than a binding', () => {
  it.each([gpu, llvmpipe])('passes no limit of $name', traits => {
    let windows = 0
    for (const [fn, n] of functions)
      for (const fuse of [false, true]) {
        const limits = narrow(traits, 2048)
        const artifact = compileGraph(graphOf(fn, n), limits, { fuse })
        expect(passedLimits(artifact, limits), `${fn} ${fuse ? 'fused' : 'unfused'}`).toEqual([])
        if (mostWindows(artifact) > 1) windows++
      }
    expect(windows).toBeGreaterThan(functions.length)
  })
})

withDevice('tensors larger than a binding', device => {
  it.each(functions)(
    'gives what the interpreter gives in `%s` of %i',
    { timeout: 120_000 },
    async (fn, n) => {
      const graph = graphOf(fn, n)
      for (const [fuse, software, bytes] of [
        [true, device.traits.software, 2048],
        [true, false, 2064],
        [false, false, 2048],
      ] as const) {
        const traits = { ...narrow(device.traits, bytes), software }
        const { error, where } = await compare(device, graph, inputsOf(graph, 5), { fuse, traits })
        expect(error, `${fuse ? 'fused' : 'unfused'}: ${where}`).toBeLessThan(2e-4)
      }
    },
  )

  it.each(['f16', 'bf16', 'q8'] as const)('is unpacked from %s', { timeout: 120_000 }, async packing => {
    for (const [fn, n] of packedFunctions) {
      const graph = packInputs(graphOf(fn, n), () => packing)
      const traits = narrow(device.traits, packing === 'q8' ? 512 : 1024)
      const { error, where, artifact } = await compare(device, graph, inputsOf(graph, 6), { traits })
      expect(error, `${fn}: ${where}`).toBeLessThan(2e-4)
      expect(mostWindows(artifact), fn).toBeGreaterThan(1)
    }
  })

  it('gives what the interpreter gives in random programs', { timeout: 300_000 }, async () => {
    let windows = 0
    for (const [i, genome] of fc.sample(genomes, { seed: 21, numRuns: 14 }).entries()) {
      const s = programText(genome, 'p')
      const main = `fn main(${s.given}) -> (${s.types.join(', ')}) = (${s.results.join(', ')})`
      const text = `${prelude}\n${s.text}\n${main}`
      const random = programOf(text)
      const graph = simplified(specialiseFn(random, random.fns.get('main.main')!, { sizes: new Map() }))
      const traits = { ...device.traits, bindingBytes: 256 }
      // A kernel may be unable to bind all windows of its largest tensors.
      if (compileGraph(graph, traits).requires.storageBuffersPerStage > traits.storageBuffersPerStage)
        continue
      const { error, where, artifact } = await compare(device, graph, inputsOf(graph, i), { traits })
      windows += mostWindows(artifact) > 1 ? 1 : 0
      expect(error, `program ${i}: ${where}\n${text}`).toBeLessThan(1e-3)
    }
    expect(windows).toBeGreaterThan(3)
  })
})
