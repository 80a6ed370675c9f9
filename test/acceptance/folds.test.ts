import { expect, it } from 'vitest'
import { specialiseFn } from '../../compiler/specialise/specialise.js'
import { deviceEngine } from '../../src/engine/engine.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import { programOf, worstDifference } from './support.js'

const source = `
size N

fn unit(x: f32[N]) -> f32[N] =
  let top = max i -> x[i]
  let total = sum i -> exp(x[i] - top)
  for i -> exp(x[i] - top) / total

fn layer(w: f32[N, N], x: f32[N]) -> f32[N] =
  let a = unit(for i -> sum j -> w[i, j] * x[j])
  let b = unit(for i -> sum j -> w[i, j] * a[j])
  for i -> b[i] + x[i]

fn deep(w: f32[N, N], x: f32[N]) -> f32[N] =
  fold y = x for o: 3 -> fold z = y for l: 2 -> layer(w, z)

fn shallow(w: f32[N, N], x: f32[N]) -> f32[N] =
  fold z = x for l: 4 -> layer(w, z)

fn deep_first(w: f32[N, N], x: f32[N]) -> f32[N] = shallow(w, deep(w, x))
fn shallow_first(w: f32[N, N], x: f32[N]) -> f32[N] = deep(w, shallow(w, x))
`

withDevice('a program with the same layer in loops of different depths', device => {
  const N = 40
  const data = (n: number) => Float64Array.from({ length: n }, (_, i) => Math.sin(12.9898 * i))
  const inputs = new Map([
    ['w', { dtype: 'f32', shape: [N, N], data: data(N * N) }],
    ['x', { dtype: 'f32', shape: [N], data: data(N) }],
  ] as const)

  for (const fn of ['deep_first', 'shallow_first'])
    it(`shares its kernels, ${fn.replace('_', ' loop ')}`, async () => {
      const program = programOf(source)
      const graph = specialiseFn(program, program.fns.get(`main.${fn}`)!, { sizes: new Map([['N', N]]) })
      const wanted = await interpreterEngine.run(graph, inputs)
      const got = await deviceEngine(device).run(graph, inputs)
      expect(worstDifference(got.get('result')!.data, wanted.get('result')!.data)).toBeLessThan(1e-5)
    })
})

withDevice('a fold within a fold', device => {
  const nested = (depth: number): string =>
    Array.from({ length: depth }, (_, i) => `fold x${i + 1} = x${i} for i${i}: 2 -> `).join('')
  const run = (depth: number) => {
    const program = programOf(
      `size N\nfn f(x0: f32[N]) -> f32[N] = ${nested(depth)}for n -> x${depth}[n] + 0.5\n`,
    )
    const graph = specialiseFn(program, program.fns.get('main.f')!, { sizes: new Map([['N', 3]]) })
    const x0 = { dtype: 'f32', shape: [3], data: new Float64Array(3) } as const
    return deviceEngine(device).run(graph, new Map([['x0', x0]]))
  }

  it('may be four deep', async () => {
    expect([...(await run(4)).get('result')!.data]).toEqual([8, 8, 8])
  })

  it('is refused beyond, not as a defect of ours', async () => {
    await expect(run(5)).rejects.toMatchObject({
      kind: 'too-small',
      what: '`graph` has folds within folds, more than 4 deep',
    })
  })
})

withDevice('what a fold carries several of', device => {
  const program = programOf(`
size N, L

/// The next a is stored before all that is made of the old one.
fn three(p: f32[N], q: f32[N], r: f32[N], x: f32[N], times: f32[L]) -> f32[3, N] =
  let (a, b, c) = fold (p, q, r) for t: L ->
    let h = for i -> tanh(exp(sin(p[i] * x[i])))
    (for i -> q[i] * x[i], for i -> h[i] * x[i] + q[i], for i -> h[i] + r[i] * x[i])
  for k: 3, i -> if k == 0 then a[i] else if k == 1 then b[i] else c[i]

/// Names of functions that kernels call.
fn named(arrayLength: f32[N, L], vec4f: f32[L], bitcast: f32[N]) -> f32[N] =
  for i -> bitcast[i] + sum j -> arrayLength[i, j] * vec4f[j]
`)
  const data = (n: number, phase: number) =>
    Float64Array.from({ length: n }, (_, i) => Math.sin(12.9898 * i + phase))

  for (const [fn, sizes, shapes] of [
    ['three', { N: 64, L: 3 }, { p: [64], q: [64], r: [64], x: [64], times: [3] }],
    ['named', { N: 5, L: 100 }, { arrayLength: [5, 100], vec4f: [100], bitcast: [5] }],
  ] as const)
    it(`gives what the interpreter gives: ${fn}`, async () => {
      const graph = specialiseFn(program, program.fns.get(`main.${fn}`)!, {
        sizes: new Map(Object.entries(sizes)),
      })
      const inputs = new Map(
        Object.entries(shapes).map(([name, shape], i) => {
          const dims: readonly number[] = shape
          const count = dims.reduce((a, b) => a * b, 1)
          return [name, { dtype: 'f32', shape: dims, data: data(count, i) }] as const
        }),
      )
      const wanted = await interpreterEngine.run(graph, inputs)
      const got = await deviceEngine(device).run(graph, inputs)
      expect(worstDifference(got.get('result')!.data, wanted.get('result')!.data)).toBeLessThan(1e-5)
    })
})
