import { download, load, openNodeDevice, rehearse, upload } from '../../runtime/node.js'
import { slowChain } from './slow-kernels.js'

// A program of its own, for a driver's cache of its own: rehearses kernels, with helpers or `alone`, runs them, and prints as JSON what came of it.
const device = await openNodeDevice({ helpers: process.argv[2] !== 'alone' })
const chain = slowChain(10, 1)
let started = 0
const helpers = () => {
  const all = device.helpers?.() ?? []
  started += all.length
  return all
}
const told: string[] = []
const ready = (done: number, total: number) => void told.push(`${done}/${total}`)
const rehearsal = await rehearse(device, chain.kernels, ready, helpers)
const executable = await load(device, chain)
const x = upload(
  device,
  'f32',
  [64],
  Float32Array.from({ length: 64 }, (_, i) => i / 64),
)
const [y] = await download(device, [executable.run({ x }).y])
device.close()
console.log(JSON.stringify({ ...rehearsal, started, told, result: [...y] }))
