import { expect, it } from 'vitest'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { cast, f32, index, prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Expr, PrimOp } from '../../../compiler/ir/ir.js'
import { simplify } from '../../../compiler/simplify/simplify.js'
import { withDevice } from '../../support/device.js'
import { runArtifact } from '../backend/agree.js'

const origin = { label: 'special values' }
const inf = Number.POSITIVE_INFINITY
/** What every law that assumes finite numbers gets wrong somewhere. */
const special = [Number.NaN, inf, -inf, 0, -0, 1, -1, 2.5, -3, 0.5, 7, 1e9, -1e9, 1e20, 3.4e38, -1e-20]

type Body = (a: Expr, b: Expr) => Expr
const op =
  (name: Exclude<PrimOp, 'cast'>): Body =>
  (a, b) =>
    prim(name, a, b)
const one =
  (name: Exclude<PrimOp, 'cast'>): Body =>
  a =>
    prim(name, a)
const asNumber = (e: Expr): Expr => cast('f32', e)
/** A condition as 1 or 2, out of reach of laws about products with 0 and 1. */
const told = (e: Expr): Expr => prim('select', e, f32(1), f32(2))
/** What is left of digits in such sums differs between 32 bits and 64. */
const isNumber = (e: Expr): Expr => told(prim('eq', e, e))
const [zero, minusZero] = [f32(0), f32(-0)]

const usual = ['neg', 'abs', 'sign'] as const
const bodies: Readonly<Record<string, Body>> = {
  ...Object.fromEntries(
    (['add', 'sub', 'mul', 'div', 'min', 'max', 'mod', 'pow', 'atan2'] as const).map(o => [o, op(o)]),
  ),
  ...Object.fromEntries(
    (
      [
        ...usual,
        'exp',
        'expm1',
        'log',
        'log1p',
        'sqrt',
        'rsqrt',
        'tanh',
        'sigmoid',
        'floor',
        'round',
        'erf',
      ] as const
    ).map(o => [o, one(o)]),
  ),
  ...Object.fromEntries(
    (['lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const).flatMap(o => [
      [o, (a: Expr, b: Expr) => told(prim(o, a, b))],
      [`not ${o}`, (a: Expr, b: Expr) => told(prim('not', prim(o, a, b)))],
      [
        `not ${o}, in a condition`,
        (a: Expr, b: Expr) => told(prim('and', prim('not', prim(o, a, b)), prim('ne', b, f32(7)))),
      ],
      [`${o} of itself`, (a: Expr) => told(prim(o, a, a))],
    ]),
  ),
  'x · 0': a => prim('mul', a, zero),
  'x · −0': a => prim('mul', minusZero, a),
  '0 / x': a => prim('div', zero, a),
  '−0 / x': a => prim('div', minusZero, a),
  'x / 0': a => prim('div', a, zero),
  'x / −0': a => prim('div', a, minusZero),
  'x · ∞': a => prim('mul', a, f32(inf)),
  'x · −∞': a => prim('mul', f32(-inf), a),
  'x / ∞': a => prim('div', a, f32(inf)),
  'x / −∞': a => prim('div', a, f32(-inf)),
  '∞ / x': a => prim('div', f32(inf), a),
  '−∞ / x': a => prim('div', f32(-inf), a),
  'x · ∞ + y · ∞': (a, b) => prim('add', prim('mul', a, f32(inf)), prim('mul', b, f32(inf))),
  '∞ / x − ∞ / y': (a, b) => prim('sub', prim('div', f32(inf), a), prim('div', f32(inf), b)),
  'sign of atan2, of zeros too': (a, b) => told(prim('gt', prim('div', f32(1), prim('atan2', a, b)), zero)),
  'x − x': a => prim('sub', a, a),
  'x + −x': a => prim('add', a, prim('neg', a)),
  '(x − y) + y': (a, b) => isNumber(prim('add', prim('sub', a, b), b)),
  'x − (y + x)': (a, b) => isNumber(prim('sub', a, prim('add', b, a))),
  '(x + y) − (x − y)': (a, b) => isNumber(prim('sub', prim('add', a, b), prim('sub', a, b))),
  'log softmax of one number': a => {
    const level = prim('select', prim('eq', prim('abs', a), f32(inf)), zero, a)
    return prim('sub', a, prim('add', level, prim('log', prim('exp', prim('sub', a, level)))))
  },
  'x / x': a => prim('div', a, a),
  '0 − x, inverted': a => prim('div', f32(1), prim('sub', zero, a)),
  '−(x − y), inverted': (a, b) => prim('div', f32(1), prim('neg', prim('sub', a, b))),
  'exp log x': a => prim('exp', prim('log', a)),
  '√x · √x': a => prim('mul', prim('sqrt', a), prim('sqrt', a)),
  'x · [y > 0]': (a, b) => prim('mul', a, asNumber(prim('gt', b, zero))),
  'x · if y > 0 then 0 else 1': (a, b) => prim('mul', prim('select', prim('gt', b, zero), zero, f32(1)), a),
  '[x > 0] · [y > 0]': (a, b) => prim('mul', asNumber(prim('gt', a, zero)), asNumber(prim('gt', b, zero))),
  '|−x|': a => prim('abs', prim('neg', a)),
  '||x||': a => prim('abs', prim('abs', a)),
  relu: a => prim('max', a, zero),
  clamp: a => prim('max', f32(-1), prim('min', f32(1), a)),
  i32: a => asNumber(cast('i32', a)),
  u32: a => asNumber(cast('u32', a)),
  'x ^ 2': a => prim('pow', a, f32(2)),
  'x ^ 3': a => prim('pow', a, f32(3)),
  'x ^ −1': a => prim('pow', a, f32(-1)),
  'x ^ 0': a => prim('pow', a, zero),
  constants: a =>
    [
      prim('log', zero),
      prim('div', f32(1), minusZero),
      prim('exp', f32(1000)),
      prim('mul', f32(1e30), f32(1e30)),
      f32(1e39),
    ].reduce((x, y) => prim('max', prim('neg', x), y), a),
  'not a number': a => prim('select', prim('gt', a, zero), prim('sqrt', f32(-1)), prim('mod', f32(5), zero)),
}

