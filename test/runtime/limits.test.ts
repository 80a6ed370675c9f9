import { expect, it } from 'vitest'
import { leastTraits } from '../../compiler/least-traits.js'
import { held } from '../../runtime/limits.js'
import { baseline, openNodeDevice, parseLimits } from '../../runtime/node.js'
import { withDevice } from '../support/device.js'
import { llvmpipe } from '../support/traits.js'

it('are read as users write them', () => {
  expect(parseLimits('')).toEqual({})
  expect(parseLimits('baseline')).toEqual(baseline)
  expect(parseLimits('baseline, buffers=10')).toEqual({ ...baseline, storageBuffersPerStage: 10 })
  expect(parseLimits('alignment=32,subgroups=0')).toEqual({ bindingAlignment: 32, subgroupSize: 0 })
  for (const wrong of ['base', 'buffers', 'buffers=', 'buffers=0', 'buffers=-1', 'toString=1', 'buffers=1e3'])
    expect(() => parseLimits(wrong), wrong).toThrow('is no limit of a device')
})

it('of the baseline are what the compiler takes every device to have', () => {
  expect(leastTraits).toMatchObject(baseline)
})

it('make no device better than it is, and its subgroups no smaller', () => {
  expect(held(llvmpipe, { storageBuffersPerStage: 99, bindingAlignment: 4 })).toEqual(llvmpipe)
  expect(held(llvmpipe, { subgroupSize: 4 }).subgroupSize).toBe(0)
  expect(held(llvmpipe, baseline)).toMatchObject(baseline)
})

withDevice('a device that keeps to limits', () => {
  it('has no better ones, and refuses what passes them', async () => {
    const device = await openNodeDevice({ limits: { ...baseline, storageBuffersPerStage: 3 } })
    try {
      expect(device.traits).toMatchObject({ ...baseline, storageBuffersPerStage: 3 })
      expect(device.gpu.limits.maxStorageBuffersPerShaderStage).toBe(8)
      expect(() => device.allocate(2 ** 28 + 16, 'x')).toThrow('does not fit into one buffer')
    } finally {
      device.close()
    }
  })
})
