import type { Artifact } from '../compiler/artifact.js'
import { unlessAborted } from './abort.js'
import { Bindings } from './bindings.js'
import { onePart, type Part, type Program, unroll } from './commands.js'
import type { Device } from './device.js'
import { type Encoding, encodeCommands } from './encode.js'
import { DeviceError, fromGpuError } from './errors.js'
import { allocateBuffers, allocateSlots, type SharedTemporaries, writeSlots } from './memory.js'
import { hostTimes, type Profile, stopwatch } from './profile.js'
import { rehearse } from './rehearse.js'
import { checkRequirements } from './requirements.js'
import type { DeviceTensor } from './tensor.js'
import { checkAliases, checkInputs, encodeOutputs, outputTensors, writtenInputs } from './transfers.js'

/** Tensors by the names of the artifact's inputs or outputs. */
export type Tensors = Readonly<Record<string, DeviceTensor>>

export interface RunOptions {
  /**
   * Tensors that take outputs, by name. They may be inputs of the same run: inputs are read before outputs
   * are written.
   */
  readonly into?: Tensors
}

export interface LoadOptions {
  /** If it is aborted, loading ends at once with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Temporary buffers that it shares with others; without them it has its own. */
  readonly temporaries?: SharedTemporaries | undefined
}

/** The objects that loading creates on the device for an artifact. */
interface ExecutableParts {
  readonly program: Program
  readonly encoding: Encoding
  /** Buffers that the executable frees when it is destroyed. */
  readonly own: readonly GPUBuffer[]
  /** The loop indices, if a kernel asks for them. */
  readonly slots: GPUBuffer | undefined
  /** The artifact's buffers; undefined for those that each run provides. */
  readonly buffers: readonly (GPUBuffer | undefined)[]
}

/**
 * An artifact on a device, ready to run; {@link load} makes it. It is reentrant: runs happen in the order of
 * the calls, and one ends before the next begins, so that they can share buffers.
 */
export class Executable {
  private readonly program: Program
  private readonly encoding: Encoding
  private readonly own: readonly GPUBuffer[]
  private readonly slots: GPUBuffer | undefined
  readonly #bindings: Bindings
  readonly #writtenInputs: ReadonlySet<string>
  #destroyed = false

  constructor(
    readonly device: Device,
    readonly artifact: Artifact,
    { program, encoding, own, slots, buffers }: ExecutableParts,
  ) {
    this.program = program
    this.encoding = encoding
    this.own = own
    this.slots = slots
    this.#bindings = new Bindings(device, artifact, program.kept !== undefined, buffers)
    this.#writtenInputs = writtenInputs(artifact)
  }

  /**
   * Submits one run and returns at once the tensors that will hold the outputs: those of `into`; inputs that
   * outputs replace, whose old values are lost; and new ones, which the caller destroys. Runs, writes and
   * readings happen in the order of the calls. Throws a {@link DeviceError} if inputs are missing or do not
   * fit, or the device is lost.
   */
  run(inputs: Tensors, { into = {} }: RunOptions = {}): Tensors {
    this.#check()
    const brought = checkInputs(this.device, this.artifact, inputs)
    checkAliases(this.artifact, this.#writtenInputs, inputs)
    const outputs = outputTensors(this.device, this.artifact, inputs, into)
    const taken = new Set([...Object.values(inputs), ...Object.values(into)])
    try {
      this.#submit(brought, outputs)
      return outputs
    } catch (error) {
      for (const tensor of Object.values(outputs)) if (!taken.has(tensor)) tensor.destroy()
      throw error
    }
  }

  #submit(brought: readonly DeviceTensor[], outputs: Tensors): void {
    const bound = this.#bindings.bind(brought)
    const { gpu } = this.device
    const encoder = () => gpu.createCommandEncoder({ label: this.artifact.name })
    let last = encoder()
    let before: Part | undefined
    for (const part of this.program.parts()) {
      if (before !== undefined) {
        gpu.queue.submit([last.finish()])
        last = encoder()
      }
      const { loops } = this.encoding
      // A program of one part wrote its rows when it was loaded.
      if (loops !== undefined && this.program.kept?.length !== 1) writeSlots(this.device, loops, part.slots)
      encodeCommands(last, part.commands, bound, this.encoding)
      before = part
    }
    const spare = encodeOutputs(this.device, last, this.artifact, { buffers: bound.buffers, outputs })
    gpu.queue.submit([last.finish()])
    for (const buffer of spare) buffer.destroy()
  }

