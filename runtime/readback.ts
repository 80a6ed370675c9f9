import type { Device } from './device.js'
import { bufferBytes, mapMode, usage } from './flags.js'
import { type DeviceTensor, decode, type HostArray } from './tensor.js'

const bytesOf = (tensors: readonly DeviceTensor[]): number =>
  tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)

const createStaging = (device: Device, bytes: number): GPUBuffer =>
  device.gpu.createBuffer({
    label: 'readback',
    size: bufferBytes(bytes),
    usage: usage.mapRead | usage.copyTarget,
  })

/** Copies the tensors, as all work submitted so far leaves them, into `staging` from `offset` on. */
const copyOut = (
  device: Device,
  tensors: readonly DeviceTensor[],
  staging: GPUBuffer,
  offset: number,
): void => {
  for (const tensor of tensors) tensor.check()
  const encoder = device.gpu.createCommandEncoder()
  let end = offset
  for (const { buffer, bytes } of tensors) {
    if (bytes > 0) encoder.copyBufferToBuffer(buffer, 0, staging, end, bytes)
    end += bytes
  }
  device.gpu.queue.submit([encoder.finish()])
}

/** The bytes that were copied to `staging`. Their arrival may be noticed `patience` milliseconds late. */
const bytesIn = async (
  device: Device,
  staging: GPUBuffer,
  bytes: number,
  patience?: number,
): Promise<ArrayBuffer> => {
  await device.wait(staging.mapAsync(mapMode.read, 0, bufferBytes(bytes)), patience)
  const copy = staging.getMappedRange(0, bufferBytes(bytes)).slice(0, bytes)
  staging.unmap()
  return copy
}

const valuesIn = (bytes: ArrayBuffer, tensors: readonly DeviceTensor[], offset: number): HostArray[] => {
  let end = offset
  return tensors.map(tensor => {
    end += tensor.bytes
    return decode(tensor, bytes.slice(end - tensor.bytes, end))
  })
}

/**
 * Reads the tensors' values after all operations requested so far, in one transfer. Any number of readings
 * may be under way. Rejects with a `DeviceError` if a tensor or the device is gone.
 */
export const download = async (device: Device, tensors: readonly DeviceTensor[]): Promise<HostArray[]> => {
  device.check()
  const bytes = bytesOf(tensors)
  const staging = createStaging(device, bytes)
  try {
    copyOut(device, tensors, staging, 0)
    return valuesIn(await bytesIn(device, staging, bytes), tensors, 0)
  } finally {
    staging.destroy()
  }
}

/** A result of {@link Readback}: the tag of `push`, and the values of its tensors by name. */
export interface Reading<Tag> {
  readonly tag: Tag
  readonly values: Readonly<Record<string, HostArray>>
}

interface Entry<Tag> {
  readonly tag: Tag
  readonly names: readonly string[]
  readonly tensors: readonly DeviceTensor[]
  readonly offset: number
}

/** A staging buffer in use: the copies of several steps, and, once it is closed, their readings. */
interface Page<Tag> {
  readonly staging: GPUBuffer
  readonly entries: Entry<Tag>[]
  end: number
}

/** The pace of {@link Readback}. */
export interface ReadbackOptions {
  /** The wanted time between two readings, in milliseconds; shorter steps share one reading. */
  readonly interval?: number
  /** The most steps that share a reading. */
  readonly most?: number
}

/** How many milliseconds late a reading may be noticed if the device has further work. */
const patience = 5

/**
 * Reads small tensors (loss, metrics) of steps without making the device wait. Each step's tensors are copied
 * to the next place of a page; a full page is read while the next steps run (double buffering). At most one
 * page is read while another is filled: a `push` that would fill a third one waits, so the queue never grows.
 * It is not reentrant: wait for each `push` and `drain` before the next.
 */
export class Readback<Tag> {
  readonly #interval: number
  readonly #most: number
  readonly #free: GPUBuffer[] = []
  readonly #closed: Promise<readonly Reading<Tag>[]>[] = []
  #open: Page<Tag> | undefined
  #destroyed = false
  #length = 1
  #readAt: number | undefined

  constructor(
    private readonly device: Device,
    { interval = 200, most = 32 }: ReadbackOptions = {},
  ) {
    this.#interval = interval
    this.#most = most
  }

  /**
   * Requests the tensors' values after everything submitted so far; the tensors may be overwritten right
   * after. Returns the readings that have arrived since the last call, oldest first, and rejects with a
   * `DeviceError` if one failed.
   */
  async push(tag: Tag, tensors: Readonly<Record<string, DeviceTensor>>): Promise<readonly Reading<Tag>[]> {
    const names = Object.keys(tensors)
    const list = names.map(name => tensors[name])
    const page = this.#pageFor(bytesOf(list))
    copyOut(this.device, list, page.staging, page.end)
    page.entries.push({ tag, names, tensors: list, offset: page.end })
    page.end += bytesOf(list)
    if (page.entries.length < this.#length) return []
    this.#close(patience)
    return this.#closed.length > 1 ? this.#take() : []
  }

  /** Waits for all remaining readings, oldest first. */
  async drain(): Promise<readonly Reading<Tag>[]> {
    this.#close()
    const rest: Reading<Tag>[] = []
    while (this.#closed.length > 0) rest.push(...(await this.#take()))
    this.#readAt = undefined
    return rest
  }

  /** Frees the staging buffers; readings that were not drained are lost. */
  destroy(): void {
    this.#destroyed = true
    this.#open?.staging.destroy()
    this.#open = undefined
    for (const buffer of this.#free.splice(0)) buffer.destroy()
  }

  /**
   * The current page if a number of bytes fits into it, or a new one with room for the steps that will share
   * it.
   */
  #pageFor(bytes: number): Page<Tag> {
    if (this.#open !== undefined && this.#open.end + bytes > this.#open.staging.size) this.#close(patience)
    if (this.#open !== undefined) return this.#open
    const room = bufferBytes(bytes * this.#length)
    const fitting = this.#free.findIndex(buffer => buffer.size >= room)
    const staging = fitting < 0 ? createStaging(this.device, room) : this.#free.splice(fitting, 1)[0]
    this.#open = { staging, entries: [], end: 0 }
    return this.#open
  }

  /** Begins to read the current page. */
  #close(late?: number): void {
    const page = this.#open
    if (page === undefined) return
    this.#open = undefined
    const arrived = bytesIn(this.device, page.staging, page.end, late).finally(() => {
      if (this.#destroyed) page.staging.destroy()
      else this.#free.push(page.staging)
    })
    const reading = arrived.then(bytes => {
      this.#paced(page.entries.length)
      return page.entries.map(({ tag, names, tensors, offset }) => {
        const values = valuesIn(bytes, tensors, offset)
        return { tag, values: Object.fromEntries(names.map((name, i) => [name, values[i]])) }
      })
    })
    // The consumer of the reading reports a failure; until then it must not be an unhandled rejection.
    reading.catch(() => undefined)
    this.#closed.push(reading)
  }

  /** Chooses the next page's number of steps: as many as fit into the interval at the last page's pace. */
  #paced(steps: number): void {
    const now = performance.now()
    if (this.#readAt !== undefined) {
      const pace = (now - this.#readAt) / steps
      this.#length = Math.max(1, Math.min(this.#most, Math.round(this.#interval / Math.max(pace, 0.01))))
    }
    this.#readAt = now
  }

  #take(): Promise<readonly Reading<Tag>[]> {
    const [oldest] = this.#closed.splice(0, 1)
    return oldest
  }
}
