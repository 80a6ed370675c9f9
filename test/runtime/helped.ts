import { download, load, openNodeDevice, rehearse, upload } from '../../runtime/node.js'
import { slowChain, wordyKernel } from './slow-kernels.js'

// A program of its own, for a driver's cache of its own: rehearses so many kernels, with helpers or `alone`,
// runs them, and prints as JSON what came of it.
const [count, alone] = process.argv.slice(2)
const device = await openNodeDevice({ helpers: alone === undefined })
const chain = slowChain(Number(count), 0.5)
const helpers = device.helpers?.() ?? []
// Then each has started, however busy the machine is.
await Promise.all(helpers.map(helper => helper.compile(wordyKernel(1, 0.5))))
const told: string[] = []
const ready = (done: number, total: number) => void told.push(`${done}/${total}`)
const rehearsal = await rehearse(device, chain.kernels, { ready, helpers: () => helpers })
const executable = await load(device, chain)
const x = upload(
  device,
  'f32',
  [64],
  Float32Array.from({ length: 64 }, (_, i) => i / 64),
)
const [y] = await download(device, [executable.run({ x }).y])
device.close()
console.log(JSON.stringify({ ...rehearsal, started: helpers.length, told, result: [...y] }))
