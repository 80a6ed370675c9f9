import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapSchedules } from '../../../compiler/schedule/map-schedules.js'
import { download, load, upload } from '../../../runtime/node.js'
import { compileText } from '../../../src/bench/compile.js'
import { withDevice } from '../../support/device.js'
import { gpu, llvmpipe } from '../../support/traits.js'

describe('how elementwise kernels are laid over threads', () => {
  it('a thread of a software device handles several positions only while 32 workgroups remain', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 28 }), places => {
        for (const { threads, steps } of mapSchedules(places, 4, llvmpipe)) {
          expect(threads).toBeLessThanOrEqual(256)
          expect(steps).toBeLessThanOrEqual(64)
          if (steps > 1) expect(Math.ceil(places / (threads * steps))).toBeGreaterThanOrEqual(32)
        }
      }),
    )
    expect(mapSchedules(2 ** 20, 4, llvmpipe)[0]).toEqual({ family: 'map', threads: 64, steps: 64, width: 4 })
  })

  it('a GPU gets a thread for every index', () => {
    const [first] = mapSchedules(2 ** 20, 4, gpu)
    expect(first).toEqual({ family: 'map', threads: 256, steps: 1, width: 4 })
  })
})

withDevice('long elementwise kernels', device => {
  // Sizes that fill no workgroup, with four neighbours a thread and with one, so that the last threads stop
  // early.
  for (const n of [2 ** 17 + 4 * 13, 2 ** 17 + 7])
    it(`reach all ${n} elements and nothing beyond`, async () => {
      const program = 'fn bench(x: f32[N]) -> f32[N] = for i -> 2 * x[i] + f32(i)\n'
      const artifact = compileText({ text: program, sizes: { N: n }, name: 'long' }, device.traits)
      if (device.traits.software) expect(artifact.kernels[0]!.schedule).toMatch(/\d+ times/)
      const executable = await load(device, artifact)
      const x = Float32Array.from({ length: n }, (_, i) => (i % 97) / 8)
      const [y] = await download(device, [executable.run({ x: upload(device, 'f32', [n], x) }).result!])
      expect(y!.findIndex((v, i) => v !== 2 * x[i]! + i)).toBe(-1)
      expect(y!.length).toBe(n)
    })
})
