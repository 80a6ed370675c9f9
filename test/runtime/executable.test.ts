import { afterEach, expect, it, vi } from 'vitest'
import { wordsOf } from '../../compiler/backend/words.js'
import { download, type HostArray, load, upload, zeros } from '../../runtime/index.js'
import { withDevice } from '../support/device.js'
import { addition, artifact, buffer, dispatch, kernel, tensor } from './artifacts.js'

const f32 = (...values: number[]) => Float32Array.from(values)
const ramp = (length: number) => Float32Array.from({ length }, (_, i) => i)

withDevice('an executable', device => {
  const value = async (tensor: Parameters<typeof download>[1][number]): Promise<HostArray> =>
    (await download(device, [tensor]))[0]

  afterEach(() => device.idle())

  it('adds two vectors', async () => {
    const add = await load(device, addition(1000))
    const x = upload(device, 'f32', [1000], ramp(1000))
    const y = upload(device, 'f32', [1000], ramp(1000).fill(0.5))
    const { sum } = add.run({ x, y })
    expect(await value(sum)).toEqual(ramp(1000).map(i => i + 0.5))
  })

  it('gives each run an output of its own, and sees what was written between runs', async () => {
    const add = await load(device, addition(3))
    const x = upload(device, 'f32', [3], f32(1, 2, 3))
    const y = upload(device, 'f32', [3], f32(10, 20, 30))
    const first = add.run({ x, y })
    x.write(f32(4, 5, 6))
    const second = add.run({ x, y })
    const third = add.run({ x: y, y })
    expect(await download(device, [first.sum, second.sum, third.sum])).toEqual([
      f32(11, 22, 33),
      f32(14, 25, 36),
      f32(20, 40, 60),
    ])
  })

  it('goes on being right with more sets of inputs than it keeps bind groups for', async () => {
    const add = await load(device, addition(1))
    const y = upload(device, 'f32', [1], f32(100))
    const xs = Array.from({ length: 20 }, (_, i) => upload(device, 'f32', [1], f32(i)))
    const sums = [...xs, ...xs].map(x => add.run({ x, y }).sum)
    const values = await download(device, sums)
    expect(values.map(([v]) => v)).toEqual([...xs, ...xs].map((_, i) => 100 + (i % 20)))
  })

  it('runs loops forwards and backwards with their indices and a carry', async () => {
    // state ↦ 2·state + 10·outer + inner, outer upwards, inner downwards; and a mark of the last inner index.
    const nested = artifact({
      buffers: [buffer('input', 1), buffer('output', 1), buffer('temp', 1)],
      inputs: [tensor('start', [], 0)],
      outputs: [tensor('end', [], 1)],
      kernels: [
        kernel('copy', ['read', 'read_write'], 'if i == 0 { b1[0] = b0[0]; }'),
        kernel(
          'step',
          ['read', 'read_write'],
          'if i == 0 { b1[0] = 2 * b0[0] + f32(10 * loops.x + loops.y); }',
          {
            loops: 2,
          },
        ),
      ],
      steps: [
        dispatch(0, [0, 1], 1),
        {
          kind: 'loop',
          count: 2,
          direction: 'up',
          steps: [
            {
              kind: 'loop',
              count: 3,
              direction: 'down',
              steps: [
                dispatch(1, [1, 2], 1),
                { kind: 'copy', from: 2, fromOffset: 0, to: 1, toOffset: 0, bytes: 4 },
              ],
            },
          ],
        },
      ],
    })
    const run = await load(device, nested)
    let expected = 1
    for (const outer of [0, 1]) for (const inner of [2, 1, 0]) expected = 2 * expected + 10 * outer + inner
    const start = upload(device, 'f32', [], f32(1))
    expect(await value(run.run({ start }).end)).toEqual(f32(expected))
    expect(await value(run.run({ start }).end)).toEqual(f32(expected))
  })

  it('uploads literals of every type', async () => {
    const literal = artifact({
      buffers: [
        { role: 'literal', bytes: 8, words: wordsOf('f32', [0.5, -1.5]) },
        { role: 'literal', bytes: 8, words: wordsOf('i32', [-7, 8]) },
        { role: 'literal', bytes: 8, words: wordsOf('u32', [4294967295, 2]) },
        { role: 'literal', bytes: 8, words: wordsOf('bool', [1, 0]) },
      ],
      inputs: [],
      outputs: [
        tensor('f', [2], 0),
        tensor('i', [2], 1, 'i32'),
        tensor('u', [2], 2, 'u32'),
        tensor('b', [2], 3, 'bool'),
      ],
      kernels: [],
      steps: [],
    })
    const { f, i, u, b } = (await load(device, literal)).run({})
    expect(await download(device, [f, i, u, b])).toEqual([
      f32(0.5, -1.5),
      Int32Array.of(-7, 8),
      Uint32Array.of(4294967295, 2),
      Uint32Array.of(1, 0),
    ])
  })

  it('lets tensors share a buffer, and outputs start within one', async () => {
    const sharing = artifact({
      buffers: [buffer('input', 4), buffer('output', 8)],
      inputs: [tensor('x', [4], 0)],
      outputs: [tensor('low', [4], 1), { ...tensor('high', [2, 2], 1), offset: 16 }],
      kernels: [
        kernel('both', ['read', 'read_write'], 'if i < 4 { b1[i] = b0[i] + 1; b1[i + 4] = b0[i] * 2; }'),
      ],
      steps: [dispatch(0, [0, 1], 4)],
    })
    const run = await load(device, sharing)
    const { low, high } = run.run({ x: upload(device, 'f32', [4], ramp(4)) })
    expect(high.shape).toEqual([2, 2])
    expect(await download(device, [high, low])).toEqual([f32(0, 2, 4, 6), f32(1, 2, 3, 4)])
  })

  it('updates state in place, in the same submit', async () => {
    const add = await load(device, addition(2))
    const state = upload(device, 'f32', [2], f32(0, 100))
    const y = upload(device, 'f32', [2], f32(1, -1))
    for (let step = 0; step < 5; step++) {
      expect(add.run({ x: state, y }, { into: { sum: state } }).sum).toBe(state)
    }
    expect(await value(state)).toEqual(f32(5, 95))
  })

  it('exchanges two inputs that are each other’s targets', async () => {
    const swap = artifact({
      buffers: [buffer('input', 2), buffer('input', 2)],
      inputs: [tensor('x', [2], 0), tensor('y', [2], 1)],
      outputs: [tensor('a', [2], 1), tensor('b', [2], 0)],
      kernels: [],
      steps: [],
    })
    const run = await load(device, swap)
    const x = upload(device, 'f32', [2], f32(1, 2))
    const y = upload(device, 'f32', [2], f32(3, 4))
    run.run({ x, y }, { into: { a: x, b: y } })
    expect(await download(device, [x, y])).toEqual([f32(3, 4), f32(1, 2)])
  })

  it('takes tensors without elements', async () => {
    const add = await load(device, addition(0))
    const empty = zeros(device, 'f32', [0])
    expect(await value(add.run({ x: empty, y: empty }).sum)).toEqual(f32())
  })

  it('orders thousands of dispatches that depend on each other', async () => {
    const counting = artifact({
      buffers: [buffer('input', 1), buffer('output', 1)],
      inputs: [tensor('x', [], 0)],
      outputs: [tensor('y', [], 1)],
      kernels: [
        kernel('copy', ['read', 'read_write'], 'if i == 0 { b1[0] = b0[0]; }'),
        kernel('mix', ['read_write'], 'if i == 0 { b0[0] = (b0[0] * 5 + f32(loops.x)) % 1009; }', {
          loops: 1,
        }),
      ],
      steps: [
        dispatch(0, [0, 1], 1),
        { kind: 'loop', count: 3000, direction: 'up', steps: [dispatch(1, [1], 1)] },
      ],
    })
    let expected = 3
    for (let i = 0; i < 3000; i++) expected = (expected * 5 + i) % 1009
    const run = await load(device, counting)
    expect(await value(run.run({ x: upload(device, 'f32', [], f32(3)) }).y)).toEqual(f32(expected))
  })

  it(
    "gives times by kernel, by the device's clock where it has timestamps and by ours " + 'where not',
    async () => {
      const add = await load(device, addition(100_000))
      const x = upload(device, 'f32', [100_000], ramp(100_000))
      const stamped = device.has('timestamp-query')
      const clocks = [(await add.profile({ x, y: x })).clock]
      const without = vi.spyOn(device, 'has').mockReturnValue(false)
      const { clock, times } = await add.profile({ x, y: x })
      without.mockRestore()
      expect([...clocks, clock]).toEqual([stamped ? 'device' : 'host', 'host'])
      for (const { times: found } of [{ times }, await add.profile({ x, y: x })]) {
        expect(found).toEqual([
          { kernel: 0, name: 'add', dispatches: 1, nanoseconds: expect.any(Number) as number },
        ])
        expect(found[0]!.nanoseconds).toBeGreaterThan(0)
      }
    },
  )
})
