import { expect, test } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, mixedRadix, prim, read } from '../../../compiler/ir/expr.js'
import type { ComputeNode, Node } from '../../../compiler/ir/ir.js'
import { gradientGraph, gradientsOf, node } from './support.js'

const origin = { label: 'n' }
const square = (b: Builder, id: number, extent: number): number => {
  const i = b.axis('i', extent)
  const x = read(id, 'f32', [index(i)])
  return node(b, [], prim('mul', x, x), [i])
}
const only = (nodes: readonly Node[], label: string): ComputeNode[] =>
  nodes.filter((n): n is ComputeNode => n.kind === 'compute' && n.origin.label === label)

test('a matrix product: both gradients are matrix products over the dropped axis', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2, 3])
  const w = b.input('w', 'f32', [3, 2])
  const [i, j, k] = [b.axis('i', 2), b.axis('j', 2), b.axis('k', 3)]
  const y = node(
    b,
    [i, j],
    prim('mul', read(x, 'f32', [index(i), index(k)]), read(w, 'f32', [index(k), index(j)])),
    [k],
  )
  const p = read(y, 'f32', [index(i), index(j)])
  const loss = node(b, [], prim('mul', p, p), [i, j])
  const values = { x: [1, 2, 3, 4, 5, 6], w: [1, 0, 0, 1, 1, 1] }
  // y = [[4, 5], [10, 11]]; x̄ = 2 y wᵀ, w̄ = 2 xᵀ y
  const [dx, dw] = gradientsOf(b, loss, values, ['x', 'w'])
  expect(dx).toEqual([8, 10, 18, 20, 22, 42])
  expect(dw).toEqual([88, 98, 116, 130, 144, 162])
  const products = only(gradientGraph(b.finish(), loss, ['x', 'w']).nodes, '∂x').concat(
    only(gradientGraph(b.finish(), loss, ['x', 'w']).nodes, '∂w'),
  )
  expect(products.map(n => [n.reduce?.op, n.reduce?.axes.length, n.dims.length])).toEqual([
    ['sum', 1, 2],
    ['sum', 1, 2],
  ])
})

test('one element read twice counts twice, through one sum', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  const i = b.axis('i', 2)
  const twice = prim('mul', read(x, 'f32', [index(i)]), read(x, 'f32', [index(i)]))
  const loss = node(b, [], twice, [i])
  expect(gradientsOf(b, loss, { x: [3, -1] }, ['x'])).toEqual([[6, -2]])
})

test('a transposed read', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2, 3])
  const [i, j] = [b.axis('i', 3), b.axis('j', 2)]
  const c = b.literal('f32', [3, 2], [1, 2, 3, 4, 5, 6], origin)
  const loss = node(
    b,
    [i, j],
    prim('mul', read(x, 'f32', [index(j), index(i)]), read(c, 'f32', [index(i), index(j)])),
  )
  expect(gradientsOf(b, loss, { x: [0, 0, 0, 0, 0, 0] }, ['x'])).toEqual([[1, 3, 5, 2, 4, 6]])
})

test('a read reversed, and a shifted one past the end', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [4])
  const t = b.axis('t', 4)
  const c = b.literal('f32', [4], [1, 10, 100, 1000], origin)
  const weighted = (at: Parameters<typeof read>[2], guarded: boolean): number =>
    node(b, [t], prim('mul', read(x, 'f32', at, guarded), read(c, 'f32', [index(t)])))
  const back = weighted([prim('sub', i32(3), index(t))], false)
  const next = weighted([prim('add', index(t), i32(1))], true)
  const sum = node(b, [t], prim('add', read(back, 'f32', [index(t)]), read(next, 'f32', [index(t)])))
  const [dx] = gradientsOf(b, sum, { x: [1, 2, 3, 4] }, ['x'])
  expect(dx).toEqual([1000, 100 + 1, 10 + 10, 1 + 100])
  const gradient = gradientGraph(b.finish(), sum, ['x'])
  expect(gradient.nodes.filter(n => n.kind === 'compute' && n.reduce)).toEqual([])
})

test('a window: the axis of the result is solved for, the other one stays summed', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [6])
  const w = b.input('w', 'f32', [3])
  const [t, k] = [b.axis('t', 4), b.axis('k', 3)]
  const y = node(
    b,
    [t],
    prim('mul', read(x, 'f32', [prim('add', index(t), index(k))]), read(w, 'f32', [index(k)])),
    [k],
  )
  const loss = square(b, y, 4)
  gradientsOf(b, loss, { x: [1, -2, 3, 0.5, 2, 1], w: [1, 2, -1] }, ['x', 'w'])
})

test('a gather adds up over the positions where the index is equal', () => {
  const b = new Builder()
  const embed = b.input('embed', 'f32', [4, 2])
  const tokens = b.input('tokens', 'i32', [3])
  const [t, e] = [b.axis('t', 3), b.axis('e', 2)]
  const x = node(b, [t, e], read(embed, 'f32', [read(tokens, 'i32', [index(t)]), index(e)]))
  const c = b.literal('f32', [3, 2], [1, 2, 3, 4, 5, 6], origin)
  const at = [index(t), index(e)]
  const loss = node(b, [], prim('mul', read(x, 'f32', at), read(c, 'f32', at)), [t, e])
  expect(gradientsOf(b, loss, { embed: [0, 0, 0, 0, 0, 0, 0, 0], tokens: [2, 0, 2] }, ['embed'])).toEqual([
    [3, 4, 0, 0, 6, 8, 0, 0],
  ])
})

