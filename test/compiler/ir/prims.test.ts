import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prim, read } from '../../../compiler/ir/expr.js'
import type { Expr, PrimOp } from '../../../compiler/ir/ir.js'
import { applyPrim, helpers, prims, wgslLiteral } from '../../../compiler/ir/prims.js'
import { erf, threefry } from '../../../compiler/ir/special.js'

/** Evaluates an expression whose leaves are reads of nodes 0, 1, 2: the arguments. */
const evaluate = (e: Expr, leaves: readonly number[]): number =>
  e.op === 'const'
    ? e.value
    : e.op === 'read'
      ? leaves[e.node]!
      : e.op === 'index'
        ? 0
        : applyPrim(
            e,
            e.args.map(a => evaluate(a, leaves)),
          )

describe('threefry', () => {
  it('gives the published answers of Random123', () => {
    expect(threefry(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe])
    const all = 0xffffffff
    expect(threefry(all, all, all, all)).toEqual([0x1cb996fc, 0xbb002be7])
    expect(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0])
  })
})

describe('erf', () => {
  it('agrees with tabled values', () => {
    expect(erf(0)).toBe(0)
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15)
    expect(erf(1)).toBeCloseTo(0.8427007929497149, 15)
    expect(erf(-2)).toBeCloseTo(-0.9953222650189527, 15)
    expect(erf(3.5)).toBeCloseTo(0.9999992569016276, 14)
  })

  it('is approximated by the WGSL helper to 1e-7 beyond rounding', () => {
    const body = helpers
      .erf!.split('\n')
      .slice(2, -1)
      .join('\n')
      .replaceAll(/let |var /g, 'var ')
    const approximate = new Function(
      'a',
      `const { abs, min, exp, sign } = Math; const fma = (x, y, z) => x * y + z; ${body}`,
    )
    for (let x = -7; x <= 7; x += 0.003) expect(Math.abs(approximate(x) - erf(x))).toBeLessThan(1e-7)
  })
})

const points: Partial<Record<PrimOp, readonly (readonly number[])[]>> = {
  add: [[1.5, -2]],
  sub: [[1.5, -2]],
  mul: [[1.5, -2]],
  div: [[1.5, -2]],
  mod: [
    [7.3, 2.2],
    [-7.3, 2.2],
  ],
  pow: [
    [1.7, 2.3],
    [0.4, -1.2],
  ],
  neg: [[0.3]],
  min: [
    [1, 2],
    [2, 1],
  ],
  max: [
    [1, 2],
    [2, 1],
  ],
  abs: [[1.2], [-1.2]],
  sign: [[1.2]],
  exp: [[0.7]],
  expm1: [[0.7], [-1e-3]],
  log: [[0.7]],
  log1p: [[0.7], [-0.4]],
  sqrt: [[0.7]],
  rsqrt: [[0.7]],
  sin: [[0.7]],
  cos: [[0.7]],
  tan: [[0.7], [2]],
  tanh: [[0.7]],
  sigmoid: [[0.7], [-3]],
  floor: [[0.7]],
  round: [[0.7]],
  erf: [[0.7], [-1.3]],
  atan2: [
    [0.7, 1.3],
    [-1.3, 0.2],
    [0.4, -2],
    [-2, -1],
  ],
}

describe('derivatives', () => {
  for (const [op, at] of Object.entries(points) as [Exclude<PrimOp, 'cast'>, readonly number[][]][])
    it(`of ${op} equal central differences`, () => {
      for (const values of at) {
        const args = values.map((_, i) => read(i, 'f32', []))
        const result = prim(op, ...args)
        prims[op].derivative!(args, result).forEach((d, i) => {
          const h = 1e-6
          const moved = (by: number): number =>
            prims[op].evaluate(
              values.map((v, j) => (i === j ? v + by : v)),
              'f32',
              values.map(() => 'f32'),
            )
          const expected = (moved(h) - moved(-h)) / (2 * h)
          expect(d === undefined ? 0 : evaluate(d, values)).toBeCloseTo(expected, 6)
        })
      }
    })

  it('of constant powers hold for negative bases', () => {
    const a = read(0, 'f32', [])
    for (const c of [2, 3, 4]) {
      const exponent: Expr = { op: 'const', dtype: 'f32', value: c }
      const [d, e] = prims.pow.derivative!([a, exponent], prim('pow', a, exponent))
      expect(evaluate(d!, [-1.5])).toBeCloseTo(c * (-1.5) ** (c - 1), 10)
      expect(e).toBeUndefined()
    }
  })

  it('give ties of max and min to the first argument', () => {
    const args = [read(0, 'f32', []), read(1, 'f32', [])]
    for (const op of ['min', 'max'] as const) {
      const [a, b] = prims[op].derivative!(args, prim(op, ...args))
      expect([evaluate(a!, [2, 2]), evaluate(b!, [2, 2])]).toEqual([1, 0])
    }
  })
})

