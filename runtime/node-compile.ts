import type { KernelDecl } from '../compiler/artifact.js'
import { FirstDispatch } from './first-dispatch.js'
import { type NodeDeviceOptions, openNodeDevice } from './node.js'
import type { Answer } from './node-helper.js'

// The program of a helper process, which `node-helper.ts` starts. It opens a device with the options of its
// argument and compiles the kernels that it receives, one by one, so that the driver has them in its cache.
// It ends when its parent ends.

// A kill ends the process at once; `process.exit` would wait for the driver.
const end = (): void => void process.kill(process.pid, 'SIGKILL')
process.on('disconnect', end)
if (!process.connected) end()
// The terminal sends Ctrl-C to this process too; the parent decides what ends.
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
