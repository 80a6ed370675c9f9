import type { Artifact, Count, Slice, Step } from '../compiler/artifact.js'
import { DeviceError, internalError } from './errors.js'

/** A part of a buffer, in bytes; it ends with the buffer, if that ends before. */
export interface BoundRange {
  readonly offset: number
  readonly size: number
}

/** A step with its loops unrolled. `slot` is the row of this dispatch in the table of loop indices. */
export type Command =
  | {
      readonly kind: 'dispatch'
      readonly kernel: number
      readonly buffers: readonly number[]
      /** In bytes; undefined for a whole buffer. */
      readonly ranges: readonly (BoundRange | undefined)[]
      readonly workgroups: readonly [number, number, number]
      /** The number of workgroups, where open sizes decide it; `workgroups` is the grid for the most. */
      readonly count?: Count
      readonly slot: number | undefined
    }
  | Extract<Step, { kind: 'copy' }>

/**
 * Commands that are submitted together, and the rows of loop indices (four numbers each) that they refer to.
 */
export interface Part {
  readonly commands: readonly Command[]
  readonly slots: readonly (readonly number[])[]
}

/**
 * The most commands of one part. A driver may hold a resource for each dispatch until a submission ends:
 * llvmpipe holds a memory mapping, and a process may have about 65,000 of them.
 */
const partCommands = 8192

/**
 * The most parts that are kept between runs. Each run of a longer program unrolls it again, so that it takes
 * no more memory than this.
 */
const keptParts = 4

/** An artifact's loops unrolled, part by part. */
export interface Program {
  /** The most rows of loop indices of a part. */
  readonly mostSlots: number
  /** All parts, if there are few enough to keep. */
  readonly kept: readonly Part[] | undefined
  readonly parts: () => Iterable<Part>
}

const deepest = 4

const rangeOf = (slice: Slice | undefined, indices: readonly number[]): BoundRange | undefined =>
  slice && {
    offset: slice.strides.reduce((sum, stride, i) => sum + stride * indices[i]!, slice.offset),
    size: slice.size,
  }

/** Commands of some steps with their loops unrolled. */
const countOf = (steps: readonly Step[]): number =>
  steps.reduce((n, s) => n + (s.kind === 'loop' ? s.count * countOf(s.steps) : 1), 0)

/**
 * Unrolls the artifact's loops. Throws a `DeviceError` if they are too deep, an internal one if the artifact
 * contradicts itself.
 */
export const unroll = (artifact: Artifact): Program => {
  checkSteps(artifact, artifact.steps, 0)
  const parts = (): Iterable<Part> => partsOf(artifact, partCommands)
  const count = countOf(artifact.steps)
  if (count > partCommands * keptParts) return { mostSlots: partCommands, kept: undefined, parts }
  const kept = [...parts()]
  return { mostSlots: Math.max(0, ...kept.map(p => p.slots.length)), kept, parts: () => kept }
}

/** All commands as one part, without a limit. */
export const onePart = (artifact: Artifact): Part =>
  [...partsOf(artifact, Number.POSITIVE_INFINITY)][0] ?? { commands: [], slots: [] }

const checkSteps = (artifact: Artifact, steps: readonly Step[], depth: number): void => {
  for (const step of steps) {
    if (step.kind === 'loop') {
      if (depth === deepest)
        throw new DeviceError('too-small', {
          what: `\`${artifact.name}\` has folds within folds, more than ${deepest} deep`,
          why: `A kernel is told the indices of ${deepest} loops at most.`,
          hint: 'Fold over fewer indices: two loops of N and M turns are one of N · M.',
        })
      checkSteps(artifact, step.steps, depth + 1)
    } else if (step.kind === 'copy') {
      if (step.from === step.to) throw internalError(`\`${artifact.name}\` copies within one buffer`)
    } else {
      const kernel = artifact.kernels[step.kernel]
      if (kernel === undefined || kernel.bindings.length !== step.buffers.length || kernel.loops > depth) {
        throw internalError(`\`${artifact.name}\` dispatches kernel ${step.kernel} other than it is declared`)
      }
    }
  }
}

/** The steps one by one, each with the indices of its enclosing loops. */
function* turnsOf(
  steps: readonly Step[],
  indices: readonly number[],
): Generator<{ readonly step: Exclude<Step, { kind: 'loop' }>; readonly indices: readonly number[] }> {
  for (const step of steps) {
    if (step.kind !== 'loop') yield { step, indices }
    else
      for (let i = 0; i < step.count; i++) {
        const index = step.direction === 'up' ? i : step.count - 1 - i
        yield* turnsOf(step.steps, [...indices, index])
      }
  }
}

function* partsOf(artifact: Artifact, most: number): Generator<Part> {
  let commands: Command[] = []
  let slots: (readonly number[])[] = []
  let known = new Map<string, number>()

  const slotOf = (indices: readonly number[]): number => {
    const key = indices.join()
    const found = known.get(key)
    if (found !== undefined) return found
    known.set(key, slots.length)
    slots.push(indices)
    return slots.length - 1
  }

  for (const { step, indices } of turnsOf(artifact.steps, [])) {
    if (step.kind === 'copy') commands.push(step)
    else {
      const { kernel: number, buffers, slices, workgroups, count } = step
      if (workgroups.includes(0)) continue
      const slot = artifact.kernels[number]!.loops === 0 ? undefined : slotOf(indices)
      const ranges = buffers.map((_, i) => rangeOf(slices?.[i] ?? undefined, indices))
      const open = count === undefined ? {} : { count }
      commands.push({ kind: 'dispatch', kernel: number, buffers, ranges, workgroups, ...open, slot })
    }
    if (commands.length < most) continue
    yield { commands, slots }
    commands = []
    slots = []
    known = new Map()
  }
  if (commands.length > 0) yield { commands, slots }
}