describe('integer arithmetic', () => {
  it('wraps around', () => {
    expect(prims.add.evaluate([0x7fffffff, 1], 'i32', ['i32', 'i32'])).toBe(-0x80000000)
    expect(prims.mul.evaluate([0xffffffff, 0xffffffff], 'u32', ['u32', 'u32'])).toBe(1)
    expect(prims.sub.evaluate([0, 1], 'u32', ['u32', 'u32'])).toBe(0xffffffff)
    expect(prims.cast.evaluate([-1], 'u32', ['i32'])).toBe(0xffffffff)
    expect(prims.cast.evaluate([-1.5], 'u32', ['f32'])).toBe(0)
    expect(prims.cast.evaluate([-1.5], 'i32', ['f32'])).toBe(-1)
  })

  it('divides downwards: a = idiv·b + mod with the sign of b', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: -9, max: 9 }).filter(b => b !== 0),
        (a, b) => {
          const q = prims.idiv.evaluate([a, b], 'i32', ['i32', 'i32'])
          const r = prims.mod.evaluate([a, b], 'i32', ['i32', 'i32'])
          expect(q * b + r).toBe(a)
          expect(r === 0 || Math.sign(r) === Math.sign(b)).toBe(true)
        },
      ),
    )
  })

  it('divides by powers of two with shifts', () => {
    expect(prims.idiv.wgsl(['a', '8'], 'i32', ['i32', 'i32'])).toBe('(a >> 3u)')
    expect(prims.mod.wgsl(['a', '8'], 'i32', ['i32', 'i32'])).toBe('(a & 7)')
    expect(prims.idiv.wgsl(['a', '6'], 'i32', ['i32', 'i32'])).toBe('floor_div(a, 6)')
    expect(prims.idiv.wgsl(['a', '6'], 'i32', ['i32', 'i32'], true)).toBe('(a / 6)')
  })
})

describe('WGSL', () => {
  it('has a helper for every name that a row calls', () => {
    for (const row of Object.values(prims))
      for (const dtype of ['f32', 'i32', 'u32', 'bool'] as const)
        for (const name of row.helpers?.(dtype) ?? []) expect(helpers[name]).toContain(`fn ${name}(`)
  })

  it('writes constants', () => {
    expect(wgslLiteral('f32', Number.NEGATIVE_INFINITY)).toBe('(-bitcast<f32>(infinityBits))')
    expect(wgslLiteral('f32', -0)).toBe('bitcast<f32>(negativeZeroBits)')
    expect(wgslLiteral('f32', 2)).toBe('2.0')
    expect(wgslLiteral('f32', 1e-5)).toBe(`${Math.fround(1e-5)}`)
    expect(wgslLiteral('u32', 0xffffffff)).toBe('4294967295u')
    expect(wgslLiteral('i32', -3)).toBe('(-3)')
    expect(wgslLiteral('bool', 1)).toBe('true')
  })

  it('powers by 2 and 3 are products', () => {
    expect(prims.pow.wgsl(['a', '2.0'], 'f32', ['f32', 'f32'])).toBe('(a * a)')
    expect(prims.pow.wgsl(['a', '3.0'], 'f32', ['f32', 'f32'])).toBe('(a * a * a)')
    expect(prims.pow.wgsl(['a', '0.5'], 'f32', ['f32', 'f32'])).toBe('real_pow(a, 0.5)')
  })
})

describe('types', () => {
  it('are checked by the table', () => {
    expect(prims.add.check(['f32', 'i32'], 'f32')).toContain('one type')
    expect(prims.exp.check(['i32'], 'i32')).toContain('wants f32')
    expect(prims.lt.check(['i32', 'i32'], 'i32')).toContain('bool')
    expect(prims.select.check(['bool', 'f32', 'f32'], 'f32')).toBeUndefined()
    expect(prims.select.check(['i32', 'f32', 'f32'], 'f32')).toContain('condition')
  })
})
