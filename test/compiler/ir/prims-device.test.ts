import { expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { cast, f32, i32, index, prim, read, u32 } from '../../../compiler/ir/expr.js'
import type { Expr, PrimOp } from '../../../compiler/ir/ir.js'
import { withDevice } from '../../support/device.js'
import { compare } from '../backend/agree.js'

const reals = [-20, -3.25, -1, -0.6, -0.001, 0, 0.3, 1, 2.5, 11, 25]
const integers = [-17, -8, -3, -1, 0, 1, 2, 5, 12]
const origin = { label: 'primitive' }

type Body = (a: Expr, b: Expr) => Expr

/** The body over all pairs of the values given, on the device against the table. */
const pairs = (
  name: string,
  dtype: 'f32' | 'i32' | 'u32',
  as: readonly number[],
  bs: readonly number[],
  body: Body,
) => ({
  name,
  dtype,
  as,
  bs,
  body,
})

const op =
  (name: Exclude<PrimOp, 'cast'>): Body =>
  (a, b) =>
    prim(name, a, b)

const real = ['add', 'sub', 'mul', 'div', 'min', 'max'] as const
const whole = ['add', 'sub', 'mul', 'min', 'max', 'idiv', 'mod'] as const
const unary = ['neg', 'abs', 'sign', 'sin', 'cos', 'tanh', 'sigmoid', 'floor', 'round', 'tan', 'erf'] as const
const positive = ['log', 'sqrt', 'rsqrt'] as const
const near = [-0.9, -0.5, -0.49, -1e-3, -1e-7, 0, 1e-7, 0.01, 0.3, 0.499, 0.5, 0.7, 3]
const comparisons = ['lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const
const words = [0, 1, 0xffffffff, 0x243f6a88, 0x85a308d3]
const nonZero = integers.filter(v => v !== 0)

const cases = [
  ...real.map(o =>
    pairs(
      o,
      'f32',
      reals,
      reals.filter(v => v !== 0),
      op(o),
    ),
  ),
  // Away from multiples, where the quotient's rounding decides.
  pairs('mod', 'f32', [-7.3, -0.1, 0, 0.2, 9.9], [-2.2, 0.75, 4.5], op('mod')),
  ...whole.map(o => pairs(`${o} of i32`, 'i32', integers, nonZero, op(o))),
  ...(['idiv', 'mod'] as const).map(o =>
    pairs(`${o} by a constant`, 'i32', integers, integers, (a, b) =>
      prim('add', prim(o, a, i32(5)), prim(o, b, i32(4))),
    ),
  ),
  ...unary.map(o => pairs(o, 'f32', reals, [0], a => prim(o, a))),
  ...positive.map(o =>
    pairs(
      o,
      'f32',
      reals.filter(v => v > 0),
      [0],
      a => prim(o, a),
    ),
  ),
  pairs('expm1', 'f32', near, [0], a => prim('expm1', a)),
  pairs('log1p', 'f32', near, [0], a => prim('log1p', a)),
  pairs('expm1 and log1p as fractions of small numbers', 'f32', [1e-7, -3e-6, 1e-3, -0.02], [0], a =>
    prim('add', prim('div', prim('expm1', a), a), prim('div', prim('log1p', a), a)),
  ),
  pairs('round of halves', 'f32', [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 8388609], [0], a => prim('round', a)),
  pairs('exp', 'f32', [-100, -2, 0, 1, 4], [0], a => prim('exp', a)),
  ...comparisons.map(o => pairs(o, 'f32', reals, reals, (a, b) => cast('f32', prim(o, a, b)))),
  pairs('pow of positive numbers', 'f32', [0, 0.5, 1, 2.5], [0.5, 1, 2.5, 3], op('pow')),
  pairs('pow of negative numbers', 'f32', [-0.5, -1, -2.5], [-3, -2, 0, 1, 2, 5], op('pow')),
  pairs('pow by constants', 'f32', reals.slice(1, 9), [0], a =>
    prim('add', prim('pow', a, f32(2)), prim('pow', a, f32(3))),
  ),
  pairs('atan2', 'f32', reals, reals, op('atan2')),
  pairs('pow of i32', 'i32', [-3, -1, 0, 2, 7], [0, 1, 2, 5], op('pow')),
  pairs('shr', 'u32', words, [0, 1, 9, 31], op('shr')),
  pairs('add of u32', 'u32', words, words, op('add')),
  pairs('mul of u32', 'u32', words, words, op('mul')),
  pairs('threefry, first word', 'u32', words, words, (a, b) => prim('threefry0', a, b, b, u32(7))),
  pairs('threefry, second word', 'u32', words, words, (a, b) => prim('threefry1', u32(1), b, a, b)),
  pairs('f32 to i32', 'f32', [-2.7, -0.5, 0, 1.5, 99.9], [0], a => cast('i32', a)),
  pairs('f32 to u32', 'f32', [0, 1.5, 99.9, 3e9], [0], a => cast('u32', a)),
  pairs('i32 to u32', 'i32', integers, [0], a => cast('u32', a)),
  pairs('u32 to f32', 'u32', words, [0], a => cast('f32', a)),
  pairs('logic', 'f32', reals, reals, (a, b) =>
    prim(
      'select',
      prim('or', prim('and', prim('lt', a, b), prim('gt', b, f32(0))), prim('not', prim('le', a, b))),
      a,
      b,
    ),
  ),
]

withDevice('primitives on the device', device => {
  it('whole numbers of indices that pass the end of i32', async () => {
    const b = new Builder()
    const i = b.axis('i', 5)
    for (const [name, start] of [
      ['plus', prim('add', index(i), i32(2147483646))],
      ['times', prim('mul', index(i), i32(2147483646))],
    ] as const)
      for (const o of ['mod', 'idiv'] as const)
        b.output(
          `${name} ${o}`,
          b.compute({ dtype: 'i32', dims: [[i]], body: prim(o, start, i32(1000)), origin }),
        )
    const { error, where } = await compare(device, b.finish(), new Map(), { fuse: false })
    expect(error, where).toBe(0)
  })

  for (const { name, dtype, as, bs, body } of cases)
    it(name, async () => {
      const b = new Builder()
      const [i, j] = [b.axis('i', as.length), b.axis('j', bs.length)]
      const x = read(b.input('x', dtype, [as.length]), dtype, [index(i)])
      const y = read(b.input('y', dtype, [bs.length]), dtype, [index(j)])
      const value = body(x, y)
      b.output('z', b.compute({ dtype: value.dtype, dims: [[i], [j]], body: value, origin }))
      const round = (v: number): number => (dtype === 'f32' ? Math.fround(v) : v)
      const { error, where } = await compare(
        device,
        b.finish(),
        new Map([
          ['x', as.map(round)],
          ['y', bs.map(round)],
        ]),
        { fuse: false },
      )
      expect(error, where).toBeLessThan(value.dtype === 'f32' ? 5e-6 : 1e-12)
    })
})
