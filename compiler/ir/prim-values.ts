import type { DType } from '../artifact.js'

/** A number brought into the range of its type: integers wrap around. */
export const wrap = (value: number, dtype: DType): number =>
  dtype === 'i32' ? value | 0 : dtype === 'u32' ? value >>> 0 : value

/** The nearest whole number, of two equally near the even one; it has the sign of x. */
export const roundToEven = (x: number): number => {
  if (!Number.isFinite(x)) return x
  const below = Math.floor(x)
  const rest = x - below
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0)
  const whole = up ? below + 1 : below
  return whole === 0 && (x < 0 || Object.is(x, -0)) ? -0 : whole
}

/** Towards 0, within the type's range; NaN gives 0. */
const toInteger = (value: number, dtype: DType): number =>
  Number.isNaN(value)
    ? 0
    : dtype === 'i32'
      ? Math.min(2147483647, Math.max(-2147483648, Math.trunc(value)))
      : Math.min(4294967295, Math.max(0, Math.trunc(value)))

export const convert = (value: number, to: DType, from: DType): number => {
  if (to === 'bool') return value !== 0 ? 1 : 0
  if (to === 'f32') return value
  return from === 'f32' ? toInteger(value, to) : wrap(value, to)
}

export const wholePower = (base: number, exponent: number, dtype: DType): number => {
  if (exponent < 0) return 0
  let out = 1
  let square = base
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) out = wrap(Math.imul(out, square), dtype)
    square = wrap(Math.imul(square, square), dtype)
  }
  return out
}

export const sigmoid = (x: number): number => {
  const e = Math.exp(-Math.abs(x))
  return (x >= 0 ? 1 : e) / (1 + e)
}