test('a read by data at one position of each row selects and does not sum', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2, 3])
  const target = b.input('target', 'i32', [2])
  const t = b.axis('t', 2)
  const picked = node(b, [t], read(x, 'f32', [index(t), read(target, 'i32', [index(t)])]))
  const loss = square(b, picked, 2)
  expect(gradientsOf(b, loss, { x: [1, 2, 3, 4, 5, 6], target: [1, 0] }, ['x'])).toEqual([[0, 4, 0, 8, 0, 0]])
  expect(only(gradientGraph(b.finish(), loss, ['x']).nodes, '∂x').filter(n => n.reduce)).toEqual([])
})

test('a diagonal and a constant position', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [3, 3])
  const t = b.axis('t', 3)
  const y = node(
    b,
    [t],
    prim('mul', read(x, 'f32', [index(t), index(t)]), read(x, 'f32', [i32(1), index(t)])),
  )
  expect(gradientsOf(b, y, { x: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, ['x'])).toEqual([
    [4, 0, 0, 1, 5 + 5, 9, 0, 0, 6],
  ])
})

test('a product dimension keeps its axes: grouped heads', () => {
  const b = new Builder()
  const q = b.input('q', 'f32', [4, 3])
  const k = b.input('k', 'f32', [2, 3])
  const [j, g, d] = [b.axis('j', 2), b.axis('g', 2), b.axis('d', 3)]
  const h = mixedRadix([index(j), index(g)], [2, 2])
  const score = b.compute({
    dtype: 'f32',
    dims: [[j, g]],
    reduce: { op: 'sum', axes: [d] },
    body: prim('mul', read(q, 'f32', [h, index(d)]), read(k, 'f32', [index(j), index(d)])),
    origin,
  })
  const loss = square(b, score, 4)
  gradientsOf(b, loss, { q: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], k: [1, -1, 2, 0, 1, 1] }, ['q', 'k'])
  const graph = gradientGraph(b.finish(), loss, ['q', 'k'])
  const [dq, dk] = ['∂q', '∂k'].map(l => only(graph.nodes, l))
  expect(dq!.map(n => n.dims.map(axes => axes.length))).toEqual([[2, 1]])
  expect(dk!.map(n => [n.dims.length, n.reduce?.axes.map(a => a.extent)])).toEqual([[2, [2]]])
})

test('a divided index becomes digits: no search over heads', () => {
  const b = new Builder()
  const k = b.input('k', 'f32', [2, 3])
  const [h, d] = [b.axis('h', 4), b.axis('d', 3)]
  const c = b.literal('f32', [4, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], origin)
  const y = node(
    b,
    [h, d],
    prim(
      'mul',
      read(k, 'f32', [prim('idiv', index(h), i32(2)), index(d)]),
      read(c, 'f32', [index(h), index(d)]),
    ),
  )
  expect(gradientsOf(b, y, { k: [0, 0, 0, 0, 0, 0] }, ['k'])).toEqual([[5, 7, 9, 17, 19, 21]])
  const sums = only(gradientGraph(b.finish(), y, ['k']).nodes, '∂k')
  expect(sums.map(n => n.reduce?.axes.map(a => a.extent))).toEqual([[2]])
})

test('every second element, as rotary pairs read them, is solved for and not searched', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [6])
  const p = b.axis('p', 3)
  const pair = (k: number) => read(x, 'f32', [mixedRadix([index(p), i32(k)], [3, 2])])
  const y = node(b, [p], prim('mul', pair(0), prim('sin', pair(1))))
  const loss = square(b, y, 3)
  gradientsOf(b, loss, { x: [1, 2, 3, 4, 5, 6] }, ['x'])
  expect(only(gradientGraph(b.finish(), loss, ['x']).nodes, '∂x').filter(n => n.reduce)).toEqual([])
})

test('halves, read at a constant first digit', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [6])
  const p = b.axis('p', 3)
  const half = (k: number) => read(x, 'f32', [mixedRadix([i32(k), index(p)], [2, 3])])
  const y = node(b, [p], prim('mul', half(0), prim('sin', half(1))))
  const loss = square(b, y, 3)
  gradientsOf(b, loss, { x: [1, 2, 3, 4, 5, 6] }, ['x'])
  expect(only(gradientGraph(b.finish(), loss, ['x']).nodes, '∂x').filter(n => n.reduce)).toEqual([])
})

test('a broadcast scalar counts its copies', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [])
  const [i, r] = [b.axis('i', 3), b.axis('r', 5)]
  const y = node(b, [i], read(x, 'f32', []), [r])
  expect(gradientsOf(b, y, { x: [1] }, ['x'])).toEqual([[15]])
})

test('a branch not taken sends nothing, not even NaN', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2])
  const i = b.axis('i', 2)
  const v = read(x, 'f32', [index(i)])
  const y = node(b, [i], prim('select', prim('gt', v, f32(0)), prim('sqrt', v), f32(0)))
  expect(gradientsOf(b, y, { x: [4, -1] }, ['x'])).toEqual([[0.25, 0]])
})
