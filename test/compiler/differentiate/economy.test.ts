import { expect, test } from 'vitest'
import { differentiate } from '../../../compiler/differentiate/differentiate.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { NodeId } from '../../../compiler/ir/ir.js'
import { node } from './support.js'

/** A residual stack y ← y + (W[l]·tanh y) ⊙ s[l] with frozen W, and a loss. */
const stack = () => {
  const b = new Builder()
  const tokens = b.input('tokens', 'i32', [3])
  const embed = b.input('embed', 'f32', [5, 2])
  const w = b.input('w', 'f32', [4, 2, 2])
  const s = b.input('s', 'f32', [4, 2])
  const [t, e, k] = [b.axis('t', 3), b.axis('e', 2), b.axis('k', 2)]
  const x = node(b, [t, e], read(embed, 'f32', [read(tokens, 'i32', [index(t)]), index(e)]))
  const r = b.region(b.axis('l', 4), 'up')
  const l = index(r.axis)
  const make = (label: string, over: boolean, body: Parameters<Builder['compute']>[0]['body']): NodeId =>
    b.compute({
      dtype: 'f32',
      dims: [[r.axis], [t], [e]],
      ...(over ? { reduce: { op: 'sum', axes: [k] } } : {}),
      body,
      region: r.id,
      origin: { label },
    })
  const y = b.openCarry({ dtype: 'f32', shape: [5, 3, 2], region: r.id, init: x, origin: { label: 'y' } })
  const h = make('h', false, prim('tanh', read(y, 'f32', [l, index(t), index(e)])))
  const z = make(
    'z',
    true,
    prim('mul', read(w, 'f32', [l, index(e), index(k)]), read(h, 'f32', [l, index(t), index(k)])),
  )
  const next = make(
    'next',
    false,
    prim(
      'add',
      read(y, 'f32', [l, index(t), index(e)]),
      prim('mul', read(z, 'f32', [l, index(t), index(e)]), read(s, 'f32', [l, index(e)])),
    ),
  )
  b.closeCarry(y, next)
  const loss = node(b, [], prim('sin', read(y, 'f32', [i32(4), index(t), index(e)])), [t, e])
  return { b, embed, w, s, x, loss }
}

const added = (b: Builder, work: () => void): readonly string[] => {
  const before = new Set(b.nodes.keys())
  work()
  return [...b.nodes.values()].filter(n => !before.has(n.id)).map(n => n.origin.label)
}

test('what is frozen gets no nodes', () => {
  const { b, s, loss } = stack()
  const labels = added(b, () => differentiate(b, loss, [s]))
  expect(labels.filter(l => ['∂w', '∂embed', '∂x', '∂tokens'].includes(l))).toEqual([])
  expect([...labels].sort()).toEqual(['∂h', '∂next', '∂s', '∂y', '∂y', '∂y', '∂z'].sort())
})

test('and what is trained adds only its own', () => {
  const frozen = stack()
  const one = added(frozen.b, () => differentiate(frozen.b, frozen.loss, [frozen.s]))
  const trained = stack()
  const two = added(trained.b, () => differentiate(trained.b, trained.loss, [trained.s, trained.w]))
  expect(two.length).toBe(one.length + 1)
  expect(two.filter(l => l === '∂w').length).toBe(1)
})

test('an adjoint dies where nothing before it is wanted', () => {
  const { b, x, loss } = stack()
  const labels = added(b, () => differentiate(b, loss, [x]))
  expect(labels.some(l => l === '∂embed' || l === '∂w' || l === '∂s')).toBe(false)
})

test('an independent input gives zeros of its shape', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2, 3])
  const y = b.input('y', 'f32', [2])
  const i = b.axis('i', 2)
  const loss = node(
    b,
    [i],
    prim('mul', read(y, 'f32', [index(i)]), prim('stop', read(x, 'f32', [index(i), i32(0)]))),
  )
  const [dx] = differentiate(b, loss, [x])
  b.output('dx', dx!)
  expect([...interpret(b.finish(), new Map()).get('dx')!]).toEqual([0, 0, 0, 0, 0, 0])
})

test('integers get zeros of their own type', () => {
  const b = new Builder()
  const n = b.input('n', 'i32', [2])
  const loss = node(b, [], f32(1))
  const [dn] = differentiate(b, loss, [n])
  expect(b.node(dn!)).toMatchObject({ kind: 'compute', dtype: 'i32', body: i32(0) })
})

test('each of several is differentiated by as if the others were given', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [])
  const y = node(b, [], prim('mul', read(x, 'f32', []), f32(3)))
  const loss = node(b, [], prim('mul', read(x, 'f32', []), read(y, 'f32', [])))
  const [dx, dy] = differentiate(b, loss, [x, y])
  b.output('dx', dx!)
  b.output('dy', dy!)
  const out = interpret(b.finish(), new Map([['x', [2]]]))
  expect([...out.get('dx')!, ...out.get('dy')!]).toEqual([6, 2])
})

test('the loss by itself is 1', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  b.output('d', differentiate(b, x, [x])[0]!)
  expect([...interpret(b.finish(), new Map([['x', [3, 4]]])).get('d')!]).toEqual([1, 1])
})
