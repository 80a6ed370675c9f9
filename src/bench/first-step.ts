import { load, openNodeDevice, zeros } from '../../runtime/node.js'
import { compileStep, storiesStep } from './recipe-step.js'

// A separate program. In a fresh process it measures the seconds from the step's sources to WGSL and to the
// end of the first step, and prints them as JSON. Its argument is the precision of products. The values do
// not matter here, so all inputs are zeros.
const device = await openNodeDevice({ precision: process.argv[2] === 'f16' ? 'f16' : 'f32' })
const started = performance.now()
const artifact = compileStep(storiesStep, device.traits)
const compiled = performance.now()
const inputs = Object.fromEntries(artifact.inputs.map(i => [i.name, zeros(device, i.dtype, i.shape, i.name)]))
await device.idle()
const loading = performance.now()
const executable = await load(device, artifact)
executable.run(inputs)
await device.idle()
const ended = performance.now()
device.close()
const toWgsl = (compiled - started) / 1000
process.stdout.write(
  JSON.stringify({ kernels: artifact.kernels.length, toWgsl, toResult: toWgsl + (ended - loading) / 1000 }),
)
