import { expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { cast, f32, index, prim, read } from '../../../compiler/ir/expr.js'
import type { Expr, Graph, ReduceOp } from '../../../compiler/ir/ir.js'
import { withDevice } from '../../support/device.js'
import { compare, compareSchedules } from './agree.js'

const inf = Number.POSITIVE_INFINITY
const origin = { label: 'special' }

/**
 * Rows of numbers with infinities and NaN at their beginning, middle and end. In the last rows all are the
 * same.
 */
const rows = (n: number): readonly (readonly number[])[] => {
  const plain = Array.from({ length: n }, (_, i) => Math.fround(Math.sin(3 * i)))
  const put = (...changes: readonly (readonly [at: number, value: number])[]): readonly number[] =>
    changes.reduce((row, [at, value]) => row.with(at, value), plain)
  const [middle, last] = [Math.floor(n / 2), n - 1]
  return [
    plain,
    put([0, Number.NaN]),
    put([middle, Number.NaN]),
    put([last, Number.NaN]),
    put([last, -Number.NaN], [0, inf]),
    put([0, -inf], [last, inf]),
    put([middle, -inf]),
    plain.map(() => -inf),
    plain.map(() => inf),
    plain.map(() => Number.NaN),
  ]
}

const ops: readonly ReduceOp[] = ['max', 'min', 'argmax', 'argmin', 'sum', 'prod']

/**
 * All reductions of the rows, each by its own kernel. With `across`, the rows are the columns of the input.
 */
const reductions = (n: number, across: boolean): Graph => {
  const b = new Builder()
  const count = rows(n).length
  const x = b.input('x', 'f32', across ? [n, count] : [count, n])
  for (const op of ops) {
    const [i, j] = [b.axis('i', count), b.axis('j', n)]
    const at = across ? [index(j), index(i)] : [index(i), index(j)]
    const place = op === 'argmax' || op === 'argmin'
    b.output(
      op,
      b.compute({
        dtype: place ? 'i32' : 'f32',
        dims: [[i]],
        reduce: { op, axes: [j] },
        // A computed value, so that four neighbours are computed at once.
        body: prim('mul', read(x, 'f32', at), f32(2)),
        origin,
      }),
    )
  }
  return b.finish()
}

const valuesOf = (n: number, across: boolean): readonly number[] =>
  across ? [...Array(n).keys()].flatMap(j => rows(n).map(r => r[j]!)) : rows(n).flat()

/** The largest and smallest whole numbers, converted from f32, four at once where a schedule reads so. */
const cuts = (n: number): Graph => {
  const b = new Builder()
  const count = rows(n).length
  const x = b.input('x', 'f32', [count, n])
  for (const dtype of ['i32', 'u32'] as const) {
    const [i, j] = [b.axis('i', count), b.axis('j', n)]
    const value = cast('f32', cast(dtype, prim('mul', read(x, 'f32', [index(i), index(j)]), f32(1e20))))
    b.output(
      dtype,
      b.compute({ dtype: 'f32', dims: [[i]], reduce: { op: 'max', axes: [j] }, body: value, origin }),
    )
    b.output(
      `${dtype} least`,
      b.compute({ dtype: 'f32', dims: [[i]], reduce: { op: 'min', axes: [j] }, body: value, origin }),
    )
  }
  return b.finish()
}

withDevice('whole numbers of special values', device => {
  it.each([4, 8, 300])('are cut the same by every schedule, %i to a row', async n => {
    const found = await compareSchedules(device, cuts(n), new Map([['x', valuesOf(n, false)]]))
    expect(found.error, found.where).toBeLessThan(1e-5)
  })
})

withDevice('reductions of special values', device => {
  for (const n of [1, 5, 8, 300])
    for (const across of [false, true])
      it(`${n} ${across ? 'from row to row' : 'side by side'}`, async () => {
        const graph = reductions(n, across)
        const inputs = new Map([['x', valuesOf(n, across)]])
        const found = await compareSchedules(device, graph, inputs)
        expect(found.error, found.where).toBeLessThan(1e-5)
        const alone = await compare(device, graph, inputs, { fuse: false, traits: { software: false } })
        expect(alone.error, alone.where).toBeLessThan(1e-5)
      })
})

/** Sums of products with infinity. They would cancel if a compiler factored out the infinity. */
withDevice('sums with an infinite factor', device => {
  it.each([4, 8, 300])('%i terms', async n => {
    const b = new Builder()
    const x = b.input('x', 'f32', [n])
    const bodies = {
      'x · ∞': (e: Expr) => prim('mul', prim('mul', e, f32(1.5)), f32(inf)),
      '∞ / x': (e: Expr) => prim('div', f32(-inf), e),
    }
    for (const [name, body] of Object.entries(bodies)) {
      const j = b.axis('j', n)
      const reduce = { op: 'sum' as const, axes: [j] }
      b.output(
        name,
        b.compute({ dtype: 'f32', dims: [], reduce, body: body(read(x, 'f32', [index(j)])), origin }),
      )
    }
    const graph = b.finish()
    const values = Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 1 : -2))
    for (const software of [true, false]) {
      const { error, where } = await compare(device, graph, new Map([['x', values]]), {
        fuse: false,
        traits: { software },
      })
      expect(error, where).toBe(0)
    }
  })
})
