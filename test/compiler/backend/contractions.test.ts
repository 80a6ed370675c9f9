import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { DeviceTraits, Schedule } from '../../../compiler/artifact.js'
import { type CompileOptions, compileGraph } from '../../../compiler/backend/compile.js'
import { f32, index, prim, read } from '../../../compiler/ir/expr.js'
import { compileInterpreter } from '../../../compiler/ir/interpret.js'
import type { Expr } from '../../../compiler/ir/ir.js'
import type { Device } from '../../../runtime/node.js'
import { withDevice } from '../../support/device.js'
import { runArtifact, worst } from './agree.js'
import * as programs from './programs.js'

/** A sum of products with a prologue for each operand and an epilogue. */
interface Problem {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: 'mk' | 'km'
  readonly right: 'kn' | 'nk'
  readonly before: 'nothing' | 'exp' | 'scale' | 'mask'
  readonly after: 'nothing' | 'bias' | 'gate'
}

const most = 300
/** Small and odd sizes, sizes near a tile, and random ones. Below 4, sums are computed by rows. */
const size = fc.oneof(
  fc.integer({ min: 4, max: 9 }),
  fc.constantFrom(15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 128, 129),
  fc.integer({ min: 10, max: most }),
)
const problems: fc.Arbitrary<Problem> = fc
  .record({
    batch: fc.constantFrom(1, 1, 2, 3),
    m: size,
    n: size,
    k: size,
    left: fc.constantFrom('mk', 'km'),
    right: fc.constantFrom('kn', 'nk'),
    before: fc.constantFrom('nothing', 'exp', 'scale', 'mask'),
    after: fc.constantFrom('nothing', 'bias', 'gate'),
  } as const)
  .filter(p => p.batch * p.m * p.n * p.k <= 2 ** 21)

const programOf = (q: Problem): programs.Program => {
  const p = new programs.Program()
  const axes = { b: p.axis('b', q.batch), m: p.axis('m', q.m), n: p.axis('n', q.n), k: p.axis('k', q.k) }
  const { b, m, n, k } = axes
  const operand = (name: string, order: string): Expr => {
    const own = [...order].map(c => axes[c as 'm' | 'n' | 'k'])
    const node = p.input(name, q.batch, ...own.map(a => a.extent))
    return read(
      node,
      'f32',
      [b, ...own].map(a => index(a)),
    )
  }
  const x = operand('left', q.left)
  const y = operand('right', q.right)
  const left = {
    nothing: () => x,
    exp: () => prim('exp', x),
    scale: () => prim('mul', x, p.at(p.input('scale', q.batch, q.m), b, m)),
    mask: () => prim('select', prim('le', index(k), index(m)), x, f32(0)),
  }[q.before]()
  const sum = p.reduce('product', 'sum', [b, m, n], [k], prim('mul', left, y))
  const out = (body: Expr): void => p.output('out', p.map('after', [b, m, n], body))
  const value = p.at(sum, b, m, n)
  if (q.after === 'nothing') p.output('out', sum)
  else if (q.after === 'bias') out(prim('add', value, p.at(p.input('bias', q.n), n)))
  else {
    const gate = p.at(p.input('gate', q.batch, q.m, q.n), b, m, n)
    out(prim('mul', prim('mul', value, prim('sigmoid', value)), gate))
  }
  return p
}

/** The first candidate of every family, and some more. */
const sample = (candidates: readonly Schedule[], count: number, seed: number): readonly Schedule[] => {
  const firsts = [...new Set(candidates.map(c => c.family))].map(f => candidates.find(c => c.family === f)!)
  const others = candidates.filter(c => !firsts.includes(c))
  const step = Math.max(1, Math.floor(others.length / count))
  return [...firsts, ...others.filter((_, i) => i % step === seed % step).slice(0, count)]
}

const check = async (
  device: Device,
  q: Problem,
  options: CompileOptions & { readonly traits?: Partial<DeviceTraits>; readonly count: number },
  tolerance: number,
): Promise<void> => {
  const p = programOf(q)
  const graph = p.finish()
  const wanted = compileInterpreter(graph)(
    new Map([...p.data].map(([name, v]) => [name, Float64Array.from(v)])),
  )
  const traits = { ...device.traits, ...options.traits }
  const chosen = compileGraph(graph, traits, options).kernels.find(x => x.chosen !== undefined)?.chosen
  const schedules =
    chosen === undefined ? [undefined] : sample(chosen.candidates, options.count, q.m + q.n + q.k)
  for (const s of schedules) {
    const tuning = new Map<string, Schedule>(chosen && s ? [[chosen.signature, s]] : [])
    const artifact = compileGraph(graph, traits, { ...options, tuning })
    const { error, where } = worst(await runArtifact(device, artifact, p.data), wanted)
    expect(error, `${JSON.stringify(s)}: ${where}\n${artifact.kernels[0]!.wgsl}`).toBeLessThan(tolerance)
  }
}

const runs = Number(process.env.JOLA_RUNS ?? 6)

withDevice('every candidate schedule of a contraction', device => {
  const holds = (name: string, options: Parameters<typeof check>[2], tolerance = 2e-5): void =>
    it(name, { timeout: 280_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(problems, q => check(device, q, options, tolerance)),
        { numRuns: runs, seed: 11, endOnFailure: true },
      )
    })
  holds('of this device gives what the interpreter gives', { count: 3 })
  holds('of a GPU, too', { count: 3, traits: { software: false } })
  holds('of a GPU without subgroups, too', { count: 2, traits: { software: false, subgroupSize: 0 } })
  holds('of a device without either, too', { count: 2, traits: { subgroupSize: 0 } })
  if (device.has('shader-f16'))
    holds('with products in f16 nearly', { count: 4, traits: { software: false, precision: 'f16' } }, 2e-2)
})
