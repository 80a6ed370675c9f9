import { describe, expect, it, vi } from 'vitest'
import type { HostInput } from '../../runtime/index.js'
import { deviceEngine } from '../../src/engine/engine.js'
import { openEngine } from '../../src/host/open-engine.js'
import { DeviceError, SizesError, specialiseFn, specialiseGrad } from '../../src/index.js'
import { onBoth, programOf } from '../acceptance/support.js'
import { withDevice } from '../support/device.js'

const program = programOf(`
size N
size M
size V

fn twice(x: f32[N, M]) -> f32[N, M] = for i, j -> 2.0 * x[i, j]
fn picked(table: f32[V], t: idx[V][N], k: i32) -> f32[N] = for i -> table[t[i]] + f32(k)
fn chosen(b: bool[N], u: u32[N]) -> f32[N] = for i -> if b[i] then f32(u[i]) else 0.0
fn first(x: f32[N], unread: f32[M]) -> f32[N] = for i -> x[i] + 1
fn square(x: f32[N * N]) -> f32 = sum i -> x[i]
fn loss(x: f32[N]) -> f32 = sum i -> x[i] * x[i]
`)

const graphOf = (name: string, sizes: Readonly<Record<string, number>>) =>
  specialiseFn(program, program.fns.get(`main.${name}`)!, { sizes: new Map(Object.entries(sizes)) })

const twice = graphOf('twice', { N: 2, M: 3 })
const picked = graphOf('picked', { V: 4, N: 3 })
const x: HostInput = { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }
const table: HostInput = { dtype: 'f32', data: [1, 2, 3, 4] }

