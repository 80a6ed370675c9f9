import { cast, constant, f32, prim, u32 } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { type CoreValue, scalar } from './value.js'

/**
 * Counter-based randomness: Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, SC 2011). The counter's first
 * word is the position, the second says what the bits are for, so that splitting a key and drawing from it
 * never meet.
 */
const purpose = { uniform: 0, split: 1, radius: 2, angle: 3, fold: 4 } as const

const word = (which: 0 | 1, key: readonly [Expr, Expr], counter: Expr, use: number): Expr =>
  prim(which === 0 ? 'threefry0' : 'threefry1', key[0], key[1], counter, u32(use))

const derived = (key: readonly [Expr, Expr], counter: Expr, use: number): CoreValue => ({
  kind: 'key',
  words: [word(0, key, counter, use), word(1, key, counter, use)],
})

/** `key(7)`. */
export const literalKey = (seed: Expr): CoreValue => ({
  kind: 'key',
  words: [cast('u32', seed), constant('u32', 0)],
})

export const splitKey = (key: readonly [Expr, Expr]): CoreValue => ({
  kind: 'tuple',
  items: [derived(key, u32(0), purpose.split), derived(key, u32(1), purpose.split)],
})

export const foldIn = (key: readonly [Expr, Expr], n: Expr): CoreValue =>
  derived(key, cast('u32', n), purpose.fold)

/**
 * 23 bits and a half: ((bits >> 9) + ½)·2⁻²³ is exact in f32 and lies strictly between 0 and 1, so every
 * device draws the same number.
 */
const unit = (bits: Expr): Expr =>
  prim('mul', prim('add', cast('f32', prim('shr', bits, u32(9))), f32(0.5)), f32(2 ** -23))

export const uniform = (key: readonly [Expr, Expr], position: Expr): CoreValue =>
  scalar(unit(word(0, key, cast('u32', position), purpose.uniform)))

/** Box and Muller: √(−2 ln u)·cos 2πv. The last bits depend on the device's logarithm and cosine. */
export const normal = (key: readonly [Expr, Expr], position: Expr): CoreValue => {
  const at = cast('u32', position)
  const u = unit(word(0, key, at, purpose.radius))
  const v = unit(word(0, key, at, purpose.angle))
  return scalar(
    prim(
      'mul',
      prim('sqrt', prim('mul', f32(-2), prim('log', u))),
      prim('cos', prim('mul', f32(2 * Math.PI), v)),
    ),
  )
}
