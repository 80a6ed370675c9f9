import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { affineRange } from '../../../compiler/affine/affine.js'
import { affineExpr } from '../../../compiler/affine/affine-expr.js'
import { affineOf } from '../../../compiler/affine/affine-of.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { i32, index, prim } from '../../../compiler/ir/expr.js'
import type { Expr } from '../../../compiler/ir/ir.js'
import { type LiveRange, liveRangesOf } from '../../../compiler/plan/liveness.js'
import { shareBuffers } from '../../../compiler/plan/share.js'

describe('addresses', () => {
  const b = new Builder()
  const axes = [b.axis('i', 3), b.axis('j', 4), b.axis('k', 5)]
  const leaf = fc.oneof(
    fc.integer({ min: -7, max: 7 }).map(i32),
    fc.constantFrom(...axes).map((a): Expr => index(a)),
  )
  const expr = fc.letrec<{ e: Expr }>(tie => ({
    e: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc
        .tuple(fc.constantFrom('add', 'sub', 'mul' as const), tie('e'), tie('e'))
        .map(([op, x, y]) => prim(op, x, y)),
      fc
        .tuple(fc.constantFrom('idiv', 'mod' as const), tie('e'), fc.integer({ min: 1, max: 6 }))
        .map(([op, x, n]) => prim(op, x, i32(n))),
    ),
  })).e
  const valueAt = (e: Expr, at: readonly number[]): number => {
    if (e.op === 'const') return e.value
    if (e.op === 'index') return at[axes.findIndex(a => a.id === e.axis.id)]!
    if (e.op === 'read') throw new Error('no reads here')
    const [x, y] = e.args.map(a => valueAt(a, at)) as [number, number]
    if (e.op === 'add') return x + y
    if (e.op === 'sub') return x - y
    if (e.op === 'mul') return x * y
    return e.op === 'idiv' ? Math.floor(x / y) : x - Math.floor(x / y) * y
  }
  const places = [...Array(60).keys()].map(n => [Math.floor(n / 20), Math.floor(n / 5) % 4, n % 5])

  it('keep their value in normal form, and stay within the computed range', () => {
    fc.assert(
      fc.property(expr, e => {
        const a = affineOf(e)
        const again = affineExpr(a)
        const range = affineRange(a)
        for (const at of places) {
          const value = valueAt(e, at)
          expect(valueAt(again, at) + 0).toBe(value + 0)
          if (range) expect(value >= range[0] && value <= range[1]).toBe(true)
        }
      }),
    )
  })

  it('lose divisions without a remainder', () => {
    const [, j, k] = axes as [(typeof axes)[0], (typeof axes)[0], (typeof axes)[0]]
    const flat = prim('add', prim('mul', index(j), i32(5)), index(k))
    expect(affineExpr(affineOf(prim('idiv', flat, i32(5))))).toEqual(index(j))
    expect(affineExpr(affineOf(prim('mod', flat, i32(5))))).toEqual(index(k))
    expect(affineOf(prim('idiv', flat, i32(4))).rest.size).toBe(1)
  })
})

describe('buffers', () => {
  const range = fc
    .tuple(fc.nat(30), fc.nat(30))
    .map(([a, b]): LiveRange => ({ from: Math.min(a, b), to: Math.max(a, b) }))
  it('are never shared by tensors that are live at the same time, and are large enough', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), range), { maxLength: 20 }), list => {
        const needs = list.map(([size, l], storage) => ({ storage, bytes: 16 * size, range: l }))
        const { sizes, bufferOf } = shareBuffers(needs)
        for (const a of needs) {
          expect(sizes[bufferOf.get(a.storage)!]).toBeGreaterThanOrEqual(a.bytes)
          for (const b of needs)
            if (a !== b && a.range.from <= b.range.to && b.range.from <= a.range.to)
              expect(bufferOf.get(a.storage)).not.toBe(bufferOf.get(b.storage))
        }
      }),
    )
  })

  it('are reused after their last read', () => {
    const at = (storage: number, from: number, to: number) => ({ storage, bytes: 64, range: { from, to } })
    expect(shareBuffers([at(0, 0, 1), at(1, 1, 2), at(2, 2, 3)]).sizes).toEqual([64, 64])
  })

  it('are live during a whole loop if they are used outside too or keep values between iterations', () => {
    const group = (...uses: number[]) => ({
      kind: 'group' as const,
      group: {
        kind: 'map' as const,
        members: [],
        stored: new Set<number>(uses),
        rowRank: 0,
        updates: new Map(),
      },
    })
    const region = { id: 5, axis: { id: 9, name: 'l', extent: 3 }, direction: 'up' as const }
    const order = [
      group(0),
      { kind: 'loop' as const, region, body: [group(1, 3), group(0, 1, 2), group(3)] },
      group(4),
    ]
    const lives = liveRangesOf(order, g => [...g.stored], new Map([[3, new Set([5])]]))
    const loop = { from: 1, to: 5 }
    expect(lives.get(0)).toEqual({ from: 0, to: loop.to })
    expect(lives.get(1)).toEqual({ from: 2, to: 3 })
    expect(lives.get(2)).toEqual({ from: 3, to: 3 })
    expect(lives.get(3)).toEqual(loop)
    expect(lives.get(4)).toEqual({ from: 6, to: 6 })
  })
})
