const f32Bits = new Uint32Array(1)
const f32View = new Float32Array(f32Bits.buffer)

/** All 65,536 halves as floats, made at first use. */
let halves: Float32Array | undefined

/** The value of an IEEE binary16 by its bits. */
export const f16Value = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** IEEE binary16 bits to float32, exactly; `out[i]` receives `bits[i]`. */
export const f16ToF32 = (bits: Uint16Array, out: Float32Array): void => {
  if (halves === undefined) {
    const table = new Float32Array(65536)
    for (let i = 0; i < 65536; i++) table[i] = f16Value(i)
    halves = table
  }
  for (let i = 0; i < bits.length; i++) out[i] = halves[bits[i]!]!
}

/** bfloat16 bits to float32, exactly; `out[i]` receives `bits[i]`. */
export const bf16ToF32 = (bits: Uint16Array, out: Float32Array): void => {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
}

/** Float32 to bfloat16 bits, rounding to nearest, ties to even; NaN stays NaN. */
export const f32ToBf16 = (values: Float32Array): Uint16Array => {
  const out = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    f32View[0] = values[i]!
    const bits = f32Bits[0]!
    const isNan = (bits & 0x7fffffff) > 0x7f800000
    out[i] = isNan ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
  }
  return out
}

/** Float32 to IEEE binary16 bits, rounding to nearest, ties to even; beyond 65,519.99 it is infinite. */
export const f32ToF16 = (values: Float32Array): Uint16Array => {
  const out = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    f32View[0] = values[i]!
    const bits = f32Bits[0]!
    const sign = (bits >>> 16) & 0x8000
    const magnitude = bits & 0x7fffffff
    if (magnitude > 0x7f800000) out[i] = sign | 0x7e00
    else if (magnitude >= 0x477ff000) out[i] = sign | 0x7c00
    else if (magnitude < 0x38800000) {
      // Below 2^-14 halves are multiples of 2^-24: scale, and let the sum with 2^23 round to an integer.
      f32View[0] = Math.abs(values[i]!)
      out[i] = sign | (Math.fround(f32View[0] * 2 ** 24 + 8388608) - 8388608)
    } else out[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  }
  return out
}
