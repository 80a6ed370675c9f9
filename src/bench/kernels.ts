import type { Artifact } from '../../compiler/artifact.js'
import { lower } from '../../compiler/pipeline.js'
import {
  type Device,
  download,
  elementsOf,
  load,
  rounded,
  type Tensors,
  upload,
} from '../../runtime/index.js'
import { alternately, type Length, prepare, type Timed, usualLength } from '../measure/measure.js'
import { medianOf, pairedRatios, type Spread, spreadOf } from '../measure/statistics.js'
import { type Disagreement, disagreement, positions, toleranceOf } from '../measure/verify.js'
import { tuningFor } from '../tune/tune.js'
import type { Case, Values } from './cases.js'
import type { CeilingReport, Ceilings } from './ceilings.js'
import { graphOfText } from './compile.js'
import { handArtifact } from './handwritten/kernel.js'
import { uniform } from './random-model.js'

/** The measurements of one kernel. Rates are GF/s if arithmetic bounds it, GB/s if memory does. */
export interface KernelResult {
  readonly name: string
  readonly bound: Case['bound']
  readonly milliseconds: Spread
  readonly rate: Spread
  readonly kernels: number
  readonly schedule: readonly string[]
  /** Our rate divided by the fastest hand-written kernel's, in the same rounds; above 1 ours is faster. */
  readonly toHand?: Spread
  readonly hand?: { readonly name: string; readonly milliseconds: Spread }
  /** Our rate divided by the ceiling's, in the same rounds. */
  readonly toCeiling?: Spread
  /** Set if the kernel computed a wrong result; it is not timed then. */
  readonly wrong?: Disagreement & { readonly by: 'compiler' | 'hand' }
}

/** Options of a benchmark. */
export interface KernelOptions {
  readonly runs: number
  readonly length?: Length
  readonly progress?: (line: string) => void
}

const check = async (
  device: Device,
  artifact: Artifact,
  inputs: Tensors,
  expected: (at: number) => number,
): Promise<Disagreement | undefined> => {
  const executable = await load(device, artifact)
  const { result } = executable.run(inputs)
  if (result === undefined) throw new Error(`${artifact.name} has no result`)
  const [actual] = await download(device, [result])
  result.destroy()
  executable.destroy()
  return disagreement(actual!, expected, positions(actual!.length), toleranceOf(device.traits))
}

const only = (names: readonly { readonly name: string }[], all: Tensors): Tensors =>
  Object.fromEntries(names.map(({ name }) => [name, all[name]!]))

const unmeasured: Spread = { median: Number.NaN, least: Number.NaN, most: Number.NaN }

/** Checks a case's kernels, then times ours, the hand-written ones and the ceiling in turn. */
export const measureCase = async (
  device: Device,
  ceilings: Ceilings,
  c: Case,
  { runs, length = usualLength }: KernelOptions,
): Promise<KernelResult> => {
  const values: Values = Object.fromEntries(
    c.inputs.map(({ name, shape }, i) => {
      const drawn = uniform(elementsOf(shape), i)
      const packing = c.packed?.[name]
      return [name, packing === undefined ? drawn : rounded(packing, drawn)]
    }),
  )
  const graph = graphOfText({ text: c.program, sizes: c.sizes, name: c.name, packed: c.packed })
  const ours = lower(graph, device.traits, { name: c.name, tuning: await tuningFor(device, graph) })
  const bring = (packed: Case['packed']): Tensors =>
    Object.fromEntries(
      c.inputs.map(({ name, shape }) => [
        name,
        upload(device, { dtype: 'f32', label: name, packing: packed?.[name] }, shape, values[name]!),
      ]),
    )
  const plain = bring(undefined)
  const stored = c.packed === undefined ? plain : bring(c.packed)
  const timed: Timed[] = []
  const about = {
    name: c.name,
    bound: c.bound,
    kernels: ours.kernels.length,
    schedule: ours.kernels.map(k => k.schedule),
  }
  try {
    for (const { by, artifact, tensors } of [
      { by: 'compiler' as const, artifact: ours, tensors: stored },
      ...c.hands.map(h => ({ by: 'hand' as const, artifact: handArtifact(h), tensors: plain })),
    ]) {
      const inputs = only(artifact.inputs, tensors)
      const wrong = await check(device, artifact, inputs, at => c.expected(values, at))
      if (wrong !== undefined)
        return { ...about, milliseconds: unmeasured, rate: unmeasured, wrong: { ...wrong, by } }
      timed.push(await prepare(device, artifact, inputs, length))
    }
    const ceiling = await ceilings.of(c.bound)
    const [mine, ...others] = await alternately([...timed, ...(ceiling ? [ceiling.timed] : [])], runs)
    const work = (c.bound === 'arithmetic' ? c.flops : c.bytes) / 1e9
    const byHand = c.hands
      .map(({ name }, i) => ({ name, times: others[i]! }))
      .sort((a, b) => medianOf(a.times) - medianOf(b.times))[0]
    const top = ceiling && others.at(-1)!
    return {
      ...about,
      milliseconds: spreadOf(mine!),
      rate: spreadOf(mine!.map(ms => (1000 * work) / ms)),
      ...(byHand
        ? {
            toHand: pairedRatios(byHand.times, mine!),
            hand: { name: byHand.name, milliseconds: spreadOf(byHand.times) },
          }
        : {}),
      ...(top && ceiling
        ? {
            toCeiling: pairedRatios(
              mine!.map(ms => work / ms),
              top.map(ms => ceiling.work / ms),
            ),
          }
        : {}),
    }
  } finally {
    for (const t of timed) t.close()
    for (const t of new Set([...Object.values(plain), ...Object.values(stored)])) t.destroy()
  }
}

/** Measures all cases in turn, and their ceilings. */
export const measureKernels = async (
  ceilings: Ceilings,
  cases: readonly Case[],
  options: KernelOptions,
): Promise<{ readonly kernels: readonly KernelResult[]; readonly ceilings: readonly CeilingReport[] }> => {
  const out: KernelResult[] = []
  for (const [i, c] of cases.entries()) {
    options.progress?.(`${i + 1}/${cases.length}  ${c.name}`)
    out.push(await measureCase(ceilings.device, ceilings, c, options))
  }
  return { kernels: out, ceilings: await ceilings.report(options.runs) }
}
