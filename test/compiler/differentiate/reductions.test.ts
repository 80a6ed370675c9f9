import { expect, test } from 'vitest'
import { differentiate } from '../../../compiler/differentiate/differentiate.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { index, prim, read } from '../../../compiler/ir/expr.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import { gradientsOf, node } from './support.js'

/**
 * The gradient of reduce(op) over the columns of x: [2, 3], without the check by differences that a tie
 * does not bear.
 */
const byRows = (op: 'prod' | 'max' | 'min', x: readonly number[]): readonly number[] => {
  const b = new Builder()
  const id = b.input('x', 'f32', [2, 3])
  const [i, r] = [b.axis('i', 2), b.axis('r', 3)]
  const loss = node(b, [i], read(id, 'f32', [index(i), index(r)]), [r], op)
  b.output('d', differentiate(b, loss, [id])[0]!)
  return [...interpret(b.finish(), new Map([['x', Float64Array.from(x)]])).get('d')!]
}

test('a product: the product of the others, with one zero and with two', () => {
  expect(byRows('prod', [2, 3, 4, 5, 0, 6])).toEqual([12, 8, 6, 0, 30, 0])
  expect(byRows('prod', [0, 0, 4, 1, 1, 1])).toEqual([0, 0, 0, 1, 1, 1])
})

test('a product over two axes', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [2, 2])
  const [i, j] = [b.axis('i', 2), b.axis('j', 2)]
  const loss = node(b, [], read(x, 'f32', [index(i), index(j)]), [i, j], 'prod')
  expect(gradientsOf(b, loss, { x: [1, 2, 3, 4] }, ['x'])).toEqual([[24, 12, 8, 6]])
})

test('extrema: to the elements that attain them, in equal shares', () => {
  expect(byRows('max', [1, 3, 2, 5, 5, 4])).toEqual([0, 1, 0, 0.5, 0.5, 0])
  expect(byRows('min', [1, 3, 2, 7, 7, 7])).toEqual([1, 0, 0, 1 / 3, 1 / 3, 1 / 3])
})

test('the maximum of something computed', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [3])
  const r = b.axis('r', 3)
  const v = read(x, 'f32', [index(r)])
  const loss = node(b, [], prim('mul', v, v), [r], 'max')
  expect(gradientsOf(b, loss, { x: [1, -3, 2] }, ['x'])).toEqual([[0, -6, 0]])
})

test('argmax and what only reads integers have no derivative', () => {
  const b = new Builder()
  const x = b.input('x', 'f32', [3])
  const w = b.input('w', 'f32', [3])
  const r = b.axis('r', 3)
  const best = b.compute({
    dtype: 'i32',
    dims: [],
    reduce: { op: 'argmax', axes: [r] },
    body: read(x, 'f32', [index(r)]),
    origin: { label: 'best' },
  })
  const loss = node(b, [], read(w, 'f32', [read(best, 'i32', [])]))
  expect(gradientsOf(b, loss, { x: [1, 3, 2], w: [4, 5, 6] }, ['w', 'x'])).toEqual([
    [0, 1, 0],
    [0, 0, 0],
  ])
})
