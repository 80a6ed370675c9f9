/**
 * Binding a part of a buffer. A kernel in a loop often uses one slot of a tensor, such as a layer's weights.
 * Bound at the slot's offset, the kernel's text is the same for all layers, and the tensor may be larger than
 * a binding. A part that is still too large is bound several times, as *windows* side by side.
 */
import { type Affine, affineConstant, affineRange, coefficientOf } from '../affine/affine.js'
import { affineAdd } from '../affine/affine-of.js'
import type { DeviceTraits, Slice } from '../artifact.js'
import type { Region } from '../ir/ir.js'
import { bytesOf, isScattered } from '../ir/packing.js'
import type { Storage } from '../kernel/placement.js'
import type { Access } from './accesses.js'
import { largestI32 } from './block.js'

/**
 * The start of the bound part: the elements of the buffer before it, and the elements behind it that the
 * kernel uses.
 */
export interface BindingBase {
  readonly before: Affine
  readonly elements: number
  /**
   * Bytes of each binding but the last, where the part is larger than a binding. See
   * {@link splitIntoWindows}.
   */
  readonly window?: number
}

const elementBytes = (s: Storage): number => (s.packing === undefined ? 4 : 2)

/**
 * The start of a kernel's part of a buffer, if all of its accesses move in the same way with the loops around
 * it. Undefined where the whole buffer is bound: nothing would be gained, offsets are not multiples of the
 * device's alignment, or some iteration's part would begin outside the buffer.
 */
export const bindingBaseOf = (
  storage: Storage,
  accesses: readonly Access[],
  loops: readonly Region[],
  traits: Pick<DeviceTraits, 'bindingAlignment' | 'bindingBytes'>,
): BindingBase | undefined => {
  if (isScattered(storage.packing)) return undefined
  const moves = accesses[0]?.moves
  if (moves === undefined) return undefined
  const steps = loops.map(r => coefficientOf(moves, r.axis.id))
  const alike = accesses.every(
    a => a.moves !== undefined && loops.every((r, i) => coefficientOf(a.moves!, r.axis.id) === steps[i]),
  )
  const bytes = elementBytes(storage)
  const unit = traits.bindingAlignment / bytes
  if (!alike || steps.some(c => c < 0 || c % unit !== 0)) return undefined
  const low = Math.min(...accesses.map(a => a.low))
  const high = Math.max(...accesses.map(a => a.high))
  const furthest = affineRange(moves)![1]
  const from = (grid: number): number =>
    Math.floor(Math.min(low, storage.elements - 1 - furthest) / grid) * grid
  const slots = steps.filter(c => c > 0)
  const whole = bytesOf(storage.elements, storage.packing)
  const turns = loops.reduce((n, r, i) => (steps[i] === 0 ? n : n * r.axis.extent), 1)
  if (turns > mostBound && whole <= traits.bindingBytes) return undefined
  const fits = (constant: number): boolean => (high + 1 - constant) * bytes <= traits.bindingBytes
  const coarse = from(slots.length === 0 ? unit : Math.min(...slots))
  const constant = fits(coarse) ? coarse : from(unit)
  if (constant < 0) return undefined
  if (slots.length === 0 && constant === 0 && whole <= traits.bindingBytes) return undefined
  return {
    before: affineAdd(moves, affineConstant(constant)),
    elements: Math.max(1, Math.min(high + 1, storage.elements) - constant),
  }
}

/**
 * The runtime creates an object for each bound part. In loops with more iterations than this, telling the
 * kernel the loop's index costs less.
 */
const mostBound = 4096

/** Bytes of a storage in its buffer, a multiple of 16: the size of the largest vector. */
export const storageBytes = ({ elements, packing }: Storage): number =>
  Math.max(16, Math.ceil(bytesOf(elements, packing) / 16) * 16)

/**
 * Bytes of the elements behind a base that a kernel uses. With q8 that is the whole, since scales lie behind
 * all elements.
 */
const usedBytes = (storage: Storage, { elements }: BindingBase): number =>
  isScattered(storage.packing)
    ? storageBytes(storage)
    : Math.ceil((elements * elementBytes(storage)) / 16) * 16

/**
 * The part of a buffer that a kernel binds: the base's part, or undefined for the whole in one binding. A
 * part that is larger than a binding is bound as windows, all of `window` bytes but the last;
 * `buffer-access.ts` writes the choice of the window. A device whose bindings are smaller than the alignment
 * of offsets gets one binding, and the runtime refuses the artifact.
 */
export const splitIntoWindows = (
  storage: Storage,
  base: BindingBase | undefined,
  { bindingAlignment, bindingBytes }: Pick<DeviceTraits, 'bindingAlignment' | 'bindingBytes'>,
): BindingBase | undefined => {
  const unit = Math.max(16, bindingAlignment)
  const window = Math.floor(bindingBytes / unit) * unit
  const whole = { before: affineConstant(0), elements: storage.elements }
  const part = base ?? whole
  const bytes = usedBytes(storage, part)
  if (bytes <= bindingBytes || window === 0) return base
  const begin = affineRange(part.before)![1] * elementBytes(storage)
  const last = begin + (Math.ceil(bytes / window) - 1) * window
  // The last iteration's part may be cut off at the buffer's end, and no window may begin behind it.
  return { ...(last < storageBytes(storage) ? part : whole), window }
}

/** A base in bytes, as the runtime binds it: one slice, or the windows one after another. */
export const slicesOf = (storage: Storage, base: BindingBase, loops: readonly Region[]): readonly Slice[] => {
  const bytes = elementBytes(storage)
  const offset = base.before.constant * bytes
  const strides = loops.map(r => coefficientOf(base.before, r.axis.id) * bytes)
  const all = usedBytes(storage, base)
  const { window = all } = base
  return [...Array(countWindows(storage, base)).keys()].map(i => ({
    offset: offset + i * window,
    strides,
    size: Math.min(window, all - i * window),
  }))
}

/** The number of bindings that a kernel needs for its part of a buffer. */
export const countWindows = (storage: Storage, base: BindingBase | undefined): number =>
  base?.window === undefined ? 1 : Math.ceil(usedBytes(storage, base) / base.window)

/** The most elements that a kernel can address: it counts them by i32, from the first that is bound. */
export const mostElements = largestI32

/**
 * The number of elements that a kernel must be able to address, if it binds these parts of a buffer, or the
 * whole.
 */
export const elementsBound = (storage: Storage, slices: readonly (Slice | undefined)[]): number => {
  if (isScattered(storage.packing) || slices.includes(undefined)) return storage.elements
  const bytes = slices.reduce((sum, slice) => sum + slice!.size, 0)
  return Math.min(storage.elements, bytes / elementBytes(storage))
}
