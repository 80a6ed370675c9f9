import type { DType } from '../artifact.js'
import type { Expr } from './ir.js'
import { threefry } from './special.js'

/** All there is to know about a primitive. */
export interface Prim {
  readonly arity: number
  /** The type error of these arguments for this result type; undefined if they fit. */
  readonly check: (args: readonly DType[], dtype: DType) => string | undefined
  /** The value: f32 in float64 arithmetic, i32 and u32 wrapping around, bool as 0 or 1. */
  readonly evaluate: (args: readonly number[], dtype: DType, argDtypes: readonly DType[]) => number
  /** The partial derivative by each argument, undefined where it is 0. `result` is the application itself. */
  readonly derivative?: (args: readonly Expr[], result: Expr) => readonly (Expr | undefined)[]
  /**
   * The WGSL of an application; arguments come parenthesised or atomic, and may occur twice in the result
   * only where they are cheap. `natural` says that integer arguments are known not to be negative, and the
   * last not to be 0.
   */
  readonly wgsl: (
    args: readonly string[],
    dtype: DType,
    argDtypes: readonly DType[],
    natural?: boolean,
  ) => string
  /** The helpers that `wgsl` may call for this type. */
  readonly helpers?: (dtype: DType) => readonly string[]
}

/** Same type for all arguments and the result, one of those given. */
export const sameTypes =
  (...allowed: readonly DType[]) =>
  (args: readonly DType[], dtype: DType): string | undefined =>
    !allowed.includes(args[0]!)
      ? `wants ${allowed.join(' or ')}, has ${args[0]}`
      : args.some(a => a !== args[0])
        ? `wants arguments of one type, has ${args.join(', ')}`
        : dtype === args[0]
          ? undefined
          : `gives ${args[0]}, is marked ${dtype}`

export const givesBool =
  (...allowed: readonly DType[]) =>
  (args: readonly DType[], dtype: DType): string | undefined =>
    sameTypes(...allowed)(args, args[0]!) ?? (dtype === 'bool' ? undefined : `gives bool, is marked ${dtype}`)

export const realArguments = sameTypes('f32')
export const numericArguments = sameTypes('f32', 'i32', 'u32')
export const integerArguments = sameTypes('i32', 'u32')

export const realFunction = (
  f: (x: number) => number,
  derivative: (x: Expr, y: Expr) => Expr | undefined,
  wgsl: (x: string) => string,
  helpers?: readonly string[],
): Prim => ({
  arity: 1,
  check: realArguments,
  evaluate: ([x]) => f(x!),
  derivative: ([x], y) => [derivative(x!, y)],
  wgsl: ([x]) => wgsl(x!),
  ...(helpers ? { helpers: () => helpers } : {}),
})

export const comparison = (f: (a: number, b: number) => boolean, sign: string, alsoBool = false): Prim => ({
  arity: 2,
  check: alsoBool ? givesBool('f32', 'i32', 'u32', 'bool') : givesBool('f32', 'i32', 'u32'),
  evaluate: ([a, b]) => (f(a!, b!) ? 1 : 0),
  wgsl: ([a, b]) => `(${a} ${sign} ${b})`,
})

export const threefryWord = (word: 0 | 1): Prim => ({
  arity: 4,
  check: sameTypes('u32'),
  evaluate: ([k0, k1, c0, c1]) => threefry(k0!, k1!, c0!, c1!)[word],
  wgsl: args => `threefry(${args.join(', ')}).${word === 0 ? 'x' : 'y'}`,
  helpers: () => ['threefry'],
})
