import { describe, expect, it } from 'vitest'
import { specialiseFn } from '../../compiler/pipeline.js'
import type { Engine, HostTensor } from '../../src/engine/engine.js'
import { fixture, flat, type Nested, onBoth, programOf, tensor, worstRelative } from './support.js'

interface Case {
  readonly inputs: Readonly<Record<string, Nested>>
  readonly output: Nested
  readonly cotangent: Nested
  readonly gradients: Readonly<Record<string, Nested>>
}
const nn = fixture<Readonly<Record<string, unknown>>>('torch/nn.json')

/** How each case of the fixture is written in the language, at one row or one number. */
const rows: Readonly<Record<string, string>> = {
  softmax: 'nn.softmax(x[n])',
  softmax_large: 'nn.softmax(x[n])',
  log_softmax: 'nn.log_softmax(x[n])',
  log_softmax_large: 'nn.log_softmax(x[n])',
}
const numbers = ['gelu', 'gelu_tanh', 'silu']

const rowCase = (name: string, row: string): string => `
fn ${name}(x: f32[N, M], c: f32[N, M]) -> (f32[N, M], f32[N, M]) =
  (for n -> ${row}, grad(x -> sum n, m -> c[n, m] * (${row})[m])(x))`

const numberCase = (name: string): string => `
fn ${name}(x: f32[N], c: f32[N]) -> (f32[N], f32[N]) =
  (for n -> nn.${name}(x[n]), grad(x -> sum n -> c[n] * nn.${name}(x[n]))(x))`

const source = `
import std.nn
size N, M, R, V
${Object.entries(rows)
  .map(([name, row]) => rowCase(name, row))
  .join('\n')}
${numbers.map(numberCase).join('\n')}

fn rms_norm(x: f32[N, M], w: f32[M], c: f32[N, M]) -> (f32[N, M], f32[N, M], f32[M]) =
  (for n -> nn.rms_norm(x[n], w, 1e-5),
   grad(x -> sum n, m -> c[n, m] * nn.rms_norm(x[n], w, 1e-5)[m])(x),
   grad(w -> sum n, m -> c[n, m] * nn.rms_norm(x[n], w, 1e-5)[m])(w))

fn layer_norm(x: f32[N, M], w: f32[M], b: f32[M], c: f32[N, M]) -> (f32[N, M], f32[N, M], f32[M], f32[M]) =
  (for n -> nn.layer_norm(x[n], w, b, 1e-5),
   grad(x -> sum n, m -> c[n, m] * nn.layer_norm(x[n], w, b, 1e-5)[m])(x),
   grad(w -> sum n, m -> c[n, m] * nn.layer_norm(x[n], w, b, 1e-5)[m])(w),
   grad(b -> sum n, m -> c[n, m] * nn.layer_norm(x[n], w, b, 1e-5)[m])(b))

fn turned(x: f32[N, 2 * R]) -> f32[N, 2 * R] =
  let angle = for n: N, r: R -> f32(n) * exp(-log(10000.0) * f32(r) / R)
  for n -> nn.rope(x[n], for r -> cos(angle[n, r]), for r -> sin(angle[n, r]))

fn rope(x: f32[N, 2 * R], c: f32[N, 2 * R]) -> (f32[N, 2 * R], f32[N, 2 * R]) =
  (turned(x), grad(x -> sum n, m -> c[n, m] * turned(x)[n, m])(x))

fn weighed(logits: f32[N, V], weights: f32[N], targets: idx[V][N]) -> f32 =
  (sum n -> weights[n] * nn.cross_entropy(logits[n], targets[n])) / (sum n -> weights[n])

fn cross_entropy(logits: f32[N, V], weights: f32[N], targets: idx[V][N]) -> (f32, f32[N, V], f32[N]) =
  (weighed(logits, weights, targets),
   grad(x -> weighed(x, weights, targets))(logits),
   grad(y -> weighed(logits, y, targets))(weights))
`
const program = programOf(source)
const names = [...Object.keys(rows), ...numbers, 'rms_norm', 'layer_norm', 'rope', 'cross_entropy']

const caseOf = (name: string): Case => nn[name] as Case
const extents = (x: Nested): readonly number[] => (typeof x === 'number' ? [] : [x.length, ...extents(x[0]!)])

/** The sizes of a case, from its first input. */
const sizesOf = (name: string): ReadonlyMap<string, number> => {
  const [n, m] = extents(Object.values(caseOf(name).inputs)[0]!)
  return new Map([
    ['N', n!],
    ['M', m ?? 1],
    ['R', (m ?? 2) / 2],
    ['V', m ?? 1],
  ])
}

const run = (engine: Engine, name: string): Promise<ReadonlyMap<string, HostTensor>> => {
  const { inputs, cotangent } = caseOf(name)
  const fn = program.fns.get(`main.${name}`)!
  const given = new Map([
    ...Object.entries(inputs).map(([k, x]) => [k, tensor(x)] as const),
    ...(fn.params.some(p => p.name === 'targets')
      ? [['targets', tensor(nn.targets as Nested, 'i32')] as const]
      : [['c', tensor(cotangent)] as const]),
  ])
  const sizes = new Map([...sizesOf(name)].filter(([size]) => fn.sizes.includes(size)))
  const graph = specialiseFn(program, fn, { sizes })
  return engine.run(graph, given)
}

