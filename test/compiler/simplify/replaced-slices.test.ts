import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Expr, Graph } from '../../../compiler/ir/ir.js'
import { verify } from '../../../compiler/ir/verify.js'
import { simplify } from '../../../compiler/simplify/simplify.js'

interface Filling {
  readonly direction: 'up' | 'down'
  readonly count: number
  readonly extent: number
  /** Iteration l replaces the position `sign · l + shift`. */
  readonly sign: 1 | -1
  readonly shift: number
  readonly negated: boolean
  /** What iteration l writes also reads the carry at this position. */
  readonly old: (l: Expr, position: Expr) => Expr
  /** The slots that are read after the loop, besides the last. */
  readonly slot: number
}

/** A loop that fills y[i, j] slice by slice, read after it at two slots, and `next` at one. */
const filling = ({ direction, count, extent, sign, shift, negated, old, slot }: Filling): Graph => {
  const b = new Builder()
  const origin = { label: 'y' }
  const [x, start] = [b.input('x', 'f32', [count, 2]), b.input('start', 'f32', [extent, 2])]
  const r = b.region(b.axis('l', count), direction)
  const l = index(r.axis)
  const [i, j] = [b.axis('i', extent), b.axis('j', 2)]
  const shape = [count + 1, extent, 2]
  const carry = b.openCarry({ dtype: 'f32', shape, region: r.id, init: start, origin })
  const now = direction === 'up' ? l : prim('add', l, i32(1))
  const place = prim('add', sign === 1 ? l : prim('neg', l), i32(shift))
  const before = read(carry, 'f32', [now, old(l, index(i)), index(j)], true)
  const value = prim('add', read(x, 'f32', [l, index(j)]), prim('mul', before, f32(0.5)))
  const kept = read(carry, 'f32', [now, index(i), index(j)])
  const body = negated
    ? prim('select', prim('ne', index(i), place), kept, value)
    : prim('select', prim('eq', place, index(i)), value, kept)
  const dims = [[r.axis], [i], [j]]
  const next = b.compute({ dtype: 'f32', dims, body, region: r.id, origin })
  b.closeCarry(carry, next)
  const [p, q] = [b.axis('p', extent), b.axis('q', 2)]
  const at = [index(p), index(q)]
  const last = direction === 'up' ? count : 0
  const reads = [read(carry, 'f32', [i32(last), ...at]), read(carry, 'f32', [i32(slot), ...at])]
  const made = count > 0 ? [read(next, 'f32', [i32(Math.min(slot, count - 1)), ...at])] : []
  for (const [k, e] of [...reads, ...made].entries())
    b.output(`out${k}`, b.compute({ dtype: 'f32', dims: [[p], [q]], body: e, origin: { label: 'out' } }))
  return b.finish()
}

const fillings = fc
  .record({
    direction: fc.constantFrom('up' as const, 'down' as const),
    count: fc.integer({ min: 0, max: 5 }),
    more: fc.integer({ min: 0, max: 2 }),
    sign: fc.constantFrom(1 as const, -1 as const),
    shift: fc.integer({ min: -1, max: 3 }),
    negated: fc.boolean(),
    old: fc.constantFrom('own', 'first', 'mirrored', 'before', 'twice before', 'after'),
    slot: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ more, old, ...f }): Filling => {
    const extent = Math.max(1, f.count + more)
    const shift = f.sign === 1 ? f.shift : extent - 1 - f.shift
    const reads: Record<string, Filling['old']> = {
      own: (_, i) => i,
      first: () => i32(0),
      before: (_, i) => prim('sub', i, i32(1)),
      'twice before': (_, i) => prim('sub', i, i32(2)),
      after: (_, i) => prim('add', i, i32(1)),
      mirrored: (_, i) => prim('sub', i32(extent - 1), i),
    }
    return { ...f, extent, shift, slot: Math.min(f.slot, f.count), old: reads[old]! }
  })

it('a loop that replaces slices of a tensor has the same values without copies of the tensor', () => {
  let without = 0
  fc.assert(
    fc.property(fillings, f => {
      const graph = filling(f)
      const after = simplify(graph)
      expect(verify(after)).toEqual([])
      const numbers = (n: number): Float64Array => Float64Array.from({ length: n }, (_, k) => (7 * k) % 11)
      const inputs = new Map([
        ['x', numbers(f.count * 2)],
        ['start', numbers(f.extent * 2)],
      ])
      expect(interpret(after, inputs)).toEqual(interpret(graph, inputs))
      if (f.count > 0 && !after.nodes.some(n => n.kind === 'carry')) without++
    }),
    { numRuns: 300, seed: 3 },
  )
  expect(without).toBeGreaterThan(40)
})

it('a carry stays where an iteration may read what several earlier ones replaced', () => {
  const old: Filling['old'] = l => prim('max', prim('sub', l, i32(1)), i32(0))
  const f = { direction: 'up', count: 4, extent: 4, sign: 1, shift: 0, negated: false, slot: 1, old } as const
  expect(simplify(filling(f)).nodes.find(n => n.kind === 'carry')?.shape).toEqual([5, 4, 2])
})

it('only a slice is carried where an iteration reads what the one before replaced', () => {
  const old: Filling['old'] = (_, i) => prim('sub', i, i32(1))
  const f = { direction: 'up', count: 4, extent: 4, sign: 1, shift: 0, negated: false, slot: 1, old } as const
  expect(simplify(filling(f)).nodes.find(n => n.kind === 'carry')?.shape).toEqual([5, 2])
})
