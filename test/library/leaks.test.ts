import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Device } from '../../runtime/index.js'
import { openNodeDevice } from '../../runtime/node.js'
import { deviceEngine } from '../../src/engine/engine.js'
import { specialiseFn } from '../../src/index.js'
import { programOf } from '../acceptance/support.js'
import { withDevice } from '../support/device.js'

const program = programOf(`
size N
fn total(x: f32[N]) -> f32 = fold s = 0.0 for i -> s * 0.5 + x[i]
`)
const graphOf = (N: number) =>
  specialiseFn(program, program.fns.get('main.total')!, { sizes: new Map([['N', N]]) })
const inputOf = (N: number) => new Map([['x', { dtype: 'f32' as const, data: new Float32Array(N) }]])

/**
 * Counts the buffers of a device that are made and not yet destroyed, be they tensors, tables or what is read
 * through.
 */
const countBuffers = ({ gpu }: Device): (() => number) => {
  let live = 0
  const create = gpu.createBuffer.bind(gpu)
  const made = vi.spyOn(gpu, 'createBuffer').mockImplementation(asked => {
    const buffer = create(asked)
    const destroy = buffer.destroy.bind(buffer)
    let gone = false
    live += 1
    buffer.destroy = () => {
      if (!gone) live -= 1
      gone = true
      return destroy()
    }
    return buffer
  })
  onTestFinished(() => made.mockRestore())
  return () => live
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of the process, once what nobody holds is collected. */
const processBytes = async (): Promise<number> => {
  for (let i = 0; i < 4; i++) {
    collect()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  return process.memoryUsage().rss
}

const mebibyte = 2 ** 20

withDevice('memory', () => {
  it('is given back by 1,000 runs, whichever way they end', async () => {
    const device = await openNodeDevice()
    onTestFinished(() => device.close())
    const engine = deviceEngine(device)
    const live = countBuffers(device)
    const graph = graphOf(6)
    const create = device.gpu.createShaderModule.bind(device.gpu)
    const wrong = graphOf(7)
    const refusal = 'the device refuses the kernel'
    const ways: readonly (readonly [says: string, run: () => Promise<unknown>])[] = [
      ['', () => engine.run(graph, inputOf(6))],
      ['must be f32[6]', () => engine.run(graph, inputOf(5))],
      [
        'enough',
        () => {
          const stop = new AbortController()
          const run = engine.run(graph, inputOf(6), { signal: stop.signal })
          stop.abort(new Error('enough'))
          return run
        },
      ],
      [refusal, () => engine.run(wrong, inputOf(7))],
    ]
    const atOnce = 25
    const round = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i += atOnce)
        for (const [says, run] of ways) {
          const code = says === refusal ? 'no' : ''
          const compiling = vi
            .spyOn(device.gpu, 'createShaderModule')
            .mockImplementation(asked => create({ ...asked, code: `${asked.code}${code}` }))
          const ends = await Promise.allSettled(Array.from({ length: atOnce }, run))
          compiling.mockRestore()
          const said = ends.map(end => (end.status === 'rejected' ? String(end.reason) : ''))
          expect(said.filter(text => (says === '' ? text !== '' : !text.includes(says)))).toEqual([])
        }
    }
    await round(25)
    expect(live()).toBe(0)
    const before = await processBytes()
    await round(250)
    expect(live()).toBe(0)
    expect(device.residentBytes).toBe(0)
    const grown = (await processBytes()) - before
    if (process.env.JOLA_DEBUG === '1') console.log(`${grown / 1024 / 1000} KiB a run`)
    expect(grown).toBeLessThan(24 * mebibyte)
  })

  it('is given back by 50 devices that are opened and closed', async () => {
    const open = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) (await openNodeDevice()).close()
    }
    await open(5)
    const before = await processBytes()
    await open(50)
    const grown = (await processBytes()) - before
    if (process.env.JOLA_DEBUG === '1') console.log(`${grown / 1024 / 50} KiB a device`)
    expect(grown).toBeLessThan(40 * mebibyte)
  })
})
