import type { DType } from '../artifact.js'
import { angleDerivative, powerDerivative } from './binary-derivatives.js'
import { f32, prim } from './expr.js'
import type { Expr, PrimOp } from './ir.js'
import {
  comparison,
  givesBool,
  integerArguments,
  numericArguments,
  type Prim,
  realArguments,
  realFunction,
  sameTypes,
  threefryWord,
} from './prim.js'
import { convert, roundToEven, sigmoid, wholePower, wrap } from './prim-values.js'
import { erf, realMod } from './special.js'

export { helpers, wgslLiteral } from './wgsl-helpers.js'

const one = f32(1)
const half = f32(0.5)
const zero = f32(0)

/** 1 where the condition holds, 0 elsewhere. */
const indicator = (condition: Expr): Expr => prim('select', condition, one, zero)
const otherwise = (condition: Expr): Expr => prim('select', condition, zero, one)

const signs: Partial<Record<DType, string>> = { f32: 'real_sign', u32: 'uint_sign' }
const literalValue = (text: string): number | undefined =>
  /^\(?-?\d[\d.]*(e[+-]?\d+)?f?\)?$/.test(text) ? Number.parseFloat(text.replace('(', '')) : undefined

const powerOfTwo = (text: string): number | undefined => {
  const n = /^\d+u?$/.test(text) ? Number.parseInt(text, 10) : 0
  return n > 0 && Number.isInteger(Math.log2(n)) ? n : undefined
}

/**
 * Every primitive of the tensor IR. `min` and `max` give the whole derivative of a tie to the first
 * argument.
 */
