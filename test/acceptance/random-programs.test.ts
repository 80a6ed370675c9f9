import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compileGraph } from '../../compiler/backend/compile.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { simplified, specialiseFn } from '../../compiler/pipeline.js'
import type { Device } from '../../runtime/index.js'
import { runArtifact, worst } from '../compiler/backend/agree.js'
import { randomNumbers } from '../compiler/ir/random-graph.js'
import { withDevice } from '../support/device.js'
import { gpu } from '../support/traits.js'
import { prelude, programText } from './random-source.js'
import { type Genome, genomes } from './random-terms.js'
import { programOf } from './support.js'

const runs = Number(process.env.JOLA_PROGRAMS ?? 300)
const seed = Number(process.env.JOLA_SEED ?? 2024)
const together = 10
const tolerance = 1e-3

interface Module {
  readonly text: string
  readonly graph: Graph
  readonly inputs: ReadonlyMap<string, Float64Array>
}

/**
 * Programs as one module, whose `main` gives for each of them its value and a derivative: outputs `2i` and
 * `2i + 1`.
 */
const moduleOf = (programs: readonly Genome[]): Module => {
  const sources = programs.map((p, i) => programText(p, `p${i}`))
  const text = [
    prelude,
    ...sources.map(s => `${s.text}\n`),
    `fn main(\n  ${sources.map(s => s.given).join(',\n  ')}\n)` +
      ` -> (${sources.flatMap(s => s.types).join(', ')}) ` +
      `= (\n  ${sources.flatMap(s => s.results).join(',\n  ')})`,
  ].join('\n')
  const program = programOf(text)
  const graph = simplified(specialiseFn(program, program.fns.get('main.main')!, { sizes: new Map() }))
  const random = randomNumbers(seed)
  const inputs = sources.flatMap(s =>
    s.inputs.map(({ name, shape, bound }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      // Multiples of 1/256: alike in f32 and f64, so that both find the same equal.
      const value = () =>
        bound === undefined ? Math.round(1024 * random() - 512) / 256 : Math.floor(random() * bound)
      return [name, Float64Array.from({ length: size }, value)] as const
    }),
  )
  return { text, graph, inputs: new Map(inputs) }
}

/**
 * The program whose outputs differ between interpreter, unfused and fused kernels; undefined if none does.
 */
const disagreement = async (device: Device, programs: readonly Genome[]): Promise<number | undefined> => {
  const { graph, inputs } = moduleOf(programs)
  const exact = interpret(graph, inputs)
  const of = (i: number, name: string): boolean => Math.floor(Number.parseInt(name, 10) / 2) === i
  for (const fuse of [false, true]) {
    const got = await runArtifact(device, compileGraph(graph, device.traits, { fuse }), inputs)
    for (const i of programs.keys()) {
      const mine = new Map([...exact].filter(([name]) => of(i, name)))
      if (mine.size < 2 || worst(got, mine).error > tolerance) return i
    }
  }
  return undefined
}

/** Why a single program fails, with its source; undefined if it does not. */
const complaint = async (device: Device, genome: Genome): Promise<string | undefined> => {
  const text = programText(genome, 'p0').text
  try {
    const { graph, inputs } = moduleOf([genome])
    const exact = interpret(graph, inputs)
    for (const fuse of [false, true]) {
      const got = await runArtifact(device, compileGraph(graph, device.traits, { fuse }), inputs)
      const { error, where } = worst(got, exact)
      if (error > tolerance) return `${text}\n${fuse ? 'fused' : 'unfused'}: off by ${error} at ${where}`
    }
    return undefined
  } catch (error) {
    return `${text}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
}

/** The smallest program that fails, found by fast-check from the one at `index` of this seed's. */
const smallest = async (device: Device, index: number): Promise<string> => {
  const property = fc.asyncProperty(genomes, async genome => {
    const found = await complaint(device, genome)
    if (found !== undefined) throw new Error(found)
  })
  const details = await fc.check(property, {
    seed,
    path: `${index}`,
    numRuns: 1,
    interruptAfterTimeLimit: 60_000,
    markInterruptAsFailure: false,
  })
  const counterexample = details.counterexample?.[0]
  const shown = counterexample === undefined ? undefined : await complaint(device, counterexample)
  return `program ${index} of seed ${seed}:\n${shown ?? 'it fails only together with others'}`
}

withDevice('random programs', device => {
  it(`${runs} agree on interpreter, unfused and fused kernels, values and gradients`, {
    timeout: 600_000,
  }, async () => {
    const programs = fc.sample(genomes, { seed, numRuns: runs })
    // Programs that are all alike would test one thing only.
    expect(new Set(programs.map(p => programText(p, 'p').text)).size).toBeGreaterThan(0.8 * runs)
    for (let first = 0; first < programs.length; first += together) {
      const some = programs.slice(first, first + together)
      const bad = await disagreement(device, some).catch(() => 'thrown' as const)
      if (bad === undefined) continue
      const suspects = bad === 'thrown' ? [...some.keys()] : [bad]
      for (const i of suspects)
        if ((await complaint(device, some[i]!)) !== undefined) expect.fail(await smallest(device, first + i))
      expect.fail(`programs ${first} to ${first + some.length - 1} of seed ${seed} fail together, not alone`)
    }
  })
})

// Found by the test above: the two sums were one kernel, which the loop between them both needed and was
// needed by.
it('a sum before a loop and one after it stay two kernels', () => {
  const program = programOf(`
fn p(x: f32[A], w: f32[B]) -> f32[A] =
  let t = fold t = (for b: B, a: A -> tanh((sum i -> w[i]) + x[a])) for l: A -> for b: B, a: A -> sin(t[b, l])
  for a -> t.at(0, a, else: 0)
fn main(x: f32[2], w: f32[3]) -> f32[3] = grad(w -> sum a -> p(x, w)[a])(w)`)
  const graph = simplified(specialiseFn(program, program.fns.get('main.main')!, { sizes: new Map() }))
  expect(compileGraph(graph, gpu).kernels.length).toBeGreaterThan(3)
})
