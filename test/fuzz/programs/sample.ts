import type { Choices } from './choices.js'

/** An input of a program. Values are of the order of one, unless the input has its own. */
export interface SampleInput {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** A random program: a module with `main`, whose result is a tuple. */
export interface Sample {
  readonly text: string
  readonly inputs: readonly SampleInput[]
  /**
   * The parameter by which output 1 is the derivative of output 0, where that can be told from differences.
   */
  readonly smoothBy?: string
}

export type Generator = (c: Choices) => Sample

const shapeOf = (type: string): readonly number[] =>
  [...type.replace(/^idx\[\d+\]/, '').matchAll(/\[([^\]]*)\]/g)].flatMap(m => m[1]!.split(',').map(Number))

/** An input with values of its type drawn from the choices' own numbers. */
export const drawn = (name: string, type: string, c: Choices, value: (c: Choices) => number): SampleInput => {
  const shape = shapeOf(type)
  // Few choices, many values: choices are what is shrunk.
  const few = Array.from({ length: 7 }, () => value(c))
  const size = shape.reduce((a, b) => a * b, 1)
  return { name, type, shape, values: Array.from({ length: size }, (_, i) => few[(i * i + 3 * i) % 7]!) }
}

/** Multiples of 1/64 between -2 and 2. */
export const number = (c: Choices): number => {
  const n = c.below(257)
  return (n % 2 === 0 ? n / 2 : -(n + 1) / 2) / 64
}

export const indexBelow =
  (bound: number) =>
  (c: Choices): number =>
    c.below(bound)

/** Extents that lie at the edges of what schedules do. */
export const extent = (c: Choices, most = 131): number =>
  c.one([1, 2, 3, 4, 5, 8, 7, 16, 31, 64, 0, 67, 131].filter(n => n <= most))
