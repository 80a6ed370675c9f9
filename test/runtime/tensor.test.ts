import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import type { DType } from '../../compiler/artifact.js'
import { DeviceTensor, download, elementsOf, Readback, upload } from '../../runtime/index.js'
import { withDevice } from '../support/device.js'

const f32 = (...values: number[]) => Float32Array.from(values)

withDevice('tensors', device => {
  it('come back as they went, several in one reading', async () => {
    const array = fc.oneof(
      fc.float32Array({ maxLength: 70 }).map(data => ({ dtype: 'f32' as DType, data })),
      fc.int32Array({ maxLength: 70 }).map(data => ({ dtype: 'i32' as DType, data })),
      fc.uint32Array({ maxLength: 70 }).map(data => ({ dtype: 'u32' as DType, data })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(array, { minLength: 1, maxLength: 5 }), async arrays => {
        const tensors = arrays.map(({ dtype, data }) => upload(device, dtype, [data.length], data))
        const values = await download(device, tensors)
        const bits = (array: Float32Array | Int32Array | Uint32Array) =>
          Array.from(
            new Uint32Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength)),
          )
        expect(values.map(bits)).toEqual(arrays.map(({ data }) => bits(data)))
        for (const tensor of tensors) tensor.destroy()
      }),
      { numRuns: 25 },
    )
  })

  it('hold truth values as 0 and 1', async () => {
    const bytes = upload(device, 'bool', [2, 2], Uint8Array.of(0, 1, 7, 0))
    const words = upload(device, 'bool', [3], Uint32Array.of(9, 0, 1))
    expect(await download(device, [bytes, words])).toEqual([
      Uint32Array.of(0, 1, 1, 0),
      Uint32Array.of(1, 0, 1),
    ])
  })

  it('upload only the part that a typed array shows of its buffer', async () => {
    const whole = f32(1, 2, 3, 4)
    expect(await download(device, [upload(device, 'f32', [2], whole.subarray(1, 3))])).toEqual([f32(2, 3)])
  })

  it('count what they hold', () => {
    const before = device.residentBytes
    const tensor = new DeviceTensor(device, { dtype: 'f32' }, [100])
    expect(tensor.bytes).toBe(400)
    expect(device.residentBytes).toBe(before + 400)
    tensor.destroy()
    expect(device.residentBytes).toBe(before)
    expect([elementsOf([]), elementsOf([3, 4]), elementsOf([3, 0])]).toEqual([1, 12, 0])
  })

  it.each([0, 5, 1e6])('are read back each as its step left it, a reading every %d ms', async interval => {
    const metric = upload(device, { dtype: 'f32', label: 'loss' }, [], f32(0))
    const count = upload(device, 'i32', [2], Int32Array.of(0, 0))
    const readback = new Readback<number>(device, { interval, most: 7 })
    const readings: { readonly tag: number; readonly values: Readonly<Record<string, ArrayLike<number>>> }[] =
      []
    for (let step = 0; step < 50; step++) {
      metric.write(f32(step / 2))
      count.write(Int32Array.of(step, -step))
      readings.push(...(await readback.push(step, { loss: metric, count })))
      expect(step + 1 - readings.length).toBeLessThanOrEqual(2 * 7)
      if (interval === 0) expect(step + 1 - readings.length).toBe(1)
    }
    readings.push(...(await readback.drain()))
    expect(readings).toEqual(
      Array.from({ length: 50 }, (_, step) => ({
        tag: step,
        values: { loss: f32(step / 2), count: Int32Array.of(step, -step) },
      })),
    )
    readback.destroy()
    metric.destroy()
    expect(() => metric.check()).toThrow('destroyed')
    await expect(readback.push(50, { metric })).rejects.toThrow('destroyed')
  })

  it('are read back by way of buffers that are all given back, whatever is still under way', async () => {
    const create = device.gpu.createBuffer.bind(device.gpu)
    const destroyed: (() => boolean)[] = []
    vi.spyOn(device.gpu, 'createBuffer').mockImplementation(descriptor => {
      const buffer = create(descriptor)
      const destroy = vi.spyOn(buffer, 'destroy')
      if (descriptor.label === 'readback') destroyed.push(() => destroy.mock.calls.length > 0)
      return buffer
    })
    const metric = upload(device, { dtype: 'f32', label: 'loss' }, [], f32(0))
    for (let steps = 1; steps <= 16; steps++) {
      const readback = new Readback<number>(device, { interval: 1e6, most: 5 })
      for (let step = 0; step < steps; step++) await readback.push(step, { metric })
      readback.destroy()
    }
    await device.idle()
    await new Promise(resolve => setTimeout(resolve, 50))
    vi.restoreAllMocks()
    expect(destroyed.length).toBeGreaterThan(16)
    expect(destroyed.filter(is => !is())).toEqual([])
    metric.destroy()
  })
})
