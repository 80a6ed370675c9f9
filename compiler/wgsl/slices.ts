import type { Region } from '../ir/ir.js'
import { bytesOf } from '../ir/packing.js'
import type { Storage } from '../plan/placement.js'
import {
  type Affine,
  affineAdd,
  affineAxis,
  affineConstant,
  affineRange,
  affineScale,
  coefficientOf,
  restDependsOn,
} from '../schedule/affine.js'

/** The part of a buffer that a dispatch binds. */
export interface Slice {
  /** In bytes: where it begins in the loops' first iterations, and how much further on for each index of each loop, outermost first. */
  readonly offset: number
  readonly strides: readonly number[]
  /** In bytes; less where the buffer ends. */
  readonly size: number
}

/** Elements that all of a kernel's addresses in a buffer have before them, and how many there are behind that, if it is known. */
export interface Base {
  readonly before: Affine
  readonly elements: number | undefined
}

const elementBytes = (s: Storage): number => (s.packing === undefined ? 4 : 2)

/**
 * Where a kernel's part of a buffer begins, if all its addresses move alike with the loops around it: the slot of a layer, say. Bound at that offset, the kernel
 * is the same in every loop and outside, and may lie in a buffer that is larger than a binding may be. Undefined where there is nothing to gain, or
 * offsets are not multiples of `alignment` bytes.
 */
export const baseOf = (
  storage: Storage,
  addresses: readonly Affine[],
  loops: readonly Region[],
  alignment: number,
): Base | undefined => {
  // The scales of q8 lie behind all elements.
  if (storage.packing === 'q8') return undefined
  const axes = loops.map(r => r.axis).filter(a => a.extent > 1)
  const moves = (a: Affine): Affine =>
    axes.reduce((sum, x) => affineAdd(sum, affineAxis(x, coefficientOf(a, x.id))), affineConstant(0))
  const [first] = addresses
  const alike = addresses.every(
    a =>
      axes.every(x => coefficientOf(a, x.id) === coefficientOf(first!, x.id) && !restDependsOn(a, x.id)) &&
      [...a.terms.values()].every(t => t.coefficient > 0),
  )
  if (first === undefined || !alike) return undefined
  const shared = moves(first)
  const rests = addresses.map(a => affineRange(affineAdd(a, affineScale(shared, -1))))
  const unit = alignment / elementBytes(storage)
  const steps = [...shared.terms.values()].map(t => t.coefficient)
  if (steps.some(c => c % unit !== 0)) return undefined
  const grid = steps.length === 0 ? unit : Math.min(...steps)
  const low = Math.min(...rests.map(r => r?.[0] ?? 0))
  const constant = Math.max(0, Math.floor(low / grid) * grid)
  if (steps.length === 0 && constant === 0) return undefined
  const high = Math.max(...rests.map(r => r?.[1] ?? Number.POSITIVE_INFINITY))
  const slot = slotElements(storage, shared, axes) ?? Number.POSITIVE_INFINITY
  // A carry's `next` is a slot further on than what it is made of.
  const slots = addresses.map(a => Math.floor(a.constant / grid))
  const most = Math.min(high + 1 - constant, slot * (Math.max(...slots) - constant / grid + 1))
  return {
    before: affineAdd(shared, affineConstant(constant)),
    elements: Number.isFinite(most) ? most : undefined,
  }
}

/** The elements of an iteration's slot, where the loops' indices come first in the buffer: a carry has a slot more than its loop has turns. */
const slotElements = (
  storage: Storage,
  shared: Affine,
  axes: readonly Region['axis'][],
): number | undefined => {
  let around = storage.elements
  for (const axis of axes) {
    const step = coefficientOf(shared, axis.id)
    if (step === 0) continue
    const slots = around / step
    if (slots !== axis.extent && slots !== axis.extent + 1) return undefined
    around = step
  }
  return around === storage.elements ? undefined : around
}

/** A base in bytes, as the runtime binds it. */
export const sliceOf = (storage: Storage, base: Base, loops: readonly Region[]): Slice => {
  const bytes = elementBytes(storage)
  const whole = bytesOf(storage.elements, storage.packing)
  return {
    offset: base.before.constant * bytes,
    strides: loops.map(r => coefficientOf(base.before, r.axis.id) * bytes),
    size: base.elements === undefined ? whole : Math.ceil((base.elements * bytes) / 16) * 16,
  }
}

/** Kernels count elements by i32, from the first that is bound. */
export const mostElements = 2 ** 31 - 1

/** How many elements of a buffer a kernel can reach, and has to count, that binds this part of it. */
export const elementsBound = (storage: Storage, slice: Slice | undefined): number =>
  slice === undefined ? storage.elements : Math.min(storage.elements, slice.size / elementBytes(storage))
