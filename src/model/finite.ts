import { UserError } from '../errors/user-error.js'
import type { Checkpoint, StoredTensor } from '../safetensors/checkpoint.js'

/**
 * The index of the first number that is infinite or not a number; −1 if there is none. By the bits: all of an
 * exponent's are set.
 */
const firstNotFinite = (bytes: Uint8Array, dtype: StoredTensor['dtype']): number => {
  const { buffer, byteOffset, byteLength } = bytes
  const aligned = byteOffset % 4 === 0 ? bytes : bytes.slice()
  if (dtype === 'F32') {
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, byteLength >> 2)
    for (let i = 0; i < words.length; i++) if ((words[i]! & 0x7f800000) === 0x7f800000) return i
    return -1
  }
  const exponent = dtype === 'F16' ? 0x7c00 : dtype === 'BF16' ? 0x7f80 : undefined
  if (exponent === undefined) return -1
  const halves = byteOffset % 2 === 0 ? new Uint16Array(buffer, byteOffset, byteLength >> 1) : undefined
  const all = halves ?? new Uint16Array(aligned.buffer, 0, byteLength >> 1)
  for (let i = 0; i < all.length; i++) if ((all[i]! & exponent) === exponent) return i
  return -1
}

/** The source of numbers: a tensor, and the position of the first in it. */
export interface Origin {
  readonly checkpoint: Checkpoint
  readonly name: string
  readonly at: number
}

/**
 * Refuses numbers of a checkpoint's tensor that are infinite or not a number, since all results would be
 * meaningless. Takes stored bytes, or values converted to f32.
 */
export const requireFinite = (
  bytes: Uint8Array,
  dtype: StoredTensor['dtype'],
  { checkpoint, name, at }: Origin,
): void => {
  const wrong = firstNotFinite(bytes, dtype)
  if (wrong < 0) return
  const { shape, file } = checkpoint.tensors.get(name)!
  let rest = at + wrong
  const index = shape.toReversed().map(n => {
    const digit = rest % n
    rest = Math.floor(rest / n)
    return digit
  })
  throw new UserError({
    what: `the tensor ${name} holds numbers that are infinite or not a number`,
    where: file,
    why: `the first is at [${index.toReversed().join(', ')}]`,
    hint:
      'fetch the checkpoint again, or take one that was trained without overflow; --allow ' +
      `${name} takes it as it is`,
  })
}
