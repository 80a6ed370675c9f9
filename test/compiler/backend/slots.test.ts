import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cast, f32, i32, index, prim } from '../../../compiler/ir/expr.js'
import type { Axis, Expr } from '../../../compiler/ir/ir.js'
import type { Device } from '../../../runtime/node.js'
import { compare, openTestDevice } from './agree.js'
import { Program } from './programs.js'

let device: Device
beforeAll(async () => {
  device = await openTestDevice()
})
afterAll(() => device.close())

const N = 64
const slotBytes = 4 * N

interface Loop {
  /** The next value at i, from the loop's index and the carry's value at a position. */
  readonly next: (l: Axis, i: Axis, carry: (at: Expr) => Expr, p: Program) => Expr
  /** The slot that a reader outside the loop takes; by default the last. */
  readonly slot?: (last: number) => number
  /** Whether a node reads `init` after the loop. */
  readonly lateStart?: boolean
}

/** x₀ = Σ input, x_{l+1} = next(x_l), and twice one slot of x. */
const program = ({ next, slot, lateStart }: Loop, count: number, direction: 'up' | 'down'): Program => {
  const p = new Program()
  const [l, i] = [p.axis('l', count), p.axis('i', N)]
  const j = p.axis('j', 3)
  const init = p.reduce('init', 'sum', [i], [j], p.at(p.input('input', N, 3), i, j))
  const region = p.b.region(l, direction).id
  const carry = p.b.openCarry({
    dtype: 'f32',
    shape: [count + 1, N],
    region,
    init,
    origin: { label: 'x' },
  })
  const current = direction === 'up' ? index(l) : prim('add', index(l), i32(1))
  const value = next(l, i, at => p.at(carry, current, at), p)
  p.b.closeCarry(carry, p.map('next', [l, i], value, region))
  const last = direction === 'up' ? count : 0
  const read = p.at(carry, i32(slot ? slot(count) : last), i)
  const start = lateStart ? p.at(init, i) : f32(0)
  p.output('out', p.map('out', [i], prim('add', prim('mul', read, f32(2)), start)))
  return p
}

const loops: readonly [string, Loop, (slots: number) => number][] = [
  [
    'one slot, where a thread reads what it writes',
    { next: (l, i, x) => prim('add', prim('mul', x(index(i)), f32(0.5)), cast('f32', index(l))) },
    () => 1,
  ],
  [
    'two slots, where it reads what others write',
    {
      next: (_, i, x) =>
        prim('sub', x(index(i)), prim('mul', x(prim('sub', i32(N - 1), index(i))), f32(0.5))),
    },
    () => 2,
  ],
  [
    'all slots, where another than the last is read',
    { next: (_, i, x) => prim('mul', x(index(i)), f32(0.5)), slot: last => Math.floor(last / 2) },
    slots => slots,
  ],
  [
    'all slots, where the start is read after the loop',
    { next: (_, i, x) => prim('mul', x(index(i)), f32(0.5)), lateStart: true },
    slots => slots,
  ],
]

describe('a carry has', () => {
  for (const [name, loop, slots] of loops)
    it(name, { timeout: 240_000 }, async () => {
      for (const direction of ['up', 'down'] as const)
        for (const count of [2, 3, 5]) {
          const p = program(loop, count, direction)
          const { error, where, artifact } = await compare(device, p.finish(), p.data, { scans: 'never' })
          expect(error, `${count} ${direction}: ${where}`).toBeLessThan(1e-5)
          const temps = artifact.buffers.filter(b => b.role === 'temp').map(b => b.bytes)
          expect(Math.max(...temps), `${count} ${direction}`).toBe(slotBytes * slots(count + 1))
        }
    })

  it('rows in order where its loop makes an output with an axis of extent 1', async () => {
    const p = new Program()
    const [l, d, one] = [p.axis('l', 3), p.axis('d', 8), p.axis('u', 1)]
    const init = p.map('init', [d], p.at(p.input('input', 8), d))
    const region = p.b.region(l, 'up').id
    const x = p.b.openCarry({ dtype: 'f32', shape: [4, 8], region, init, origin: { label: 'x' } })
    const seen = prim('mul', prim('exp', p.at(x, l, d)), p.at(p.input('w', 3, 8), l, d))
    const y = p.map('y', [l, d, one], seen, region)
    p.b.closeCarry(x, p.map('next', [l, d], prim('mul', p.at(y, l, d, i32(0)), f32(0.5)), region))
    p.output('y', y)
    p.output('x', p.map('last', [d], p.at(x, i32(3), d)))
    const { error, where } = await compare(device, p.finish(), p.data, { scans: 'never' })
    expect(error, where).toBeLessThan(1e-5)
  })

  it('one slot in a reader that runs before it is written, two in one that runs after', {
    timeout: 240_000,
  }, async () => {
    for (const late of [false, true]) {
      const p = new Program()
      const count = 4
      const [l, i, j] = [p.axis('l', count), p.axis('i', N), p.axis('j', N)]
      const w = p.input('w', N, N)
      const init = p.map('init', [i], p.at(p.input('input', N), i))
      const region = p.b.region(l, 'up').id
      const shape = [count + 1, N]
      const x = p.b.openCarry({ dtype: 'f32', shape, region, init, origin: { label: 'x' } })
      const product = p.reduce(
        'product',
        'sum',
        [l, i],
        [j],
        prim('mul', prim('mul', p.at(w, i, j), f32(0.1)), p.at(x, l, j)),
        region,
      )
      p.b.closeCarry(
        x,
        p.map(
          'next',
          [l, i],
          prim('exp', prim('neg', p.at(product, l, prim('sub', i32(N - 1), index(i))))),
          region,
        ),
      )
      const total = p.map('zero', [], f32(0))
      const sum = p.b.openCarry({
        dtype: 'f32',
        shape: [count + 1],
        region,
        init: total,
        origin: { label: 'sum' },
      })
      // Reads of the new value and, with `late`, of the old one too.
      const next = p.b.node(x).kind === 'carry' ? (p.b.node(x) as { next: number }).next : -1
      const term = late ? prim('sub', p.at(next, l, j), p.at(x, l, j)) : p.at(next, l, j)
      const part = p.reduce('part', 'max', [l], [j], term, region)
      p.b.closeCarry(sum, p.map('sum', [l], prim('add', p.at(sum, l), p.at(part, l)), region))
      p.output('out', p.map('out', [i], p.at(x, i32(count), i)))
      p.output('sum', p.map('total', [], p.at(sum, i32(count))))
      const { error, where, artifact } = await compare(device, p.finish(), p.data, { scans: 'never' })
      expect(error, where).toBeLessThan(1e-5)
      const temps = artifact.buffers.filter(b => b.role === 'temp').map(b => b.bytes)
      expect(Math.max(...temps)).toBe(late ? 2 * slotBytes : slotBytes)
    }
  })
})