describe('std.nn has the values and gradients of PyTorch', () => {
  onBoth(engine => {
    const tolerance = engine.device === undefined ? 1e-8 : 1e-4
    for (const name of names)
      it(name, async () => {
        const out = await run(engine, name)
        const wanted = [caseOf(name).output, ...Object.values(caseOf(name).gradients)]
        expect(out.size).toBe(wanted.length)
        wanted.forEach((x, i) => {
          // Where a softmax is as good as one-hot its derivatives are far below what f32 can tell from 0.
          const floor = name.endsWith('_large') ? 1e-6 : 0
          const actual = Array.from(out.get(`${i}`)!.data)
          const expected = flat(x)
          const error = worstRelative(actual, expected)
          const absolute = Math.max(...expected.map((y, k) => Math.abs(actual[k]! - y)))
          if (absolute > floor) expect(error, `output ${i}`).toBeLessThan(tolerance)
        })
      })
  })
})

interface Step {
  readonly gradients: Readonly<Record<string, Nested>>
  readonly norm: number
  readonly rate_factor: number
  readonly after: Readonly<Record<string, Nested>>
}
const adamw = fixture<{
  readonly start: Readonly<Record<string, Nested>>
  readonly runs_by_weight_decay: Readonly<Record<string, readonly Step[]>>
  readonly schedules: Readonly<Record<string, number | readonly number[]>>
}>('torch/adamw.json')

const optim = programOf(`
import std.optim
record P { edits: f32[2, 3], gates: f32[4] }

fn step(p: P, d: P, m: optim.Moments(P = P), n: f32, decay: f32) -> (P, optim.Moments(P = P), f32, f32) =
  let factor = optim.cosine(n + 1, 10, 3)
  let (q, m) = optim.adamw(p, optim.clip_norm(d, 1), m, { edits: 0.03 * factor, gates: 0.05 * factor }, decay)
  (q, m, optim.norm(d), factor)

fn schedules() -> (f32[21], f32[21], f32[21]) =
  (for n: 21 -> optim.cosine(f32(n), 20, 5),
   for n: 21 -> optim.linear(f32(n), 20, 5),
   for n: 21 -> optim.exponential(f32(n), 0.01))
`)

describe('std.optim', () => {
  onBoth(engine => {
    const tolerance = engine.device === undefined ? 1e-6 : 1e-4

    for (const [decay, steps] of Object.entries(adamw.runs_by_weight_decay))
      it(`walks the ten steps of PyTorch's AdamW, clipped, with decay ${decay}`, async () => {
        const graph = specialiseFn(optim, optim.fns.get('main.step')!, { sizes: new Map() })
        const zeros = (x: Nested): HostTensor => ({ ...tensor(x), data: new Float64Array(flat(x).length) })
        let state = new Map<string, HostTensor>([
          ...Object.entries(adamw.start).flatMap(([k, x]): [string, HostTensor][] => [
            [`p.${k}`, tensor(x)],
            [`m.first.${k}`, zeros(x)],
            [`m.second.${k}`, zeros(x)],
          ]),
          ['m.count', tensor(0)],
        ])
        for (const [n, step] of (engine.device === undefined ? steps : steps.slice(0, 4)).entries()) {
          const gradients = Object.entries(step.gradients).map(([k, x]) => [`d.${k}`, tensor(x)] as const)
          const inputs = new Map([...state, ...gradients, ['n', tensor(n)], ['decay', tensor(Number(decay))]])
          const out = await engine.run(graph, inputs)
          for (const [k, x] of Object.entries(step.after))
            expect(worstRelative(out.get(`0.${k}`)!.data, flat(x)), `${k} after step ${n}`).toBeLessThan(
              tolerance,
            )
          expect(worstRelative(out.get('2')!.data, [step.norm])).toBeLessThan(tolerance)
          expect(worstRelative(out.get('3')!.data, [step.rate_factor])).toBeLessThan(tolerance)
          state = new Map(
            [...out].flatMap(([k, t]): [string, HostTensor][] =>
              k.startsWith('0.')
                ? [[`p${k.slice(1)}`, t]]
                : k.startsWith('1.')
                  ? [[`m${k.slice(1)}`, t]]
                  : [],
            ),
          )
        }
      })

    it('has the three schedules', async () => {
      const out = await engine.run(
        specialiseFn(optim, optim.fns.get('main.schedules')!, { sizes: new Map() }),
        new Map(),
      )
      for (const [i, name] of ['cosine', 'linear', 'exponential'].entries()) {
        const wanted = adamw.schedules[name] as readonly number[]
        const error = Math.max(...wanted.map((y, k) => Math.abs(out.get(`${i}`)!.data[k]! - y)))
        expect(error, name).toBeLessThan(1e-6)
      }
    })
  })
})