const graphOf = (body: Body) => {
  const n = special.length
  const b = new Builder()
  const [i, j] = [b.axis('i', n), b.axis('j', n)]
  const x = read(b.input('x', 'f32', [n]), 'f32', [index(i)])
  const y = read(b.input('y', 'f32', [n]), 'f32', [index(j)])
  b.output('z', b.compute({ dtype: 'f32', dims: [[i], [j]], body: body(x, y), origin }))
  return b.finish()
}

const inputs = new Map([
  ['x', special.map(Math.fround)],
  ['y', special.map(Math.fround)],
])

const differences = (
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  same: (a: number, b: number) => boolean,
): readonly string[] =>
  Array.from(wanted).flatMap((b, k) => {
    const [x, y] = [special[Math.floor(k / special.length)], special[k % special.length]]
    return same(got[k]!, b) ? [] : [`x = ${x}, y = ${y}: ${got[k]}, should be ${b}`]
  })

const close = (a: number, b: number): boolean => {
  const y = Math.fround(b)
  return Object.is(a, y) || a === y || Math.abs(a - y) <= 1e-5 * Math.abs(y) + 1e-30
}

it('laws of simplification keep every bit, of zeros, infinities and what is not a number too', () => {
  for (const [name, body] of Object.entries(bodies)) {
    const graph = graphOf(body)
    const [plain, simple] = [interpret(graph, inputs), interpret(simplify(graph), inputs)]
    expect(differences(simple.get('z')!, plain.get('z')!, Object.is), name).toEqual([])
  }
})

withDevice('special values on the device', device => {
  for (const simplified of [false, true])
    it(`are what they are on the interpreter, ${simplified ? 'simplified' : 'as written'}`, async () => {
      const found: string[] = []
      for (const [name, body] of Object.entries(bodies)) {
        const graph = simplified ? simplify(graphOf(body)) : graphOf(body)
        const got = await runArtifact(device, compileGraph(graph, device.traits), inputs)
        const wrong = differences(got.get('z')!, interpret(graph, inputs).get('z')!, close)
        found.push(...wrong.slice(0, 4).map(w => `${name}: ${w}`))
      }
      expect(found).toEqual([])
    })
})