onBoth(engine => {
  const refused = async (graph: typeof twice, inputs: object, ...parts: readonly string[]) => {
    const given = inputs instanceof Map ? inputs : new Map(Object.entries(inputs))
    const error = await engine.run(graph, given).then(
      () => expect.unreachable(),
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(DeviceError)
    expect(error).toMatchObject({ kind: 'input' })
    for (const part of parts) expect((error as DeviceError).message).toContain(part)
  }
  const result = async (graph: typeof twice, inputs: object) =>
    Array.from((await engine.run(graph, new Map(Object.entries(inputs)))).get('result')!.data)

  it('takes typed arrays, lists, and lists within lists', async () => {
    const wanted = [2, 4, 6, 8, 10, 12]
    const nested = [
      [1, 2, 3],
      [4, 5, 6],
    ]
    const all: readonly HostInput['data'][] = [
      Float32Array.of(1, 2, 3, 4, 5, 6),
      Float64Array.of(1, 2, 3, 4, 5, 6),
      Int8Array.of(1, 2, 3, 4, 5, 6),
      [1, 2, 3, 4, 5, 6],
      nested,
      [Float32Array.of(1, 2, 3), [4, 5, 6]],
    ]
    for (const data of all)
      expect(await result(twice, { x: { dtype: 'f32', shape: [2, 3], data } })).toEqual(wanted)
    expect(await result(twice, { x: { dtype: 'f32', data: nested } })).toEqual(wanted)
    const three = { b: { dtype: 'bool', data: [true, false, true] }, u: { dtype: 'u32', data: [7, 8, 9] } }
    expect(await result(graphOf('chosen', { N: 3 }), three)).toEqual([7, 0, 9])
    const odd = [1e-45, Number.NEGATIVE_INFINITY, -0]
    const found = await result(graphOf('twice', { N: 1, M: 3 }), { x: { dtype: 'f32', data: [odd] } })
    expect(found[1]).toBe(Number.NEGATIVE_INFINITY)
    expect(Object.is(found[2], -0)).toBe(true)
  })

  it('refuses another shape or type, and says both', async () => {
    const turned = { ...x, shape: [3, 2] }
    await refused(twice, { x: turned }, '`x` must be f32[2, 3], and is f32[3, 2].')
    await refused(twice, { x: { ...x, dtype: 'i32' } }, '`x` must be f32[2, 3], and is i32[2, 3].')
    await refused(twice, { x: { ...x, shape: undefined } }, 'and is f32[6].')
    await refused(twice, { x: { ...x, shape: '2,3' } }, 'its shape is no list')
    await refused(twice, { x: { ...x, data: Float32Array.of(1) } }, '6 elements, and was given 1.')
    await refused(
      twice,
      {
        x: {
          ...x,
          data: [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        },
      },
      'lists have the shape [3, 2]',
    )
    await refused(
      twice,
      {
        x: {
          dtype: 'f32',
          data: [
            [1, 2, 3],
            [4, 5],
          ],
        },
      },
      'not all of one length',
    )
    await refused(twice, { x: 'x' }, 'given as { dtype, shape, data }')
    await refused(twice, { x: { ...x, data: 'abc' } }, 'its data is no numbers')
    await refused(twice, { x: { ...x, data: [1, 2, '3', 4, 5, 6] } }, '`x[0, 2]` is "3", no number')
    await refused(twice, { x: { ...x, data: [1, 2, 3, 4, 5, null] } }, '`x[1, 2]` is null')
    await refused(twice, { x: { ...x, data: [1, 2, 3, 4, 1e300, 6] } }, '`x[1, 1]` is 1e+300, too large')
    await refused(twice, { x: { ...x, data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n) } }, 'no number')
  })

  it('refuses missing and unknown names, all at once', async () => {
    await refused(twice, {}, '`x` must be f32[2, 3], and is missing.')
    await refused(
      twice,
      { X: x, toString: x },
      'is missing',
      'no input `X`',
      'no input `toString`',
      'x: f32[2, 3]',
    )
    const bare = await engine.run(twice, { x } as never).catch((e: unknown) => e)
    expect(String(bare)).toContain('must be a Map')
  })

  it('lets inputs that no result needs be given, of their own shape, or left out', async () => {
    const graph = graphOf('first', { N: 2, M: 3 })
    const two: HostInput = { dtype: 'f32', data: [1, 2] }
    const three: HostInput = { dtype: 'f32', data: [1, 2, 3] }
    expect(await result(graph, { x: two })).toEqual([2, 3])
    expect(await result(graph, { x: two, unread: three })).toEqual([2, 3])
    await refused(graph, { x: two, unread: two }, '`unread` must be f32[3], and is f32[2].')
  })

  it('refuses indices out of range, fractions, and what a type can not hold', async () => {
    const with3 = (data: readonly number[], k = 0) => ({
      table,
      t: { dtype: 'i32', data },
      k: { dtype: 'i32', data: k },
    })
    expect(await result(picked, with3([3, 0, 1], 5))).toEqual([9, 6, 7])
    await refused(picked, with3([0, 4, 1]), '`t[1]` is 4, and an index must be at least 0 and below 4.')
    await refused(picked, with3([0, 1, -1]), '`t[2]` is -1')
    await refused(picked, with3([0, Number.NaN, 1]), '`t[1]` is NaN, and i32 holds whole numbers.')
    await refused(picked, with3([0.5, 1, 1]), '`t[0]` is 0.5')
    await refused(picked, with3([0, 1, 1], 2 ** 31), '`k` is 2147483648, and i32 holds -2147483648 to')
    const wrong = { b: { dtype: 'bool', data: [2] }, u: { dtype: 'u32', data: [-1] } }
    await refused(graphOf('chosen', { N: 1 }), wrong, '`b[0]` is 2', '`u[0]` is -1, and u32 holds 0 to')
  })

  it('has read the arrays when it returns, and gives arrays of its own', async () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6)
    const [first, second] = [
      engine.run(twice, new Map([['x', { ...x, data }]])),
      engine.run(twice, new Map([['x', { ...x, data }]])),
    ]
    data.fill(100)
    const [a, b] = [(await first).get('result')!.data, (await second).get('result')!.data]
    a.fill(0)
    expect(Array.from(b)).toEqual([2, 4, 6, 8, 10, 12])
  })

  it('runs tensors without elements', async () => {
    const none = graphOf('twice', { N: 0, M: 3 })
    expect(await result(none, { x: { dtype: 'f32', shape: [0, 3], data: [] } })).toEqual([])
  })

  it('runs nothing when its signal was aborted before', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(engine.run(twice, new Map([['x', x]]), { signal })).rejects.toThrow('enough')
  })
})

