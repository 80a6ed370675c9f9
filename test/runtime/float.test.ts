import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../runtime/float.js'

const fromHalf = (...bits: number[]) => {
  const out = new Float32Array(bits.length)
  f16ToF32(Uint16Array.from(bits), out)
  return [...out]
}

const fromBf16 = (bits: Uint16Array) => {
  const out = new Float32Array(bits.length)
  bf16ToF32(bits, out)
  return out
}

const isNanHalf = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0

describe('halves', () => {
  it('are what IEEE 754 says', () => {
    expect(fromHalf(0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x3555)).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0.333251953125,
    ])
    expect(Object.is(fromHalf(0x8000)[0], -0)).toBe(true)
    expect(fromHalf(0x7e00)[0]).toBeNaN()
  })

  it('all survive the way to float32 and back', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const floats = new Float32Array(65536)
    f16ToF32(all, floats)
    const back = f32ToF16(floats)
    const wrong = [...all].filter(i => (isNanHalf(i) ? !isNanHalf(back[i]!) : back[i] !== i))
    expect(wrong).toEqual([])
  })

  it('round to the nearest, ties to even', () => {
    const bits = f32ToF16(
      Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -25),
    )
    expect([...bits]).toEqual([0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2])
  })
})

describe('bfloat16', () => {
  it('is the upper half of a float32', () => {
    expect([...f32ToBf16(Float32Array.of(1, -2, 0.5))]).toEqual([0x3f80, 0xc000, 0x3f00])
  })

  it('all survive the way to float32 and back', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const back = f32ToBf16(fromBf16(all))
    const isNan = (bits: number) => (bits & 0x7f80) === 0x7f80 && (bits & 0x7f) !== 0
    expect([...all].filter(i => (isNan(i) ? !isNan(back[i]!) : back[i] !== i))).toEqual([])
  })

  it('rounds to the nearest, ties to even', () => {
    expect([...f32ToBf16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20))]).toEqual([
      0x3f80, 0x3f82, 0x3f81,
    ])
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -(2 ** 100), max: 2 ** 100 }), x => {
        const rounded = fromBf16(f32ToBf16(Float32Array.of(x)))[0]!
        expect(Math.abs(rounded - x)).toBeLessThanOrEqual(Math.abs(x) * 2 ** -8 + 1e-40)
      }),
    )
  })
})
