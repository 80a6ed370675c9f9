import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packed, rounded, unpack } from '../../runtime/packing.js'

const arrays = (least: number, most: number) =>
  fc
    .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: least, max: most }), { maxLength: 100 })
    .map(a => Float32Array.from(a))

/**
 * The nearest multiple of the spacing of numbers with so many bits of precision, ties to even, in float64.
 */
const nearest = (x: number, precision: number, leastExponent: number): number => {
  if (x === 0) return x
  const exponent = Math.max(leastExponent, Math.floor(Math.log2(Math.abs(x))))
  const step = 2 ** (exponent - precision + 1)
  const n = x / step
  const low = Math.floor(n)
  const rest = n - low
  const whole = rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 === 0 ? low : low + 1
  return x < 0 && whole === 0 ? -0 : whole * step
}

describe('packing', () => {
  it('rounds f16 and bf16 to the nearest, ties to even, subnormals too', () => {
    fc.assert(
      fc.property(arrays(-65504, 65504), values => {
        expect([...rounded('f16', values)]).toEqual([...values].map(x => nearest(x, 11, -14)))
      }),
    )
    fc.assert(
      fc.property(arrays(Math.fround(-1e38), Math.fround(1e38)), values => {
        expect([...rounded('bf16', values)]).toEqual([...values].map(x => nearest(x, 8, -126)))
      }),
    )
  })

  it('keeps infinities and NaN of f16 and bf16', () => {
    const odd = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0)
    expect([...rounded('f16', odd)]).toEqual([...odd])
    expect([...rounded('bf16', odd)]).toEqual([...odd])
  })

  it('q8: no value is further off than half a step of its block', () => {
    fc.assert(
      fc.property(arrays(Math.fround(-1e30), Math.fround(1e30)), values => {
        const out = rounded('q8', values)
        expect(out.length).toBe(values.length)
        for (let first = 0; first < values.length; first += 32) {
          const block = values.subarray(first, first + 32)
          const step = block.reduce((a, x) => Math.max(a, Math.abs(x)), 0) / 127
          block.forEach((x, i) => {
            // A scale itself is a multiple of 2^-149.
            expect(Math.abs(x - out[first + i]!)).toBeLessThanOrEqual(step * (0.5 + 1e-5) + 127 * 2 ** -150)
          })
        }
      }),
    )
  })

  it('q8 keeps zeros, signs and the largest of a block', () => {
    const values = Float32Array.from({ length: 70 }, (_, i) => (i < 32 ? 0 : i - 50))
    const out = rounded('q8', values)
    expect([...out.subarray(0, 32)].every(x => x === 0)).toBe(true)
    expect(out[32]).toBeCloseTo(-18, 5)
    expect(out[69]).toBeCloseTo(19, 5)
  })

  it('q8 of numbers so small that 127 steps fall short keeps their signs', () => {
    const least = 2 ** -149
    const out = rounded('q8', Float32Array.of(190 * least, -190 * least, least))
    expect([...out].map(x => x / least)).toEqual([127, -127, 1])
  })

  it('q8 of a block with a NaN or an infinity is NaN, in that block only', () => {
    const values = new Float32Array(64).fill(1)
    values[3] = Number.NaN
    expect([...rounded('q8', values)].map(Number.isNaN)).toEqual(Array.from({ length: 64 }, (_, i) => i < 32))
    values[3] = Number.POSITIVE_INFINITY
    expect([...rounded('q8', values)].findLastIndex(Number.isNaN)).toBe(31)
  })

  it('packing again what was unpacked changes nothing', () => {
    fc.assert(
      fc.property(arrays(-60000, 60000), fc.constantFrom('f16', 'bf16'), (values, packing) => {
        const once = packed(packing, values)
        expect(packed(packing, unpack(packing, once.buffer, values.length))).toEqual(once)
      }),
    )
  })

  it('fills up the last block', () => {
    expect(packed('f16', new Float32Array(0)).length).toBe(0)
    expect(packed('f16', new Float32Array(33)).length).toBe(128)
    expect(packed('q8', new Float32Array(33)).length).toBe(72)
  })
})
