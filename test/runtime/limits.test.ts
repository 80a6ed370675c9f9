import { expect, it } from 'vitest'
import { lower, specialiseFn } from '../../compiler/pipeline.js'
import { leastTraits } from '../../compiler/traits.js'
import { held } from '../../runtime/limits.js'
import { baseline, openNodeDevice, parseLimits, refusalOf } from '../../runtime/node.js'
import { programOf } from '../acceptance/support.js'
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

withDevice('a device that keeps to limits', device => {
  it('has no better ones, and refuses what passes them', async () => {
    const small = await openNodeDevice({ limits: { ...baseline, storageBuffersPerStage: 3 } })
    try {
      expect(small.traits).toMatchObject({ ...baseline, storageBuffersPerStage: 3 })
      expect(small.gpu.limits.maxStorageBuffersPerShaderStage).toBe(8)
      expect(() => small.allocate(2 ** 28 + 16, 'x')).toThrow('does not fit into one buffer')
    } finally {
      small.close()
    }
  })

  it('says what does not fit by its name, to the byte where rounded numbers would be equal', () => {
    const program = programOf('fn twice(x: f32[N]) -> f32[N] = for i -> 2.0 * x[i]')
    const refused = (n: number, bindingBytes = device.traits.bindingBytes): string | undefined => {
      const graph = specialiseFn(program, program.fns.get('main.twice')!, { sizes: new Map([['N', n]]) })
      return refusalOf(device, lower(graph, { ...device.traits, bindingBytes }, { name: 'twice' }))?.message
    }
    const { bindingBytes, bufferBytes } = device.traits
    // What is larger than a binding takes two.
    expect(refused(bindingBytes / 4)).toBeUndefined()
    expect(refused(bindingBytes / 4 + 4)).toBeUndefined()
    const bytes = (n: number): string => `${n.toLocaleString('en')} bytes`
    const elements = 4 * Math.ceil(bufferBytes / 16) + 4
    const large = refused(elements)
    expect(large).toContain("`twice` can't run on")
    expect(large).toContain(`A buffer takes ${bytes(4 * elements)}; the device allows ${bytes(bufferBytes)}.`)
    expect(refused(2 ** 13, 1024)).toContain(
      'A kernel binds 64 storage buffers; the device allows 16. Larger than one binding, ' +
        '`x` takes 32, `twice` takes 32.',
    )
  })

  it('says which inputs would fit if they were stored in less', () => {
    const program = programOf('fn total(x: f32[N], y: f32[N]) -> f32 = sum i -> x[i] * y[i]')
    const hintAt = (windows: number): string | undefined => {
      const sizes = new Map([['N', 256 * windows]])
      const graph = specialiseFn(program, program.fns.get('main.total')!, { sizes })
      const traits = { ...device.traits, bindingBytes: 1024 }
      return refusalOf(device, lower(graph, traits, { name: 'total' }))?.hint
    }
    expect(hintAt(7)).toBeUndefined()
    expect(hintAt(8)).toContain(
      'Where `x`, `y` are weights of a model, `--weights f16` makes them small enough.',
    )
    expect(hintAt(20)).toContain('`--weights q8`')
    expect(hintAt(100)).not.toContain('--weights')
  })
})
