import { expect, it } from 'vitest'
import { download, load, rehearse, upload } from '../../runtime/index.js'
import { withDevice } from '../support/device.js'
import { addition, kernel } from './artifacts.js'

withDevice('a rehearsal', device => {
  it('dispatches each distinct kernel once and tells of it, and touches nothing', async () => {
    const { kernels } = addition(1000)
    const looped = kernel('looped', ['read', 'read_write'], 'b1[i] = b0[i] + f32(loops.x);', { loops: 1 })
    const add = await load(device, addition(1000))
    const x = upload(device, 'f32', [1000], new Float32Array(1000).fill(3))
    const before = device.residentBytes
    const told: (readonly [number, number])[] = []
    await rehearse(device, [...kernels, looped, ...kernels], {
      ready: (done, total) => told.push([done, total]),
    })
    const total = kernels.length + 1
    expect(told).toEqual(
      device.traits.software ? Array.from({ length: total }, (_, i) => [i + 1, total]) : [],
    )
    expect(device.residentBytes).toBe(before)
    const { sum } = add.run({ x, y: x })
    expect((await download(device, [sum]))[0]).toEqual(new Float32Array(1000).fill(6))
  })

  it('of nothing tells nothing', async () => {
    await rehearse(device, [], { ready: () => expect.unreachable() })
  })
})
