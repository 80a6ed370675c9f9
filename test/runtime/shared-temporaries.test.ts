import { afterEach, expect, it, vi } from 'vitest'
import { type Device, download, load, SharedTemporaries, upload } from '../../runtime/index.js'
import { compileText } from '../../src/bench/compile.js'
import { withDevice } from '../support/device.js'
import { artifact, buffer, dispatch, kernel, tensor } from './artifacts.js'

/** x ↦ 2·x + 1 by way of a temporary buffer, and how many elements a kernel finds in that. */
const throughTemporary = (length: number) =>
  artifact({
    buffers: [buffer('input', length), buffer('output', length), buffer('temp', length), buffer('output', 1)],
    inputs: [tensor('x', [length], 0)],
    outputs: [tensor('y', [length], 1), tensor('seen', [1], 3)],
    kernels: [
      kernel('double', ['read', 'read_write'], `if i < ${length} { b1[i] = 2 * b0[i]; }`),
      kernel('more', ['read', 'read_write'], `if i < ${length} { b1[i] = b0[i] + 1; }`),
      kernel('count', ['read', 'read_write'], 'if i == 0 { b1[0] = f32(arrayLength(&b0)); }'),
    ],
    steps: [dispatch(0, [0, 2], length), dispatch(1, [2, 1], length), dispatch(2, [2, 3], 1)],
  })

withDevice('temporary buffers that executables share', device => {
  const ramp = (length: number) => Float32Array.from({ length }, (_, i) => i)
  afterEach(() => {
    vi.restoreAllMocks()
    return device.idle()
  })

  const computed = async (on: Device, length: number, temporaries: SharedTemporaries) => {
    const executable = await load(on, throughTemporary(length), { temporaries })
    const x = upload(on, 'f32', [length], ramp(length))
    const { y, seen } = executable.run({ x })
    const [values, [elements]] = await download(on, [y!, seen!])
    expect(values).toEqual(ramp(length).map(v => 2 * v + 1))
    // A kernel sees as much of a larger buffer as its artifact has planned.
    expect(elements).toBe(length)
    for (const t of [x, y!, seen!]) t.destroy()
    return executable
  }

  it('are the same for all, as large as the largest needs, and freed once', async () => {
    const before = device.residentBytes
    const temporaries = new SharedTemporaries(device)
    const executables = [await computed(device, 1000, temporaries)]
    expect(device.residentBytes - before).toBe(8016)
    for (const length of [500, 1000, 4]) executables.push(await computed(device, length, temporaries))
    expect(device.residentBytes - before).toBe(8016)
    executables.push(await computed(device, 2000, temporaries))
    expect(device.residentBytes - before).toBe(3 * 8000 + 16)
    for (const executable of executables) executable.destroy()
    expect(device.residentBytes - before).toBe(3 * 8000 + 16)
    temporaries.destroy()
    temporaries.destroy()
    expect(device.residentBytes).toBe(before)
  })

  it('go to the sizes in their order, each at least as large', () => {
    const temporaries = new SharedTemporaries(device)
    const first = temporaries.take([64, 1024, 256])
    expect(first.buffers.map(b => b.size)).toEqual([64, 1024, 256])
    const second = temporaries.take([16, 200, 1000, 64])
    expect(second.buffers.map(b => b.size)).toEqual([16, 256, 1024, 64])
    expect(second.made.map(b => b.size)).toEqual([16])
    expect(new Set([...first.buffers, ...second.buffers]).size).toBe(4)
    const third = temporaries.take([512, 2000])
    expect(third.buffers.map(b => b.size)).toEqual([1024, 2000])
    expect(third.made.map(b => b.size)).toEqual([2000])
    temporaries.destroy()
  })

  it('leave what the compiler wrote for a smaller size the same bits', async () => {
    const text = `fn bench(x: f32[N, N]) -> f32[N, N] =
  let y = for i, j -> exp(x[i, j] / 100)
  for i, j -> sum k -> y[i, k] * y[k, j]
`
    const compiled = (N: number) => compileText({ text, sizes: { N }, name: 'f' }, device.traits)
    const temporaries = new SharedTemporaries(device)
    const large = await load(device, compiled(96), { temporaries })
    expect(large.artifact.buffers.some(b => b.role === 'temp')).toBe(true)
    const values = async (N: number, shared: SharedTemporaries | undefined) => {
      const executable = await load(device, compiled(N), { temporaries: shared })
      const out = executable.run({
        x: upload(
          device,
          'f32',
          [N, N],
          ramp(N * N).map(v => v % 37),
        ),
      })
      return (await download(device, Object.values(out)))[0]
    }
    expect(await values(40, temporaries)).toEqual(await values(40, undefined))
    temporaries.destroy()
  })

  it('are freed at the end where one could not be had, and are none that nobody can use', async () => {
    const before = device.residentBytes
    const temporaries = new SharedTemporaries(device)
    const real = device.allocate.bind(device)
    vi.spyOn(device, 'allocate').mockImplementation((bytes, label) => {
      if (bytes === 32) throw new Error('no room')
      return real(bytes, label)
    })
    expect(() => temporaries.take([32, 64, 16])).toThrow('no room')
    vi.restoreAllMocks()
    // The device tells later of memory that it could not give.
    vi.spyOn(device.gpu, 'popErrorScope').mockResolvedValueOnce({ message: 'out of memory' } as GPUError)
    const held = device.residentBytes
    await expect(load(device, throughTemporary(1000), { temporaries })).rejects.toThrow()
    expect(device.residentBytes).toBe(held)
    vi.restoreAllMocks()
    const executable = await computed(device, 1000, temporaries)
    executable.destroy()
    temporaries.destroy()
    expect(device.residentBytes).toBe(before)
  })
})
