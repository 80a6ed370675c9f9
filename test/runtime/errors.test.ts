import { expect, it } from 'vitest'
import type { Artifact, Step } from '../../compiler/artifact.js'
import {
  DeviceError,
  type DeviceErrorKind,
  download,
  load,
  openDevice,
  upload,
  zeros,
} from '../../runtime/index.js'
import { adapterNames, openNodeDevice } from '../../runtime/node.js'
import { withDevice } from '../support/device.js'
import { addition, artifact, buffer, dispatch, kernel, tensor } from './artifacts.js'

const refusal = async (action: () => unknown): Promise<DeviceError> => {
  try {
    await action()
  } catch (error) {
    if (error instanceof DeviceError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const expectRefusal = async (kind: DeviceErrorKind, parts: readonly string[], action: () => unknown) => {
  const error = await refusal(action)
  expect(error.kind, error.message).toBe(kind)
  for (const part of parts) expect(error.message).toContain(part)
}

const requiring = (requires: Partial<Artifact['requires']>, rest: Partial<Artifact> = {}): Artifact => {
  const plain = addition(4)
  return { ...plain, ...rest, requires: { ...plain.requires, ...requires } }
}

it('says what to install when there is no adapter', async () => {
  const gpu = { requestAdapter: async () => null } as unknown as GPU
  await expectRefusal('no-adapter', ['no WebGPU adapter', 'mesa-vulkan-drivers'], () => openDevice(gpu))
})

it('refuses f16 where the adapter has none', async () => {
  const adapter = { features: new Set(['subgroups']), info: { description: 'plain' }, limits: {} }
  const gpu = { requestAdapter: async () => adapter } as unknown as GPU
  await expectRefusal('too-small', ["plain can't compute in f16", '--precision f32'], () =>
    openDevice(gpu, { precision: 'f16' }),
  )
})

withDevice('adapters', () => {
  it('are listed, and opened, by name', async () => {
    const names = await adapterNames()
    expect(names.length).toBeGreaterThan(0)
    const again = await openNodeDevice({ adapter: names[0] })
    expect(again.traits.workgroupInvocations).toBeGreaterThanOrEqual(128)
    again.close()
    expect(again.traits.name).not.toBe('')
  })

  it('are listed when none has the wanted name', async () => {
    const [name] = await adapterNames()
    await expectRefusal('no-adapter', ['no WebGPU adapter', name], () =>
      openNodeDevice({ adapter: 'abacus' }),
    )
  })
})

withDevice('refusals', device => {
  it('lists every input that is missing or does not fit', async () => {
    const add = await load(device, addition(4))
    const x = zeros(device, 'i32', [4])
    const y = zeros(device, 'f32', [2, 2])
    await expectRefusal(
      'input',
      ['`x` must be f32[4], and is i32[4]', '`y` must be f32[4], and is missing'],
      () => add.run({ x }),
    )
    await expectRefusal('input', ['`y` must be f32[4], and is f32[2, 2]'], () => add.run({ x, y }))
  })

  it('refuses targets that do not fit', async () => {
    const add = await load(device, addition(4))
    const x = zeros(device, 'f32', [4])
    const short = zeros(device, 'f32', [3])
    await expectRefusal('input', ['`sum` must be f32[4], and is f32[3]'], () =>
      add.run({ x, y: x }, { into: { sum: short } }),
    )
    await expectRefusal('input', ['no output `total`'], () => add.run({ x, y: x }, { into: { total: x } }))
  })

  it('refuses destroyed tensors and executables', async () => {
    const add = await load(device, addition(4))
    const x = zeros(device, 'f32', [4], 'weights')
    x.destroy()
    x.destroy()
    await expectRefusal('input', ['`weights`', 'destroyed'], () => add.run({ x, y: x }))
    await expectRefusal('input', ['`weights`', 'destroyed'], () => download(device, [x]))
    add.destroy()
    const y = zeros(device, 'f32', [4])
    await expectRefusal('input', ['`addition`', 'destroyed'], () => add.run({ x: y, y }))
  })

  it('refuses values that do not fit a tensor', async () => {
    await expectRefusal('input', ['`w`', 'f32[2, 3]', '6 elements', 'given 5'], () =>
      upload(device, { dtype: 'f32', label: 'w' }, [2, 3], new Float32Array(5)),
    )
    await expectRefusal('input', ['i32[2]', 'Float32Array'], () =>
      upload(device, 'i32', [2], new Float32Array(2)),
    )
  })

  it('tells the numbers when the device is too small', async () => {
    const { traits } = device
    const bindings = traits.storageBuffersPerStage
    await expectRefusal('too-small', [`binds ${bindings + 1} storage buffers`, `allows ${bindings}`], () =>
      load(device, requiring({ storageBuffersPerStage: bindings + 1 })),
    )
    await expectRefusal('too-small', ['binds', 'at once'], () =>
      load(device, requiring({ bindingBytes: traits.bindingBytes + 4 })),
    )
    await expectRefusal('too-small', [`${traits.workgroupInvocations}`], () =>
      load(device, requiring({ workgroupInvocations: traits.workgroupInvocations + 1 })),
    )
    await expectRefusal('too-small', ['`huge`', 'one buffer'], () => zeros(device, 'f32', [2 ** 40], 'huge'))
  })

  it('names what a kernel cannot address, and what would help', async () => {
    const large = { tensor: 'layers.mlp', elements: 2_400_000_000, most: 2 ** 31 - 1 }
    await expectRefusal(
      'too-small',
      ['`layers.mlp`', '2,400,000,000', '2,147,483,647', 'smaller sizes'],
      () => load(device, requiring({ unaddressable: [large] })),
    )
    await expectRefusal('too-small', ['`layers.mlp`', 'f16 or bf16'], () =>
      load(device, requiring({ unaddressable: [{ ...large, packing: 'q8' }] })),
    )
  })

  it('compares the peak with the memory there is before anything is allocated', async ({ skip }) => {
    const capacity = device.capacityBytes
    if (capacity === undefined) skip('this device does not tell its memory')
    const before = device.residentBytes
    await expectRefusal('out-of-memory', ['It needs', 'too little'], () =>
      load(device, requiring({}, { peakBytes: 2 ** 50 })),
    )
    expect(device.residentBytes).toBe(before)
  })

  it('shows the line of a kernel that the device refuses', async () => {
    const wrong = artifact({
      buffers: [buffer('output', 1)],
      inputs: [],
      outputs: [tensor('y', [1], 0)],
      kernels: [kernel('broken', ['read_write'], 'b0[i] = nonsense(i);')],
      steps: [dispatch(0, [0], 1)],
    })
    await expectRefusal('internal', ['`broken`', 'nonsense', '> ', 'line 4'], () => load(device, wrong))
    // The refusal was told; the device is as good as before.
    await device.idle()
  })

  it('tells of commands that the device refuses when their results are read', async () => {
    const outside = artifact({
      buffers: [buffer('temp', 4), buffer('output', 4)],
      inputs: [],
      outputs: [tensor('y', [4], 1)],
      kernels: [kernel('move', ['read', 'read_write'], 'if i < 4 { b1[i] = b0[i]; }')],
      steps: [{ ...dispatch(0, [0, 1], 4), workgroups: [2 ** 30, 1, 1] } as Step],
    })
    const run = await load(device, outside)
    await expectRefusal('internal', ['the device refuses'], async () => download(device, [run.run({}).y]))
    await device.idle()
  })
})

withDevice('a device that goes away', () => {
  it('rejects what is pending and everything after when it is lost', async () => {
    const device = await openNodeDevice()
    const add = await load(device, addition(4))
    const x = zeros(device, 'f32', [4])
    const pending = download(device, [add.run({ x, y: x }).sum])
    device.gpu.destroy()
    await expectRefusal('lost', ['closed'], () => pending)
    await expectRefusal('lost', ['closed'], () => add.run({ x, y: x }))
    await expectRefusal('lost', ['closed'], () => device.idle())
    await expectRefusal('lost', ['closed'], () => load(device, addition(4)))
    device.close()
  })

  it('can be closed twice, and another one opened', async () => {
    const device = await openNodeDevice()
    device.close()
    device.close()
    await expectRefusal('lost', ['closed'], () => zeros(device, 'f32', [4]))
    const next = await openNodeDevice()
    const x = upload(next, 'f32', [1], Float32Array.of(2))
    expect(await download(next, [(await load(next, addition(1))).run({ x, y: x }).sum])).toEqual([
      Float32Array.of(4),
    ])
    next.close()
  })

  it('keeps the tensors of two devices apart', async () => {
    const [one, other] = await Promise.all([openNodeDevice(), openNodeDevice()])
    const add = await load(one, addition(4))
    await expectRefusal('input', ['`x` is a tensor of another device'], () =>
      add.run({ x: zeros(other, 'f32', [4]), y: zeros(one, 'f32', [4]) }),
    )
    one.close()
    other.close()
  })
})