export const prims: Readonly<Record<PrimOp, Prim>> = {
  add: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b], t) => wrap(a! + b!, t),
    derivative: () => [one, one],
    wgsl: ([a, b]) => `(${a} + ${b})`,
  },
  sub: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b], t) => wrap(a! - b!, t),
    derivative: () => [one, f32(-1)],
    wgsl: ([a, b]) => `(${a} - ${b})`,
  },
  mul: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b], t) => (t === 'f32' ? a! * b! : wrap(Math.imul(a!, b!), t)),
    derivative: ([a, b]) => [b, a],
    wgsl: ([a, b]) => `(${a} * ${b})`,
  },
  div: {
    arity: 2,
    check: realArguments,
    evaluate: ([a, b]) => a! / b!,
    derivative: ([, b], y) => [prim('div', one, b!), prim('neg', prim('div', y, b!))],
    wgsl: ([a, b]) => `(${a} / ${b})`,
  },
  /** The quotient rounded down; by 0 it is 0. */
  idiv: {
    arity: 2,
    check: integerArguments,
    evaluate: ([a, b], t) => (b === 0 ? 0 : wrap(Math.floor(a! / b!), t)),
    wgsl: ([a, b], t, _, natural) => {
      const n = powerOfTwo(b!)
      if (n !== undefined) return `(${a} >> ${Math.log2(n)}u)`
      return natural ? `(${a} / ${b})` : `${t === 'u32' ? 'uint_div' : 'floor_div'}(${a}, ${b})`
    },
    helpers: t => [t === 'u32' ? 'uint_div' : 'floor_div'],
  },
  /** The remainder of the quotient rounded down; it has the sign of the divisor. */
  mod: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b], t) => (t === 'f32' ? realMod(a!, b!) : b === 0 ? 0 : wrap(realMod(a!, b!), t)),
    // The quotient rounded down, found from what it leaves, so that the two agree.
    derivative: ([a, b], y) => [one, prim('neg', prim('div', prim('sub', a!, y), b!))],
    wgsl: ([a, b], t, _, natural) => {
      if (t === 'f32') return `real_mod(${a}, ${b})`
      const n = powerOfTwo(b!)
      if (n !== undefined) return `(${a} & ${n - 1}${t === 'u32' ? 'u' : ''})`
      return natural ? `(${a} % ${b})` : `${t === 'u32' ? 'uint_mod' : 'floor_mod'}(${a}, ${b})`
    },
    helpers: t => [t === 'f32' ? 'real_mod' : t === 'u32' ? 'uint_mod' : 'floor_mod'],
  },
  /** A power of integers with a negative exponent is 0. */
  pow: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b], t) => (t === 'f32' ? a! ** b! : wholePower(a!, b!, t)),
    derivative: powerDerivative,
    wgsl: ([a, b], t) => {
      const n = literalValue(b!)
      if (n === 1) return a!
      if (n === 2) return `(${a} * ${a})`
      if (n === 3) return `(${a} * ${a} * ${a})`
      return `${t === 'f32' ? 'real_pow' : t === 'i32' ? 'int_pow' : 'uint_pow'}(${a}, ${b})`
    },
    helpers: t => [t === 'f32' ? 'real_pow' : t === 'i32' ? 'int_pow' : 'uint_pow'],
  },
  neg: {
    arity: 1,
    check: numericArguments,
    evaluate: ([a], t) => wrap(-a!, t),
    derivative: () => [f32(-1)],
    wgsl: ([a], t) => (t === 'u32' ? `(0u - ${a})` : `(-${a})`),
  },
  min: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b]) => Math.min(a!, b!),
    derivative: ([a, b]) => {
      const first = prim('le', a!, b!)
      return [indicator(first), otherwise(first)]
    },
    wgsl: ([a, b], t) => `${t === 'f32' ? 'real_' : ''}min(${a}, ${b})`,
    helpers: t => (t === 'f32' ? ['real_min'] : []),
  },
  max: {
    arity: 2,
    check: numericArguments,
    evaluate: ([a, b]) => Math.max(a!, b!),
    derivative: ([a, b]) => {
      const first = prim('ge', a!, b!)
      return [indicator(first), otherwise(first)]
    },
    wgsl: ([a, b], t) => `${t === 'f32' ? 'real_' : ''}max(${a}, ${b})`,
    helpers: t => (t === 'f32' ? ['real_max'] : []),
  },
  abs: {
    arity: 1,
    check: numericArguments,
    evaluate: ([a], t) => wrap(Math.abs(a!), t),
    derivative: ([a]) => [prim('sign', a!)],
    wgsl: ([a]) => `abs(${a})`,
  },
  sign: {
    arity: 1,
    check: numericArguments,
    evaluate: ([a]) => Math.sign(a!),
    derivative: () => [undefined],
    wgsl: ([a], t) => `${signs[t] ?? 'sign'}(${a})`,
    helpers: t => (signs[t] === undefined ? [] : [signs[t]]),
  },
  exp: realFunction(
    Math.exp,
    (_, y) => y,
    x => `exp(${x})`,
  ),
  log: realFunction(
    Math.log,
    x => prim('div', one, x),
    x => `real_log(${x})`,
    ['real_log'],
  ),
  /** eˣ − 1, with all digits near 0. */
  expm1: realFunction(
    Math.expm1,
    (_, y) => prim('add', y, one),
    x => `exp_minus_one(${x})`,
    ['exp_minus_one'],
  ),
  /** log (1 + x), with all digits near 0. */
  log1p: realFunction(
    Math.log1p,
    x => prim('div', one, prim('add', x, one)),
    x => `log_one_plus(${x})`,
    ['log_one_plus'],
  ),
  sqrt: realFunction(
    Math.sqrt,
    (_, y) => prim('div', half, y),
    x => `real_sqrt(${x})`,
    ['real_sqrt'],
  ),
  rsqrt: realFunction(
    x => 1 / Math.sqrt(x),
    (_, y) => prim('mul', f32(-0.5), prim('mul', y, prim('mul', y, y))),
    x => `inverseSqrt(${x})`,
  ),
  sin: realFunction(
    Math.sin,
    x => prim('cos', x),
    x => `sin(${x})`,
  ),
  cos: realFunction(
    Math.cos,
    x => prim('neg', prim('sin', x)),
    x => `cos(${x})`,
  ),
  tan: realFunction(
    Math.tan,
    (_, y) => prim('add', prim('mul', y, y), one),
    x => `tangent(${x})`,
    ['tangent'],
  ),
  tanh: realFunction(
    Math.tanh,
    (_, y) => prim('sub', one, prim('mul', y, y)),
    x => `safe_tanh(${x})`,
    ['safe_tanh'],
  ),
  sigmoid: realFunction(
    sigmoid,
    (_, y) => prim('mul', y, prim('sub', one, y)),
    x => `sigmoid(${x})`,
    ['sigmoid'],
  ),
  floor: realFunction(
    Math.floor,
    () => undefined,
    x => `floor(${x})`,
  ),
  /** The nearest whole number, of two equally near the even one. */
  round: realFunction(
    roundToEven,
    () => undefined,
    x => `round(${x})`,
  ),
  erf: realFunction(
    erf,
    x => prim('mul', f32(2 / Math.sqrt(Math.PI)), prim('exp', prim('neg', prim('mul', x, x)))),
    x => `erf(${x})`,
    ['erf'],
  ),
  /**
   * `atan2(y, x)`: the angle of the point (x, y), from −π to π; the sign of y, of ±0 too, is that of the
   * angle.
   */
  atan2: {
    arity: 2,
    check: realArguments,
    evaluate: ([y, x]) => Math.atan2(y!, x!),
    derivative: angleDerivative,
    wgsl: ([y, x]) => `real_atan2(${y}, ${x})`,
    helpers: () => ['real_atan2'],
  },
  lt: comparison((a, b) => a < b, '<'),
  le: comparison((a, b) => a <= b, '<='),
  gt: comparison((a, b) => a > b, '>'),
  ge: comparison((a, b) => a >= b, '>='),
  eq: comparison((a, b) => a === b, '==', true),
  ne: comparison((a, b) => a !== b, '!=', true),
  and: {
    arity: 2,
    check: givesBool('bool'),
    evaluate: ([a, b]) => a! & b!,
    wgsl: ([a, b]) => `(${a} && ${b})`,
  },
  or: {
    arity: 2,
    check: givesBool('bool'),
    evaluate: ([a, b]) => a! | b!,
    wgsl: ([a, b]) => `(${a} || ${b})`,
  },
  not: {
    arity: 1,
    check: givesBool('bool'),
    evaluate: ([a]) => 1 - a!,
    wgsl: ([a]) => `(!${a})`,
  },
  select: {
    arity: 3,
    check: ([c, a, b], t) =>
      c !== 'bool'
        ? `wants a bool condition, has ${c}`
        : a !== b || a !== t
          ? `wants two branches of type ${t}, has ${a} and ${b}`
          : undefined,
    evaluate: ([c, a, b]) => (c ? a! : b!),
    derivative: ([c]) => [undefined, indicator(c!), otherwise(c!)],
    wgsl: ([c, a, b]) => `select(${b}, ${a}, ${c})`,
  },
  /** From f32 towards 0 and within range, between integers modulo 2³², to bool by not being 0. */
  cast: {
    arity: 1,
    check: () => undefined,
    evaluate: ([a], t, [from]) => convert(a!, t, from!),
    derivative: ([a], y) => [a!.dtype === 'f32' && y.dtype === 'f32' ? one : undefined],
    wgsl: ([a], t, [from]) =>
      t === from ? a! : `${from === 'f32' && (t === 'i32' || t === 'u32') ? 'to_' : ''}${t}(${a})`,
    helpers: t => (t === 'i32' || t === 'u32' ? [`to_${t}`] : []),
  },
  shr: {
    arity: 2,
    check: ([a, b], t) =>
      (a === 'i32' || a === 'u32') && (b === 'i32' || b === 'u32') && a === t
        ? undefined
        : `wants two integers and gives the type of the first, has ${a}, ${b} and is marked ${t}`,
    evaluate: ([a, b], t) => (t === 'u32' ? a! >>> b! : a! >> b!),
    wgsl: ([a, b], _, [, of]) => (of === 'u32' ? `(${a} >> ${b})` : `(${a} >> u32(${b}))`),
  },
  threefry0: threefryWord(0),
  threefry1: threefryWord(1),
  stop: {
    arity: 1,
    check: sameTypes('f32', 'i32', 'u32', 'bool'),
    evaluate: ([a]) => a!,
    derivative: () => [undefined],
    wgsl: ([a]) => a!,
  },
}

/** The value of one application, its argument types taken from the expressions. */
export const applyPrim = (e: Extract<Expr, { args: readonly Expr[] }>, args: readonly number[]): number =>
  prims[e.op].evaluate(
    args,
    e.dtype,
    e.args.map(a => a.dtype),
  )
