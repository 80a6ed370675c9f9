import type { CoreOp } from '../core/core.js'
import type { Type } from '../core/type.js'
import { typeF32, typeI32, typeU32 } from './basic-types.js'

/** Functions of one `f32`. */
const floatFunctions: readonly CoreOp[] = [
  'exp',
  'expm1',
  'log',
  'log1p',
  'sqrt',
  'rsqrt',
  'sin',
  'cos',
  'tan',
  'tanh',
  'sigmoid',
  'floor',
  'round',
  'erf',
]

/** Functions of one number, which may be an integer too. */
const numberFunctions: readonly CoreOp[] = ['abs', 'sign']
export const takesIntegers = (op: CoreOp): boolean => numberFunctions.includes(op)

export const unaryBuiltins: ReadonlyMap<string, CoreOp> = new Map(
  [...floatFunctions, ...numberFunctions].map(n => [n, n]),
)

export const binaryBuiltins: ReadonlyMap<string, CoreOp> = new Map([
  ['maximum', 'max'],
  ['minimum', 'min'],
  ['div', 'idiv'],
  ['atan2', 'atan2'],
])

export const conversions: ReadonlyMap<string, Type> = new Map([
  ['f32', typeF32],
  ['i32', typeI32],
  ['u32', typeU32],
])

/** How each of the other built-in functions is called. */
const forms: ReadonlyMap<string, string> = new Map([
  ['map', 'map(f, a, b, …)'],
  ['total', 'total(f, a, b, …)'],
  ['zeros_like', 'zeros_like(a)'],
  ['key', 'key(7)'],
  ['split', 'split(key)'],
  ['fold_in', 'fold_in(key, n)'],
  ['uniform', 'uniform(key, (i, j))'],
  ['normal', 'normal(key, (i, j))'],
  ['stop', 'stop(x)'],
  ['grad', 'grad(f)(x)'],
  ['value_and_grad', 'value_and_grad(f)(x)'],
])

const argumentCounts: ReadonlyMap<string, number> = new Map([
  ['zeros_like', 1],
  ['key', 1],
  ['split', 1],
  ['fold_in', 2],
  ['uniform', 2],
  ['normal', 2],
  ['stop', 1],
])

/** All built-in names. */
export const builtinNames: readonly string[] = [
  ...unaryBuiltins.keys(),
  ...binaryBuiltins.keys(),
  ...conversions.keys(),
  ...forms.keys(),
  'inf',
]

export const isBuiltin = (text: string): boolean => builtinNames.includes(text)

/**
 * How many arguments a built-in function takes; undefined for a function that takes another and several
 * values.
 */
export const builtinArity = (name: string): number | undefined =>
  unaryBuiltins.has(name) || conversions.has(name)
    ? 1
    : binaryBuiltins.has(name)
      ? 2
      : argumentCounts.get(name)

/** How a built-in function is called, for hints. */
export const builtinForm = (name: string): string =>
  forms.get(name) ?? `${name}(${binaryBuiltins.has(name) ? 'a, b' : 'x'})`
