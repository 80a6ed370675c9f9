import { expect, test } from 'vitest'
import { differentiate } from '../../../compiler/differentiate/differentiate.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Axis, CarryNode, Expr, NodeId, Region } from '../../../compiler/ir/ir.js'
import { verify } from '../../../compiler/ir/verify.js'
import { gradientGraph, gradientsOf, node } from './support.js'

/** A node of the region over its axes and `dims`. */
const inside = (
  b: Builder,
  r: Region,
  label: string,
  dims: readonly Axis[],
  body: Expr,
  over: readonly Axis[] = [],
): NodeId =>
  b.compute({
    dtype: 'f32',
    dims: [...b.enclosing(r.id).map(x => [x.axis]), ...dims.map(a => [a])],
    ...(over.length === 0 ? {} : { reduce: { op: 'sum', axes: over } }),
    body,
    region: r.id,
    origin: { label },
  })

/** A fold with one vector as its carry: `step` gives the next value from a read of the present one. */
const fold = (
  b: Builder,
  direction: 'up' | 'down',
  init: NodeId,
  extent: number,
  count: number,
  step: (r: Region, now: (at: Expr) => Expr, i: Axis) => NodeId,
): NodeId => {
  const r = b.region(b.axis('l', count), direction)
  const carry = b.openCarry({
    dtype: 'f32',
    shape: [count + 1, extent],
    region: r.id,
    init,
    origin: { label: 'x' },
  })
  const l = index(r.axis)
  const slot = direction === 'up' ? l : prim('add', l, i32(1))
  b.closeCarry(
    carry,
    step(r, at => read(carry, 'f32', [slot, at]), b.axis('i', extent)),
  )
  return carry
}

const finalOf = (direction: 'up' | 'down', count: number): Expr => i32(direction === 'up' ? count : 0)

for (const direction of ['up', 'down'] as const) {
  test(`a fold ${direction} over stacked weights: x ← w[l]·x`, () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [2])
    const w = b.input('w', 'f32', [3, 2])
    const carry = fold(b, direction, x, 2, 3, (r, now, i) =>
      inside(b, r, 'next', [i], prim('mul', read(w, 'f32', [index(r.axis), index(i)]), now(index(i)))),
    )
    const i = b.axis('i', 2)
    const loss = node(b, [i], read(carry, 'f32', [finalOf(direction, 3), index(i)]))
    expect(gradientsOf(b, loss, { x: [1, 2], w: [1, 2, 3, 4, 5, 6] }, ['x', 'w'])).toEqual([
      [15, 48],
      [15, 2 * 24, 5, 2 * 12, 3, 2 * 8],
    ])
    const graph = gradientGraph(b.finish(), loss, ['x', 'w'])
    expect(graph.regions.map(r => r.direction)).toEqual([direction, direction === 'up' ? 'down' : 'up'])
  })

  test(`a fold ${direction} with a captured matrix: its gradient is summed over the iterations`, () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [2])
    const m = b.input('m', 'f32', [2, 2])
    const carry = fold(b, direction, x, 2, 3, (r, now, i) => {
      const k = b.axis('k', 2)
      return inside(
        b,
        r,
        'next',
        [i],
        prim('mul', read(m, 'f32', [index(i), index(k)]), prim('tanh', now(index(k)))),
        [k],
      )
    })
    const i = b.axis('i', 2)
    const loss = node(b, [i], read(carry, 'f32', [finalOf(direction, 3), index(i)]))
    gradientsOf(b, loss, { x: [0.3, -0.2], m: [1, 2, -1, 0.5] }, ['x', 'm'])
  })

  test(`every slot of a fold ${direction} read from outside`, () => {
    const b = new Builder()
    const x = b.input('x', 'f32', [2])
    const c = b.input('c', 'f32', [4])
    const carry = fold(b, direction, x, 2, 3, (r, now, i) =>
      inside(b, r, 'next', [i], prim('sin', prim('mul', now(index(i)), f32(1.5)))),
    )
    const [s, i] = [b.axis('s', 4), b.axis('i', 2)]
    const loss = node(
      b,
      [],
      prim('mul', read(carry, 'f32', [index(s), index(i)]), read(c, 'f32', [index(s)])),
      [s, i],
    )
    gradientsOf(b, loss, { x: [0.3, -0.7], c: [1, 2, -1, 3] }, ['x', 'c'])
  })
}

