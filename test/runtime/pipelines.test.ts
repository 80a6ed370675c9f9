import { expect, it } from 'vitest'
import { PipelineCache } from '../../runtime/pipelines.js'
import { withDevice } from '../support/device.js'
import { kernel } from './artifacts.js'

const scaled = (factor: number) => kernel(`scale ${factor}`, ['read_write'], `b0[i] = ${factor}.0 * b0[i];`)

withDevice('compiled kernels', device => {
  it('are kept as many as are allowed, those asked for last', async () => {
    const cache = new PipelineCache(device.gpu, 3)
    const first = await cache.pipeline(scaled(1))
    cache.markRehearsed(scaled(1))
    expect(await cache.pipeline(scaled(1))).toBe(first)
    for (const n of [2, 3, 1, 4]) await cache.pipeline(scaled(n))
    expect(cache.size).toBe(3)
    expect(await cache.pipeline(scaled(1))).toBe(first)
    expect(cache.unrehearsed([1, 2, 3, 4].map(scaled)).map(k => k.name)).toEqual([
      'scale 2',
      'scale 3',
      'scale 4',
    ])
    for (const n of [5, 6, 7]) await cache.pipeline(scaled(n))
    expect(cache.size).toBe(3)
    expect(cache.unrehearsed([scaled(1)]).length).toBe(1)
    expect(await cache.pipeline(scaled(1))).not.toBe(first)
  })

  it('that the device refuses are not kept', async () => {
    const cache = new PipelineCache(device.gpu)
    const wrong = kernel('wrong', ['read_write'], 'b0[i] = nothing;')
    const asked = [cache.pipeline(wrong), cache.pipeline(wrong)]
    for (const one of asked) await expect(one).rejects.toThrow('the device refuses the kernel')
    expect(cache.size).toBe(0)
  })
})
