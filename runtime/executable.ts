import type { Artifact } from '../compiler/artifact.js'
import { unlessAborted } from './abort.js'
import { Bindings } from './bindings.js'
import { onePart, type Part, type Program, unroll } from './commands.js'
import type { Device } from './device.js'
import { type Encoding, encodeCommands } from './encode.js'
import { DeviceError, fromGpuError } from './errors.js'
import { usage } from './flags.js'
import { allocateBuffers, allocateSlots, type SharedTemporaries, writeSlots } from './memory.js'
import { openSizesAt } from './open-sizes.js'
import { hasUniforms, uniformsOf } from './pipelines.js'
import { hostTimes, type Profile, stopwatch } from './profile.js'
import { rehearse } from './rehearse.js'
import { checkRequirements } from './requirements.js'
import type { DeviceTensor } from './tensor.js'
import { checkAliases, checkInputs, encodeOutputs, outputTensors, writtenInputs } from './transfers.js'
import { uniformGroup } from './uniforms.js'

/** Tensors by the names of the artifact's inputs or outputs. */
export type Tensors = Readonly<Record<string, DeviceTensor>>

export interface RunOptions {
  /**
   * Tensors that take outputs, by name. They may be inputs of the same run: inputs are read before outputs
   * are written.
   */
  readonly into?: Tensors
  /** The number of each of the artifact's open sizes. */
  readonly sizes?: Readonly<Record<string, number>>
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
  readonly pipelines: readonly GPUComputePipeline[]
  /** Buffers that the executable frees when it is destroyed. */
  readonly own: readonly GPUBuffer[]
  /** The loop indices, if a kernel asks for them. */
  readonly slots: Slots | undefined
  /** The artifact's buffers; undefined for those that each run provides. */
  readonly buffers: readonly (GPUBuffer | undefined)[]
}

/**
 * An artifact on a device, ready to run; {@link load} makes it. It is reentrant: runs happen in the order of
 * the calls, and one ends before the next begins, so that they can share buffers.
 */
export class Executable {
  private readonly program: Program
  private readonly pipelines: readonly GPUComputePipeline[]
  private readonly sizes: GPUBuffer | undefined
  private readonly uniforms: Encoding['uniforms']
  private readonly own: readonly GPUBuffer[]
  private readonly slots: Slots | undefined
  readonly #bindings: Bindings
  readonly #writtenInputs: ReadonlySet<string>
  #destroyed = false

  constructor(
    readonly device: Device,
    readonly artifact: Artifact,
    { program, pipelines, own, slots, buffers }: ExecutableParts,
  ) {
    this.program = program
    this.pipelines = pipelines
    this.sizes = artifact.sizes === undefined ? undefined : sizesBuffer(device)
    this.own = own
    this.slots = slots
    this.uniforms = this.#uniformsWith(slots)
    this.#bindings = new Bindings(device, artifact, program.kept !== undefined, buffers)
    this.#writtenInputs = writtenInputs(artifact)
  }

  /**
   * Submits one run and returns at once the tensors that will hold the outputs: those of `into`; inputs that
   * outputs replace, whose old values are lost; and new ones, which the caller destroys. Runs, writes and
   * readings happen in the order of the calls. Throws a {@link DeviceError} if inputs are missing or do not
   * fit, or the device is lost.
   */
  run(inputs: Tensors, { into = {}, sizes }: RunOptions = {}): Tensors {
    this.#check()
    const now = openSizesAt(this.artifact, sizes)
    const brought = checkInputs(this.device, this.artifact, inputs)
    checkAliases(this.artifact, this.#writtenInputs, inputs)
    const outputs = outputTensors(this.device, this.artifact, inputs, into)
    const taken = new Set([...Object.values(inputs), ...Object.values(into)])
    try {
      this.#submit(brought, outputs, now)
      return outputs
    } catch (error) {
      for (const tensor of Object.values(outputs)) if (!taken.has(tensor)) tensor.destroy()
      throw error
    }
  }

  /** The uniforms of each kernel, with the loop indices in a table. */
  #uniformsWith(slots: Slots | undefined): Encoding['uniforms'] {
    const made = new Map<string, GPUBindGroup>()
    return this.artifact.kernels.map(kernel => {
      const uniforms = uniformsOf(kernel)
      if (!hasUniforms(uniforms)) return undefined
      const key = `${uniforms.loops} ${uniforms.sizes}`
      const group =
        made.get(key) ?? uniformGroup(this.device, uniforms, { loops: slots?.buffer, sizes: this.sizes })
      made.set(key, group)
      return group
    })
  }

  #writeSizes(now: readonly number[]): void {
    if (this.sizes !== undefined)
      this.device.gpu.queue.writeBuffer(this.sizes, 0, Int32Array.from([...now, 0, 0, 0]).slice(0, 4))
  }

  #submit(brought: readonly DeviceTensor[], outputs: Tensors, now: readonly number[]): void {
    const bound = this.#bindings.bind(brought)
    const { gpu } = this.device
    const { pipelines, uniforms, slots } = this
    const encoding = { pipelines, uniforms, stride: slots?.stride ?? 0, sizes: now }
    this.#writeSizes(now)
    const encoder = () => gpu.createCommandEncoder({ label: this.artifact.name })
    let last = encoder()
    let before: Part | undefined
    for (const part of this.program.parts()) {
      if (before !== undefined) {
        gpu.queue.submit([last.finish()])
        last = encoder()
      }
      // A program of one part wrote its rows when it was loaded.
      if (slots !== undefined && this.program.kept?.length !== 1) writeSlots(this.device, slots, part.slots)
      encodeCommands(last, part.commands, bound, encoding)
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
  async profile(inputs: Tensors, { sizes }: Pick<RunOptions, 'sizes'> = {}): Promise<Profile> {
    this.#check()
    const now = openSizesAt(this.artifact, sizes)
    this.#writeSizes(now)
    const { device, artifact } = this
    const { commands, slots } = onePart(artifact)
    const table = loopTable(device, slots.length)
    if (table !== undefined) writeSlots(device, table, slots)
    const { pipelines } = this
    const encoding = {
      pipelines,
      uniforms: this.#uniformsWith(table),
      stride: table?.stride ?? 0,
      sizes: now,
    }
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
    this.slots?.buffer.destroy()
    this.sizes?.destroy()
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

/** A table of loop indices; `stride` bytes a slot. */
type Slots = ReturnType<typeof allocateSlots>

const loopTable = (device: Device, rows: number): Slots | undefined =>
  rows === 0 ? undefined : allocateSlots(device, rows)

const sizesBuffer = (device: Device): GPUBuffer =>
  device.gpu.createBuffer({ label: 'open sizes', size: 16, usage: usage.uniform | usage.copyTarget })

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
  let executable: Executable | undefined
  try {
    device.gpu.pushErrorScope('validation')
    table = loopTable(device, program.mostSlots)
    if (table !== undefined && program.kept?.length === 1) writeSlots(device, table, program.kept[0]!.slots)
    executable = new Executable(device, artifact, {
      program,
      pipelines,
      own,
      slots: table,
      buffers,
    })
    const failure = await device.wait(device.gpu.popErrorScope())
    if (failure !== null) throw fromGpuError(failure)
    signal?.throwIfAborted()
    return executable
  } catch (error) {
    if (executable !== undefined) executable.destroy()
    else {
      for (const buffer of own) device.release(buffer)
      table?.buffer.destroy()
    }
    throw error
  }
}
