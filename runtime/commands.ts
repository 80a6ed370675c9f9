import type { Artifact, Slice, Step } from '../compiler/artifact.js'
import { DeviceError, internalError } from './errors.js'

/** A part of a buffer, in bytes; it ends with the buffer, if that ends before. */
export interface BoundRange {
  readonly offset: number
  readonly size: number
}

/** A step with its loops unrolled. `slot` is where in the table of loop indices this dispatch finds its own. */
export type Command =
  | {
      readonly kind: 'dispatch'
      readonly kernel: number
      readonly buffers: readonly number[]
      /** In bytes; undefined for a whole buffer. */
      readonly ranges: readonly (BoundRange | undefined)[]
      readonly workgroups: readonly [number, number, number]
      readonly slot: number | undefined
    }
  | Extract<Step, { kind: 'copy' }>

/** All commands of a run in order, and the rows of loop indices (four numbers each) that they refer to. */
export interface Program {
  readonly commands: readonly Command[]
  readonly slots: readonly (readonly number[])[]
}

const deepest = 4

const rangeOf = (slice: Slice | undefined, indices: readonly number[]): BoundRange | undefined =>
  slice && {
    offset: slice.strides.reduce((sum, stride, i) => sum + stride * indices[i]!, slice.offset),
    size: slice.size,
  }

/** Unrolls the artifact's loops. Throws a `DeviceError` if they are too deep, an internal one if the artifact contradicts itself. */
export const unroll = (artifact: Artifact): Program => {
  const commands: Command[] = []
  const slots: (readonly number[])[] = []
  const known = new Map<string, number>()

  const slotOf = (indices: readonly number[]): number => {
    const key = indices.join()
    const found = known.get(key)
    if (found !== undefined) return found
    known.set(key, slots.length)
    slots.push(indices)
    return slots.length - 1
  }

  const add = (step: Step, indices: readonly number[]): void => {
    if (step.kind === 'loop') {
      if (indices.length === deepest)
        throw new DeviceError('too-small', {
          what: `\`${artifact.name}\` has folds within folds, more than ${deepest} deep`,
          why: `A kernel is told the indices of ${deepest} loops at most.`,
          hint: 'Fold over fewer indices: two loops of N and M turns are one of N · M.',
        })
      for (let i = 0; i < step.count; i++) {
        const index = step.direction === 'up' ? i : step.count - 1 - i
        for (const inner of step.steps) add(inner, [...indices, index])
      }
    } else if (step.kind === 'copy') {
      if (step.from === step.to) throw internalError(`\`${artifact.name}\` copies within one buffer`)
      commands.push(step)
    } else {
      const kernel = artifact.kernels[step.kernel]
      if (
        kernel === undefined ||
        kernel.bindings.length !== step.buffers.length ||
        kernel.loops > indices.length
      ) {
        throw internalError(`\`${artifact.name}\` dispatches kernel ${step.kernel} other than it is declared`)
      }
      const { kernel: number, buffers, slices, workgroups } = step
      if (workgroups.includes(0)) return
      const slot = kernel.loops === 0 ? undefined : slotOf(indices)
      const ranges = buffers.map((_, i) => rangeOf(slices?.[i] ?? undefined, indices))
      commands.push({ kind: 'dispatch', kernel: number, buffers, ranges, workgroups, slot })
    }
  }

  for (const step of artifact.steps) add(step, [])
  return { commands, slots }
}
