import type { InputSpec } from '../../../compiler/specialise/parameters.js'
import { random32 } from '../../data/random.js'
import type { HostTensor } from '../../engine/engine.js'

/**
 * A stream of random numbers for each name (FNV-1a), so that one input's values do not depend on the others.
 */
export const streamOf = (name: string): number => {
  let h = 0x811c9dc5
  for (const c of name) h = Math.imul(h ^ c.codePointAt(0)!, 0x01000193)
  return h >>> 0
}

/** Uniform in (0, 1). */
const uniform = (seed: number, stream: number, i: number): number =>
  (random32(seed, stream, i) + 0.5) / 2 ** 32

/** Standard normal, by Box and Muller. */
const normal = (seed: number, stream: number, i: number): number =>
  Math.sqrt(-2 * Math.log(uniform(seed, stream, 2 * i))) *
  Math.cos(2 * Math.PI * uniform(seed, stream, 2 * i + 1))

/** An input that was not given. */
export interface InventedInput {
  readonly spec: InputSpec
  readonly shape: readonly number[]
  /** The upper bound (exclusive) of the values, if the input holds indices. */
  readonly bound: number | undefined
  /**
   * With this, f32 values are drawn from N(0, 1/4), for derivatives; otherwise uniformly from (0.05, 0.95),
   * for weights and noise.
   */
  readonly spread: boolean
  readonly seed: number
}

/** Random values for an input, the same for the same name and seed. Indices are uniform below their bound. */
export const inventTensor = ({ spec, shape, bound, spread, seed }: InventedInput): HostTensor => {
  const stream = streamOf(spec.name)
  const value = (i: number): number => {
    if (spec.dtype === 'u32') return random32(seed, stream, i)
    if (spec.dtype === 'bool') return random32(seed, stream, i) & 1
    if (spec.dtype === 'i32') return Math.floor(uniform(seed, stream, i) * (bound ?? 4))
    return Math.fround(spread ? 0.5 * normal(seed, stream, i) : 0.05 + 0.9 * uniform(seed, stream, i))
  }
  const length = shape.reduce((a, b) => a * b, 1)
  const data = Float64Array.from({ length }, (_, i) => value(i))
  return { dtype: spec.dtype, shape, data }
}