it('runs many at once, each with its own values', async () => {
  const engine = await openEngine('interpreter')
  const other = await openEngine('interpreter')
  engine.close()
  engine.close()
  await expect(engine.run(twice, new Map([['x', x]]))).rejects.toMatchObject({ kind: 'lost' })
  expect((await other.run(twice, new Map([['x', x]]))).get('result')!.shape).toEqual([2, 3])
})

describe('sizes', () => {
  const refused = (name: string, sizes: Readonly<Record<string, number>>): string => {
    try {
      graphOf(name, sizes)
    } catch (error) {
      expect(error).toBeInstanceOf(SizesError)
      return (error as SizesError).message
    }
    return expect.unreachable()
  }

  it('are whole numbers, one for each name', () => {
    for (const [n, shown] of [
      [2.5, '2.5'],
      [-1, '-1'],
      [Number.NaN, 'NaN'],
      [2 ** 31, '2147483648'],
      ['3', '3'],
    ] as const)
      expect(refused('twice', { N: n as number, M: 3 })).toContain(`N is ${shown}.`)
    expect(refused('twice', { N: 2 })).toContain('It lacks M.')
    expect(refused('twice', { N: 2, M: 3, K: 1 })).toContain('It has no size K.')
    expect(refused('square', { N: 100_000 })).toContain('10000000000 elements')
    const loss = program.fns.get('main.loss')!
    expect(() => specialiseGrad(program, loss, 'x', { sizes: new Map([['N', 1.5]]) })).toThrow('N is 1.5')
    expect(() => specialiseFn(program, loss, { sizes: { N: 3 } as never })).toThrow('a Map from names')
  })
})

describe('openEngine', () => {
  it('knows what its words mean, and no others', async () => {
    for (const kind of ['cpu', 'CPU', '', 'constructor', undefined])
      await expect(openEngine(kind as never)).rejects.toThrow('there is no engine')
    await expect(openEngine('interpreter', 'llvmpipe')).rejects.toThrow('no adapter')
    await expect(openEngine('gpu', { adapter: 'x' } as never)).rejects.toMatchObject({ kind: 'input' })
  })
})

withDevice('a run that fails', device => {
  const engine = deviceEngine(device)
  const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['for its inputs', () => expect(engine.run(twice, new Map())).rejects.toThrow('is missing')],
    [
      'for its kernels',
      async () => {
        const before = device.residentBytes
        const compile = device.gpu.createShaderModule.bind(device.gpu)
        const compiling = vi.spyOn(device.gpu, 'createShaderModule').mockImplementation(asked => {
          expect(device.residentBytes).toBeGreaterThan(before)
          return compile({ ...asked, code: `${asked.code} no` })
        })
        const data = { dtype: 'f32', data: [[1, 2, 3, 4, 5, 6, 7]] } as const
        const run = engine.run(graphOf('twice', { N: 1, M: 7 }), new Map([['x', data]]))
        await expect(run).rejects.toThrow('the device refuses the kernel')
        expect(compiling).toHaveBeenCalled()
        compiling.mockRestore()
      },
    ],
    [
      'because it is aborted',
      () => {
        const stop = new AbortController()
        const run = engine.run(twice, new Map([['x', x]]), { signal: stop.signal })
        stop.abort(new Error('enough'))
        return expect(run).rejects.toThrow('enough')
      },
    ],
  ]
  it.each(cases)('%s keeps no memory', async (_, run) => {
    const before = device.residentBytes
    for (let i = 0; i < 5; i++) await run()
    expect(device.residentBytes).toBe(before)
  })
})

withDevice('runs at once', device => {
  it('on one device do not disturb one another', async () => {
    const engine = deviceEngine(device)
    const runs = Array.from({ length: 8 }, async (_, i) => {
      const data = Float32Array.from({ length: 6 }, (_, k) => 10 * i + k)
      const { data: found } = (await engine.run(twice, new Map([['x', { ...x, data }]]))).get('result')!
      expect(Array.from(found)).toEqual(Array.from(data, v => 2 * v))
    })
    await Promise.all(runs)
  })
})