  /**
   * Runs once without outputs and returns the time of each kernel, by the device's clock if it has
   * timestamps. Every dispatch is measured alone, so the sum exceeds the time of a plain run. Rejects with a
   * {@link DeviceError} like {@link run}.
   */
  async profile(inputs: Tensors): Promise<Profile> {
    this.#check()
    const { device, artifact } = this
    const { commands, slots } = onePart(artifact)
    const table = loopTable(device, slots.length)
    if (table !== undefined) writeSlots(device, table, slots)
    const encoding = { ...this.encoding, loops: table }
    try {
      return await this.#profileOf(commands, encoding, inputs)
    } finally {
      table?.buffer.destroy()
    }
  }

  async #profileOf(commands: Part['commands'], encoding: Encoding, inputs: Tensors): Promise<Profile> {
    const { device, artifact } = this
    const brought = checkInputs(device, artifact, inputs)
    checkAliases(artifact, this.#writtenInputs, inputs)
    const bound = this.#bindings.bind(brought)
    const encoder = () => device.gpu.createCommandEncoder({ label: `${artifact.name} profile` })
    if (!device.has('timestamp-query')) {
      const submit = (i: number): void => {
        const one = encoder()
        encodeCommands(one, [commands[i]], bound, encoding)
        device.gpu.queue.submit([one.finish()])
      }
      return { clock: 'host', times: await hostTimes(device, artifact, commands, submit) }
    }
    const watch = stopwatch(device, artifact, commands)
    const all = encoder()
    encodeCommands(all, commands, bound, { ...encoding, stamps: watch.stamps })
    watch.encode(all)
    device.gpu.queue.submit([all.finish()])
    return { clock: 'device', times: await watch.times() }
  }

  /** Frees the artifact's own buffers; the tensors that runs returned stay. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    for (const buffer of this.own) this.device.release(buffer)
    this.slots?.destroy()
  }

  #check(): void {
    this.device.check()
    if (this.#destroyed) {
      throw new DeviceError('input', {
        what: `\`${this.artifact.name}\` is run after it was destroyed`,
        hint: 'Destroy an executable only after its last run.',
      })
    }
  }
}

const loopTable = (device: Device, rows: number) => {
  if (rows === 0) return undefined
  const { buffer, stride } = allocateSlots(device, rows)
  const group = device.gpu.createBindGroup({
    layout: device.pipelines.loopLayout,
    entries: [{ binding: 0, resource: { buffer, size: 16 } }],
  })
  return { buffer, group, stride }
}

/**
 * Checks the artifact against the device, compiles its kernels in parallel (with helper processes if there
 * are any), and allocates its buffers. Rejects with a {@link DeviceError}: `artifact` if the value is damaged
 * or not an artifact, `too-small` or `out-of-memory` with the numbers, or `internal` if the device refuses a
 * kernel. A rejection leaves no memory allocated.
 */
export const load = async (
  device: Device,
  artifact: Artifact,
  { signal, temporaries }: LoadOptions = {},
): Promise<Executable> => {
  signal?.throwIfAborted()
  device.check()
  checkRequirements(device, artifact)
  const program = unroll(artifact)
  const pipelines = await unlessAborted(
    device.wait(Promise.all(artifact.kernels.map(kernel => device.pipelines.pipeline(kernel)))),
    signal,
  )
  await rehearse(device, artifact.kernels, { signal })
  const { buffers, own } = await allocateBuffers(device, artifact, temporaries)
  let table: ReturnType<typeof loopTable>
  try {
    device.gpu.pushErrorScope('validation')
    table = loopTable(device, program.mostSlots)
    if (table !== undefined && program.kept?.length === 1) writeSlots(device, table, program.kept[0]!.slots)
    const encoding = { pipelines, loops: table }
    const executable = new Executable(device, artifact, {
      program,
      encoding,
      own,
      slots: table?.buffer,
      buffers,
    })
    const failure = await device.wait(device.gpu.popErrorScope())
    if (failure !== null) throw fromGpuError(failure)
    signal?.throwIfAborted()
    return executable
  } catch (error) {
    for (const buffer of own) device.release(buffer)
    table?.buffer.destroy()
    throw error
  }
}