test('a fold of no iterations hands its cotangent through', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  const carry = fold(b, 'up', x, 2, 0, (r, now, i) => inside(b, r, 'next', [i], prim('sin', now(index(i)))))
  const i = b.axis('i', 2)
  const loss = node(b, [i], prim('mul', f32(3), read(carry, 'f32', [i32(0), index(i)])))
  expect(gradientsOf(b, loss, { x: [1, 2] }, ['x'])).toEqual([[3, 3]])
})

test('the final slot alone feeds the start of the reversed fold', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  const carry = fold(b, 'up', x, 2, 3, (r, now, i) => inside(b, r, 'next', [i], prim('sin', now(index(i)))))
  const i = b.axis('i', 2)
  const loss = node(b, [], prim('cos', read(carry, 'f32', [i32(3), index(i)])), [i])
  b.output('loss', loss)
  const graph = gradientGraph(b.finish(), loss, ['x'])
  const bar = graph.nodes.find((n): n is CarryNode => n.kind === 'carry' && n.origin.label === '∂x')!
  const next = graph.nodes.find(n => n.id === bar.next)!
  expect(next.kind === 'compute' && JSON.stringify(next.body).includes('"select"')).toBe(false)
})

test('an intermediate of the last iteration read outside', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  let kept = -1
  const carry = fold(b, 'up', x, 2, 3, (r, now, i) => {
    kept = inside(b, r, 'kept', [i], prim('mul', now(index(i)), now(index(i))))
    return inside(b, r, 'next', [i], prim('sin', read(kept, 'f32', [index(r.axis), index(i)])))
  })
  const i = b.axis('i', 2)
  const at = index(i)
  const loss = node(b, [], prim('mul', read(kept, 'f32', [i32(1), at]), read(carry, 'f32', [i32(3), at])), [
    i,
  ])
  gradientsOf(b, loss, { x: [0.8, -1.2] }, ['x'])
})

test('a fold in a fold, with weights of both', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  const w = b.input('w', 'f32', [2, 3])
  const v = b.input('v', 'f32', [3, 2])
  const carry = fold(b, 'up', x, 2, 2, (outer, now, i) => {
    const l = index(outer.axis)
    const start = inside(b, outer, 'start', [i], prim('tanh', now(index(i))))
    const inner = b.region(b.axis('m', 3), 'down', outer.id)
    const m = index(inner.axis)
    const y = b.openCarry({
      dtype: 'f32',
      shape: [2, 4, 2],
      region: inner.id,
      init: start,
      origin: { label: 'y' },
    })
    const own = b.axis('i', 2)
    const scaled = prim(
      'mul',
      read(y, 'f32', [l, prim('add', m, i32(1)), index(own)]),
      read(w, 'f32', [l, m]),
    )
    const shifted = prim('add', scaled, prim('mul', read(v, 'f32', [m, index(own)]), now(index(own))))
    b.closeCarry(y, inside(b, inner, 'step', [own], shifted))
    return inside(b, outer, 'next', [i], prim('sin', read(y, 'f32', [l, i32(0), index(i)])))
  })
  const i = b.axis('i', 2)
  const loss = node(b, [], prim('mul', f32(2), read(carry, 'f32', [i32(2), index(i)])), [i])
  gradientsOf(b, loss, { x: [0.5, -1], w: [1, 2, 0.5, -1, 1.5, 0.7], v: [1, 2, 0.3, -1, 0.5, 1] }, [
    'x',
    'w',
    'v',
  ])
  const graph = gradientGraph(b.finish(), loss, ['v'])
  expect(graph.regions.map(r => r.direction)).toEqual(['up', 'down', 'down', 'up'])
  expect(graph.regions[3]!.parent).toBe(graph.regions[2]!.id)
})

