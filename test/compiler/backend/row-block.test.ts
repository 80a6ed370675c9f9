import { expect, it } from 'vitest'
import { download, load, upload } from '../../../runtime/node.js'
import { compileText } from '../../../src/bench/compile.js'
import { withDevice } from '../../support/device.js'

const f32 = (length: number, f: (i: number) => number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(f(i)))

withDevice('long sums that share an operand', device => {
  const run = async (
    program: string,
    sizes: Readonly<Record<string, number>>,
    given: Readonly<Record<string, Float32Array>>,
  ) => {
    const artifact = compileText(program, sizes, device.traits, 'long sums')
    const executable = await load(device, artifact)
    const inputs = Object.fromEntries(
      artifact.inputs.map(i => [i.name, upload(device, i.dtype, i.shape, given[i.name]!)]),
    )
    const [result] = await download(device, [executable.run(inputs).result!])
    return { result: [...result!], schedules: artifact.kernels.map(k => k.schedule).join('; ') }
  }
  const blocked = device.traits.software && device.traits.subgroupSize > 1
  const expectBlocked = (schedules: string): void => {
    if (blocked) expect(schedules).toMatch(/rows, four a subgroup/)
  }
  const close = (actual: readonly number[], expected: readonly number[]): void => {
    expect(actual.length).toBe(expected.length)
    expect(actual.findIndex((v, i) => !(Math.abs(v - expected[i]!) <= 1e-3))).toBe(-1)
  }
  const product = (w: Float32Array, x: readonly number[], M: number): readonly number[] =>
    Array.from({ length: M }, (_, m) => x.reduce((sum, v, k) => sum + w[m * x.length + k]! * v, 0))

  it('a matrix times a vector', async () => {
    const [M, K] = [1028, 1024]
    const [w, x] = [f32(M * K, i => ((i * 7919) % 13) / 13 - 0.5), f32(K, i => (i % 7) / 7)]
    const program = 'fn bench(w: f32[M, K], x: f32[K]) -> f32[M] = for m -> sum k -> w[m, k] * x[k]\n'
    const { result, schedules } = await run(program, { M, K }, { w, x })
    expectBlocked(schedules)
    close(result, product(w, [...x], M))
  })

  it('a matrix for each of several vectors', async () => {
    const [B, M, K] = [3, 512, 1024]
    const [w, x] = [f32(B * M * K, i => ((i * 7919) % 13) / 13 - 0.5), f32(B * K, i => (i % 11) / 11)]
    const program =
      'fn bench(w: f32[B, M, K], x: f32[B, K]) -> f32[B, M] = for b, m -> sum k -> w[b, m, k] * x[b, k]\n'
    const { result, schedules } = await run(program, { B, M, K }, { w, x })
    expectBlocked(schedules)
    const each = [...Array(B).keys()].flatMap(b =>
      product(w.subarray(b * M * K, (b + 1) * M * K), [...x.subarray(b * K, (b + 1) * K)], M),
    )
    close(result, each)
  })

  it('in a loop, where the matrix is the loop’s', async () => {
    const [L, K] = [2, 1024]
    const w = f32(L * K * K, i => (((i * 7919) % 13) - 6) / 1000)
    const x = f32(K, i => (i % 7) / 7)
    const program =
      'fn bench(w: f32[L, K, K], x: f32[K]) -> f32[K] = fold x for l: L -> for m -> sum k -> w[l, m, k] * x[k]\n'
    const { result, schedules } = await run(program, { L, K }, { w, x })
    expectBlocked(schedules)
    close(result, product(w.subarray(K * K), product(w.subarray(0, K * K), [...x], K), K))
  })

  it('rows that do not come in fours are laid out as others', async () => {
    const [M, K] = [1027, 1024]
    const [w, x] = [f32(M * K, i => ((i * 7919) % 13) / 13 - 0.5), f32(K, i => (i % 7) / 7)]
    const program = 'fn bench(w: f32[M, K], x: f32[K]) -> f32[M] = for m -> sum k -> w[m, k] * x[k]\n'
    const { result, schedules } = await run(program, { M, K }, { w, x })
    expect(schedules).not.toMatch(/four a subgroup/)
    close(result, product(w, [...x], M))
  })

  it('rows that share nothing are laid out as others', async () => {
    const [M, K] = [1028, 1024]
    const w = f32(M * K, i => ((i * 7919) % 13) / 13 - 0.5)
    const program = 'fn bench(w: f32[M, K]) -> f32[M] = for m -> sum k -> w[m, k]\n'
    const { result, schedules } = await run(program, { M, K }, { w })
    expect(schedules).not.toMatch(/four a subgroup/)
    const ones = Array.from({ length: K }, () => 1)
    close(result, product(w, ones, M))
  })
})
