import type { Artifact } from '../compiler/artifact.js'
import type { BoundRange, Command } from './commands.js'
import type { Device } from './device.js'
import { internalError } from './errors.js'
import { bufferBytes } from './flags.js'
import { isScratch } from './memory.js'
import type { DeviceTensor } from './tensor.js'

const keptSets = 8

/** `bytes` are those that the artifact plans for the buffer, which may be larger if it is shared. */
const resourceOf = (buffer: GPUBuffer, bytes: number, range: BoundRange | undefined): GPUBufferBinding =>
  range === undefined
    ? { buffer, size: Math.min(buffer.size, bufferBytes(bytes)) }
    : { buffer, offset: range.offset, size: Math.min(range.size, buffer.size - range.offset) }

/** The buffers of one run by their numbers in the artifact. */
export interface Bound {
  readonly buffers: readonly GPUBuffer[]
  /** The bind group of each command that dispatches. */
  readonly groups: (commands: readonly Command[]) => readonly (GPUBindGroup | undefined)[]
}

/**
 * A cache of bind groups, since making one costs more than the dispatch that it serves. Groups of the
 * artifact's own buffers stay for good; groups of input buffers stay for the last few sets of inputs. A
 * program whose commands are unrolled anew by each run keeps no group that binds a part of a buffer.
 */
export class Bindings {
  readonly #own = new Map<string, GPUBindGroup>()
  readonly #sets = new Map<string, Bound>()

  constructor(
    private readonly device: Device,
    private readonly artifact: Artifact,
    /** Whether commands are the same from run to run. */
    private readonly kept: boolean,
    private readonly buffers: readonly (GPUBuffer | undefined)[],
  ) {}

  /** Binds input tensors, which are in the order of the artifact's declarations. */
  bind(inputs: readonly DeviceTensor[]): Bound {
    const key = inputs.map(tensor => tensor.id).join()
    const set = this.#sets.get(key)
    if (set !== undefined) return set
    const buffers = this.#resolve(inputs)
    const shared = new Map<string, GPUBindGroup>()
    const known = new Map<readonly Command[], readonly (GPUBindGroup | undefined)[]>()
    const bound: Bound = {
      buffers,
      groups: commands => {
        const before = known.get(commands)
        if (before !== undefined) return before
        const groups = commands.map(command =>
          command.kind === 'dispatch' ? this.#group(command, buffers, shared) : undefined,
        )
        if (this.kept) known.set(commands, groups)
        return groups
      },
    }
    const [oldest] = this.#sets.keys()
    if (this.#sets.size >= keptSets && oldest !== undefined) this.#sets.delete(oldest)
    this.#sets.set(key, bound)
    return bound
  }

  #resolve(inputs: readonly DeviceTensor[]): readonly GPUBuffer[] {
    const brought = new Map(this.artifact.inputs.map((decl, i) => [decl.buffer, inputs[i].buffer]))
    return this.buffers.map((own, i) => {
      const buffer = own ?? brought.get(i)
      if (buffer === undefined)
        throw internalError(`buffer ${i} of \`${this.artifact.name}\` belongs to no run`)
      return buffer
    })
  }

  #boundBytes(number: number): number {
    const { role, bytes } = this.artifact.buffers[number]
    return isScratch(role) ? bytes : Number.POSITIVE_INFINITY
  }

  #group(
    command: Extract<Command, { kind: 'dispatch' }>,
    buffers: readonly GPUBuffer[],
    shared: Map<string, GPUBindGroup>,
  ): GPUBindGroup {
    const kernel = this.artifact.kernels[command.kernel]
    const groups = command.buffers.every(i => this.buffers[i] !== undefined) ? this.#own : shared
    const parts = command.ranges.map(r => (r === undefined ? '' : `${r.offset}+${r.size}`))
    const key = `${kernel.bindings.join()} ${command.buffers.join()} ${parts.join()}`
    const known = groups.get(key)
    if (known !== undefined) return known
    const group = this.device.gpu.createBindGroup({
      layout: this.device.pipelines.storageLayout(kernel.bindings),
      entries: command.buffers.map((number, i) => ({
        binding: i,
        resource: resourceOf(buffers[number], this.#boundBytes(number), command.ranges[i]),
      })),
    })
    if (this.kept || command.ranges.every(r => r === undefined)) groups.set(key, group)
    return group
  }
}