/** Three steps of x ← x − rate·∇f(x) with f(x) = Σ a·x⁴. */
const descent = (b: Builder): NodeId => {
  const x = b.input('x', 'f32', [2])
  const a = b.input('a', 'f32', [2])
  const rate = b.input('rate', 'f32', [])
  return fold(b, 'up', x, 2, 3, (r, now, i) => {
    const l = index(r.axis)
    const leaf = inside(b, r, 'leaf', [i], now(index(i)))
    const k = b.axis('k', 2)
    const loss = inside(
      b,
      r,
      'f',
      [],
      prim('mul', read(a, 'f32', [index(k)]), prim('pow', read(leaf, 'f32', [l, index(k)]), f32(4))),
      [k],
    )
    const [slope] = differentiate(b, loss, [leaf])
    return inside(
      b,
      r,
      'next',
      [i],
      prim('sub', now(index(i)), prim('mul', read(rate, 'f32', []), read(slope!, 'f32', [l, index(i)]))),
    )
  })
}

test('a gradient inside a fold is a node of the fold: descent', () => {
  const b = new Builder()
  b.output('x', descent(b))
  const graph = b.finish()
  expect(verify(graph)).toEqual([])
  expect(graph.regions.length).toBe(1)
  const inputs = { x: [1, -0.5], a: [0.25, 0.5], rate: [0.1] }
  const got = interpret(graph, new Map(Object.entries(inputs))).get('x')!
  const expected = inputs.x.map((start, i) => {
    let x = start
    for (let n = 0; n < 3; n++) x -= 0.1 * 4 * inputs.a[i]! * x ** 3
    return x
  })
  for (const [i, x] of got.slice(6).entries()) expect(x).toBeCloseTo(expected[i]!, 12)
})

test('and the descent can be differentiated by where it starts, what it descends and how fast', () => {
  const b = new Builder()
  const carry = descent(b)
  const i = b.axis('i', 2)
  const loss = node(b, [], prim('sin', read(carry, 'f32', [i32(3), index(i)])), [i])
  gradientsOf(b, loss, { x: [1, -0.5], a: [0.25, 0.5], rate: [0.1] }, ['x', 'a', 'rate'])
})

test('a gradient inside a fold through a fold of its own', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  const carry = fold(b, 'up', x, 2, 2, (outer, now, i) => {
    const l = index(outer.axis)
    const leaf = inside(b, outer, 'leaf', [i], now(index(i)))
    const inner = b.region(b.axis('m', 2), 'up', outer.id)
    const y = b.openCarry({
      dtype: 'f32',
      shape: [2, 3, 2],
      region: inner.id,
      init: leaf,
      origin: { label: 'y' },
    })
    const own = b.axis('i', 2)
    const here = read(y, 'f32', [l, index(inner.axis), index(own)])
    b.closeCarry(y, inside(b, inner, 'step', [own], prim('mul', here, here)))
    const k = b.axis('k', 2)
    const loss = inside(b, outer, 'f', [], read(y, 'f32', [l, i32(2), index(k)]), [k])
    const [slope] = differentiate(b, loss, [leaf])
    return inside(b, outer, 'next', [i], read(slope!, 'f32', [l, index(i)]))
  })
  b.output('x', carry)
  const graph = b.finish()
  expect(verify(graph)).toEqual([])
  // ∇ Σ x⁴ = 4x³, twice: 4·(4x³)³
  const got = [...interpret(graph, new Map([['x', [1, -0.5]]])).get('x')!]
  expect(got.slice(4)).toEqual([256, 4 * (4 * -0.125) ** 3])
})
