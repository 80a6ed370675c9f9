import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { withDevice } from '../support/device.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs TypeScript in a process of its own, with the garbage collector at hand. */
const inProcess = (source: string): Promise<{ readonly code: number | null; readonly output: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', '--input-type=module', '--eval', source],
      { cwd: root, timeout: 60_000 },
    )
    let output = ''
    child.stdout.on('data', chunk => {
      output += String(chunk)
    })
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })

withDevice('a process that used a device', () => {
  it('ends by itself once the device is closed', async () => {
    const { code, output } = await inProcess(`
      import { openNodeDevice, upload, download } from './runtime/node.ts'
      const device = await openNodeDevice()
      const [x] = await download(device, [upload(device, 'f32', [2], Float32Array.of(1, 2))])
      device.close()
      console.log(String(x))
    `)
    expect({ code, output }).toEqual({ code: 0, output: '1,2\n' })
  })

  it('ends by itself too where nobody closes it', async () => {
    const { code, output } = await inProcess(`
      import { openNodeDevice, upload, download } from './runtime/node.ts'
      const device = await openNodeDevice()
      const [x] = await download(device, [upload(device, 'f32', [2], Float32Array.of(1, 2))])
      console.log(String(x))
    `)
    expect({ code, output }).toEqual({ code: 0, output: '1,2\n' })
  })

  it('survives garbage collection while the device is open, and after', async () => {
    const { code, output } = await inProcess(`
      import { openNodeDevice, upload, download } from './runtime/node.ts'
      const device = await openNodeDevice()
      for (let i = 0; i < 20; i++) {
        gc()
        await new Promise(resolve => setImmediate(resolve))
        await download(device, [upload(device, 'f32', [1000], new Float32Array(1000))])
      }
      device.close()
      for (let i = 0; i < 20; i++) {
        gc()
        await new Promise(resolve => setImmediate(resolve))
      }
      console.log('alive')
    `)
    expect({ code, output }).toEqual({ code: 0, output: 'alive\n' })
  })

  it(
    'learns of its loss from what is asked next, and of nothing else, whatever is given ' + 'back then',
    async () => {
      const { code, output } = await inProcess(`
      import { openNodeDevice, upload, Readback } from './runtime/node.ts'
      const device = await openNodeDevice()
      const loss = upload(device, 'f32', [], Float32Array.of(1))
      const readback = new Readback(device)
      await readback.push(1, { loss })
      device.gpu.destroy()
      await device.gpu.lost
      await readback.push(2, { loss }).catch(error => console.log(error.kind))
      readback.destroy()
      await new Promise(resolve => setTimeout(resolve, 50))
      device.close()
    `)
      expect({ code, output }).toEqual({ code: 0, output: 'lost\n' })
    },
  )
})
