import type { KernelDecl } from '../compiler/artifact.js'
import { FirstDispatch } from './first-dispatch.js'
import { type NodeDeviceOptions, openNodeDevice } from './node.js'
import type { Answer } from './node-helper.js'

// A program of its own, which a process that compiles kernels starts (`node-helper.ts`): it compiles the
// kernels that it is sent, one by one, on
// a device opened with the options of its argument, so that the driver has them in its cache. It ends with
// whoever started it.

// At once: `process.exit` would wait for the driver.
const end = (): void => void process.kill(process.pid, 'SIGKILL')
process.on('disconnect', end)
if (!process.connected) end()
// A terminal's Ctrl-C comes here too; what it ends is for whoever started this to say.
process.on('SIGINT', () => undefined)

const answer = (text: Answer): void => void process.send?.(text)
const options = JSON.parse(process.argv[2] ?? '{}') as NodeDeviceOptions
const opened = openNodeDevice(options).then(device => new FirstDispatch(device))
process.on('message', (kernel: KernelDecl) =>
  opened
    .then(first => first.run(kernel))
    .then(
      () => answer('compiled'),
      () => answer('failed'),
    ),
)
