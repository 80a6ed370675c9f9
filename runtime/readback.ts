import type { Device } from './device.js'
import { bufferBytes, mapMode, usage } from './flags.js'
import { type DeviceTensor, decode, type HostArray } from './tensor.js'

const stagingBytes = (tensors: readonly DeviceTensor[]): number =>
  bufferBytes(tensors.reduce((sum, tensor) => sum + tensor.bytes, 0))

const createStaging = (device: Device, bytes: number): GPUBuffer =>
  device.gpu.createBuffer({ label: 'readback', size: bytes, usage: usage.mapRead | usage.copyTarget })

/** Copies the tensors, as all work submitted so far leaves them, into `staging` and reads that. */
const read = async (
  device: Device,
  tensors: readonly DeviceTensor[],
  staging: GPUBuffer,
): Promise<HostArray[]> => {
  for (const tensor of tensors) tensor.check()
  const encoder = device.gpu.createCommandEncoder()
  const offsets: number[] = []
  let end = 0
  for (const tensor of tensors) {
    offsets.push(end)
    if (tensor.bytes > 0) encoder.copyBufferToBuffer(tensor.buffer, 0, staging, end, tensor.bytes)
    end += tensor.bytes
  }
  device.gpu.queue.submit([encoder.finish()])
  await device.wait(staging.mapAsync(mapMode.read, 0, bufferBytes(end)))
  const mapped = staging.getMappedRange(0, bufferBytes(end))
  const values = tensors.map((tensor, i) =>
    decode(tensor, mapped.slice(offsets[i], offsets[i] + tensor.bytes)),
  )
  staging.unmap()
  return values
}

/** The tensors' values, all in one reading. Rejects with a `DeviceError` if a tensor or the device is gone. */
export const download = async (device: Device, tensors: readonly DeviceTensor[]): Promise<HostArray[]> => {
  device.check()
  const staging = createStaging(device, stagingBytes(tensors))
  try {
    return await read(device, tensors, staging)
  } finally {
    staging.destroy()
  }
}

/** What {@link Readback} gives back: the tag of `push`, and the values of its tensors by name. */
export interface Reading<Tag> {
  readonly tag: Tag
  readonly values: Readonly<Record<string, HostArray>>
}

interface InFlight<Tag> {
  readonly reading: Promise<Reading<Tag>>
  done: boolean
}

/**
 * Reads small tensors (loss, metrics) of one step while the next ones are already running. `depth` steps may be in
 * flight; a further `push` waits for the oldest, so the queue never grows.
 */
export class Readback<Tag> {
  readonly #inFlight: InFlight<Tag>[] = []
  readonly #free: GPUBuffer[] = []

  constructor(
    private readonly device: Device,
    private readonly depth = 2,
  ) {}

  /**
   * Asks for the tensors as everything submitted so far leaves them; they may be overwritten right after. Gives the
   * readings that have arrived since, oldest first, and rejects with a `DeviceError` if one failed.
   */
  async push(tag: Tag, tensors: Readonly<Record<string, DeviceTensor>>): Promise<readonly Reading<Tag>[]> {
    const names = Object.keys(tensors)
    const list = names.map(name => tensors[name])
    const bytes = stagingBytes(list)
    const fitting = this.#free.findIndex(buffer => buffer.size >= bytes)
    const staging = fitting < 0 ? createStaging(this.device, bytes) : this.#free.splice(fitting, 1)[0]
    const reading = read(this.device, list, staging).then(values => {
      this.#free.push(staging)
      entry.done = true
      return { tag, values: Object.fromEntries(names.map((name, i) => [name, values[i]])) }
    })
    // A failure is told by whoever takes the reading; until then it is no unhandled rejection.
    reading.catch(() => undefined)
    const entry: InFlight<Tag> = { reading, done: false }
    this.#inFlight.push(entry)
    const ready: Reading<Tag>[] = []
    while (this.#inFlight.length > this.depth || this.#inFlight[0]?.done === true) {
      ready.push(await this.#take())
    }
    return ready
  }

  /** Waits for all that is in flight, oldest first. */
  async drain(): Promise<readonly Reading<Tag>[]> {
    const rest: Reading<Tag>[] = []
    while (this.#inFlight.length > 0) rest.push(await this.#take())
    return rest
  }

  /** Gives the staging buffers back; nothing may be in flight. */
  destroy(): void {
    for (const buffer of this.#free.splice(0)) buffer.destroy()
  }

  #take(): Promise<Reading<Tag>> {
    const [oldest] = this.#inFlight.splice(0, 1)
    return oldest.reading
  }
}
