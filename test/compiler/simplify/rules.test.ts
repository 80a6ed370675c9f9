import { describe, expect, it } from 'vitest'
import { Builder } from '../../../compiler/ir/builder.js'
import { cast, constant, f32, i32, index, mixedRadix, prim, read } from '../../../compiler/ir/expr.js'
import type { Axis, Expr, Graph, NodeId, ReduceOp } from '../../../compiler/ir/ir.js'
import { printGraph } from '../../../compiler/ir/print.js'
import { simplify } from '../../../compiler/simplify/simplify.js'

const origin = { label: '' }
const b = new Builder()
const [i, j, k, h, one] = [b.axis('i', 4), b.axis('j', 3), b.axis('k', 5), b.axis('h', 12), b.axis('o', 1)]
const m = b.input('m', 'f32', [4, 3])
const x = b.input('x', 'f32', [12])
const ids = b.input('ids', 'i32', [4])
const table = b.literal('i32', [3], [2, 0, 1], origin)
const ones = b.literal('f32', [4], [1, 1, 1, 1], origin)
/** A builder that holds the inputs above; its own axes do not collide with theirs. */
const withInputs = (): Builder => {
  const g = new Builder({ nodes: [...b.nodes.values()], regions: [], outputs: [] })
  for (let n = 0; n < 10; n++) g.axis('', 1)
  return g
}

const l = b.axis('l', 4)
const [I, J, K, H, L] = [index(i), index(j), index(k), index(h), index(l)]
const X = read(m, 'f32', [I, J])
const Y = read(x, 'f32', [H])
const W = read(b.input('w', 'u32', []), 'u32', [])
const positive = prim('gt', X, f32(0))
const id = read(ids, 'i32', [I])

const add = (a: Expr, c: Expr): Expr => prim('add', a, c)
const sub = (a: Expr, c: Expr): Expr => prim('sub', a, c)
const mul = (a: Expr, c: Expr): Expr => prim('mul', a, c)
const eq = (a: Expr, c: Expr): Expr => prim('eq', a, c)
const hot = (c: Expr, a: Expr): Expr => prim('select', c, a, f32(0))

/** The last node of a simplified graph, without its number, label and type. */
const form = (graph: Graph): string =>
  /f32\[(.*)\n/.exec(
    printGraph(simplify(graph)).split('%').slice(0, -1).join('%').split('""').at(-1)!,
  )?.[1] ??
  printGraph(simplify(graph))
    .trimEnd()
    .split('\n')
    .at(-2)!
    .replace(/^%\d+ \w+/, '')
    .replace(' ""', '')

const simple = (
  body: Expr,
  dims: readonly Axis[] = [i, j, k, h],
  reduce?: { op: ReduceOp; axes: Axis[] },
): string => {
  const g = withInputs()
  const node = g.compute({
    dtype: body.dtype,
    dims: dims.map(d => [d]),
    ...(reduce ? { reduce } : {}),
    body,
    origin,
  })
  g.output('y', node)
  return form(g.finish())
}
const bodyOf = (e: Expr): string => simple(e).split(' = ').slice(1).join(' = ')

describe('expressions become simpler', () => {
  const cases: readonly [Expr, string][] = [
    [mul(X, f32(1)), '%0[i, j]'],
    [mul(f32(0), X), '%0[i, j] * 0.0'],
    [add(f32(-0), X), '%0[i, j]'],
    [add(f32(0), prim('exp', X)), 'exp(%0[i, j])'],
    [add(f32(0), X), '%0[i, j] + 0.0'],
    [add(X, prim('neg', Y)), '%0[i, j] - %1[h]'],
    [sub(X, prim('neg', Y)), '%0[i, j] + %1[h]'],
    [prim('neg', prim('neg', X)), '%0[i, j]'],
    [mul(prim('neg', X), prim('neg', Y)), '%0[i, j] * %1[h]'],
    [mul(prim('neg', X), Y), '-(%0[i, j] * %1[h])'],
    [mul(Y, prim('select', positive, f32(1), f32(0))), 'if %0[i, j] > 0.0 then %1[h] else %1[h] * 0.0'],
    [mul(cast('f32', positive), Y), 'if %0[i, j] > 0.0 then %1[h] else %1[h] * 0.0'],
    [prim('select', prim('not', positive), X, Y), 'if %0[i, j] > 0.0 then %1[h] else %0[i, j]'],
    [prim('select', prim('lt', I, i32(4)), X, Y), '%0[i, j]'],
    [prim('select', prim('lt', add(I, J), add(add(J, I), i32(1))), X, Y), '%0[i, j]'],
    [cast('f32', prim('min', I, i32(3))), 'f32(i)'],
    [cast('f32', prim('idiv', add(mul(I, i32(5)), K), i32(5))), 'f32(i)'],
    [cast('f32', prim('mod', add(mul(I, i32(5)), K), i32(5))), 'f32(k)'],
    [cast('f32', prim('idiv', mixedRadix([I, J, K], [4, 3, 5]), i32(5))), 'f32(i * 3 + j)'],
    [cast('f32', prim('mod', prim('idiv', mixedRadix([I, J, K], [4, 3, 5]), i32(5)), i32(3))), 'f32(j)'],
    [cast('f32', prim('mod', add(mul(I, i32(10)), H), i32(5))), 'f32(h % 5)'],
    [cast('f32', add(mul(prim('idiv', H, i32(5)), i32(5)), prim('mod', H, i32(5)))), 'f32(h)'],
    [cast('f32', index(one)), '0.0'],
    [cast('f32', sub(add(I, i32(3)), i32(3))), 'f32(i)'],
    [cast('f32', prim('lt', i32(2), K)), 'f32(k > 2)'],
    [cast('f32', prim('ge', add(mul(I, i32(5)), K), i32(10))), 'f32(i >= 2)'],
    [cast('f32', prim('le', add(mul(I, i32(5)), K), i32(9))), 'f32(i < 2)'],
    [cast('f32', eq(add(mul(I, i32(5)), K), i32(7))), 'f32(i == 1 and k == 2)'],
    [cast('f32', prim('gt', I, i32(2))), 'f32(i == 3)'],
    [cast('f32', prim('lt', I, i32(1))), 'f32(i == 0)'],
    [prim('select', eq(J, i32(1)), X, f32(2)), 'if j == 1 then %0[i, 1] else 2.0'],
    [sub(X, f32(-2)), '%0[i, j] + 2.0'],
    [prim('exp', f32(0)), '1.0'],
    [prim('abs', prim('neg', X)), 'abs(%0[i, j])'],
    [prim('abs', prim('abs', X)), 'abs(%0[i, j])'],
    [prim('abs', prim('neg', W)), 'abs(-%5)'],
    [prim('stop', X), '%0[i, j]'],
    [read(m, 'f32', [I, J], true), '%0[i, j]'],
    [read(m, 'f32', [add(I, i32(4)), J], true), '0.0'],
    [read(m, 'f32', [add(I, i32(1)), J], true), '%0[i + 1, j]?'],
    [mul(X, cast('f32', read(table, 'i32', [i32(0)]))), '%0[i, j] * 2.0'],
    [mul(X, read(ones, 'f32', [I])), '%0[i, j]'],
  ]
  for (const [e, expected] of cases) it(`to ${expected}`, () => expect(bodyOf(e)).toBe(expected))

  it('but f32 sums are not reordered', () => {
    const e = add(add(X, f32(1)), f32(2))
    expect(bodyOf(e)).toBe('%0[i, j] + 1.0 + 2.0')
  })

  it('and infinities are constants too', () => expect(bodyOf(prim('log', f32(0)))).toBe('-inf'))

  it('keeps stop before differentiation', () => {
    const g = withInputs()
    g.output('y', g.compute({ dtype: 'f32', dims: [[i], [j]], body: prim('stop', X), origin }))
    expect(printGraph(simplify(g.finish(), { keepStops: true }))).toContain('stop(')
  })
})

describe('reductions become simpler', () => {
  const sum = (axes: Axis[]) => ({ op: 'sum' as const, axes })
  it('over one element', () => expect(simple(X, [i, j], sum([one]))).toBe('[i=4, j=3] = %0[i, j]'))
  it('of zeros', () => expect(simple(mul(f32(2), f32(0)), [i], sum([j]))).toBe('[i=4] = 0.0'))
  it('of a whole number', () => expect(simple(f32(2), [], sum([i, j]))).toBe('[] = 24.0'))
  it('to a maximum over what does not matter', () =>
    expect(simple(X, [i, j], { op: 'max', axes: [k] })).toBe('[i=4, j=3] = %0[i, j]'))

  it('picks the one element of a one-hot sum', () =>
    expect(simple(hot(eq(J, sub(i32(2), K)), X), [i, k], sum([j]))).toBe(
      '[i=4, k=5] = if 2 - k >= 0 then %0[i, 2 - k]? else 0.0',
    ))
  it('but not of a one-hot factor: what it is multiplied with may be infinite', () =>
    expect(simple(mul(X, cast('f32', eq(K, J))), [i, j], sum([k]))).toBe(
      '[i=4, j=3] = sum k=5: if k == j then %0[i, j] else %0[i, j] * 0.0',
    ))
  it('without a condition where the range is known', () =>
    expect(simple(hot(eq(index(one), prim('mod', I, i32(1))), X), [i, j], sum([one]))).toBe(
      '[i=4, j=3] = %0[i, j]',
    ))
  it('with data as the position, guarded', () =>
    expect(simple(hot(eq(J, id), X), [i], sum([j]))).toBe(
      '[i=4] = if %2[i] >= 0 and %2[i] < 3 then %0[i, %2[i]]? else 0.0',
    ))
  it('but not where the data depends on the axis: that is a scatter', () =>
    expect(simple(hot(eq(J, id), X), [j], sum([i]))).toContain('sum i=4'))
  it('undoes mixed radices', () => {
    const wide = eq(H, mixedRadix([I, J], [4, 3]))
    expect(simple(hot(wide, X), [h], sum([i, j]))).toBe('[(h=4 h_in=3)] = %0[h, h_in]')
  })
  it('with a condition on the axis alone, of two values', () => {
    const two = b.axis('p', 2)
    const body = prim('select', eq(index(two), i32(0)), f32(0), read(m, 'f32', [add(index(two), i32(1)), J]))
    expect(simple(body, [j], sum([two]))).toBe('[j=3] = %0[2, j]')
  })
  it('undoes strides', () =>
    expect(simple(hot(eq(H, mul(I, i32(2))), X), [h, j], sum([i]))).toBe(
      '[(h=6 h_in=2), j=3] = if h_in == 0 and h < 4 then %0[h, j]? else 0.0',
    ))
})

describe('graphs become simpler', () => {
  const build = (f: (g: Builder) => NodeId): string => {
    const g = withInputs()
    g.output('y', f(g))
    return printGraph(simplify(g.finish()))
  }
  const computes = (text: string): number =>
    text.split('\n').filter(l => / "" = /.test(l) && !/input|literal/.test(l)).length

  it('reads through transposes, broadcasts and product dimensions', () => {
    const text = build(g => {
      const t = g.compute({ dtype: 'f32', dims: [[j, k], [i]], body: X, origin })
      return g.compute({
        dtype: 'f32',
        dims: [[i]],
        reduce: { op: 'sum', axes: [h] },
        body: prim('exp', read(t, 'f32', [H, I])),
        origin,
      })
    })
    // h has 12 of the 15 values that (j, k) has, so that the division stays.
    expect(text).toContain('sum h=12: exp(%0[i, h // 5])')
  })

  it('splits an axis that reads a product', () => {
    const wide = b.axis('w', 15)
    const text = build(g => {
      const t = g.compute({ dtype: 'f32', dims: [[j, k], [i]], body: mul(X, cast('f32', K)), origin })
      const again = g.compute({ dtype: 'f32', dims: [[i, j]], body: X, origin })
      const s = g.compute({
        dtype: 'f32',
        dims: [],
        reduce: { op: 'sum', axes: [h] },
        body: read(again, 'f32', [H]),
        origin,
      })
      const at = [index(wide), I]
      return g.compute({
        dtype: 'f32',
        dims: [[wide], [i]],
        body: mul(read(t, 'f32', at), read(s, 'f32', [])),
        origin,
      })
    })
    expect(text).toContain('sum h=4, h_in=3: %0[h, h_in]')
  })

  it('computes a tensor only where it is read', () => {
    const logits = (g: Builder): NodeId =>
      g.compute({
        dtype: 'f32',
        dims: [[i], [h]],
        reduce: { op: 'sum', axes: [j] },
        body: mul(X, prim('exp', Y)),
        origin,
      })
    const some = (g: Builder, y: NodeId, at: Expr): NodeId =>
      g.compute({ dtype: 'f32', dims: [[i]], body: prim('sin', read(y, 'f32', [I, at])), origin })
    expect(build(g => some(g, logits(g), id))).toContain('[i=4] "" = sum j=3: %0[i, j] * exp(%1[%2[i]])')
    expect(build(g => some(g, logits(g), i32(7)))).toContain('[i=4] "" = sum j=3: %0[i, j] * exp(%1[7])')
    // Elsewhere too, by another reader: then all of it is needed.
    const both = build(g => {
      const y = logits(g)
      return g.compute({
        dtype: 'f32',
        dims: [[i]],
        body: add(read(some(g, y, id), 'f32', [I]), read(some(g, y, i32(0)), 'f32', [I])),
        origin,
      })
    })
    expect(both).toContain('[i=4, h=12] "" = sum j=3')
  })

  it('computes all of a tensor where it may be read elsewhere', () => {
    const reader = (
      body: (read: (...at: Expr[]) => Expr, guarded: (...at: Expr[]) => Expr) => Expr,
    ): string =>
      build(g => {
        const q = g.axis('q', 4)
        const y = g.compute({
          dtype: 'f32',
          dims: [[i], [q], [h]],
          reduce: { op: 'sum', axes: [j] },
          body: mul(mul(X, prim('exp', Y)), cast('f32', index(q))),
          origin,
        })
        const at = (...p: Expr[]): Expr => read(y, 'f32', p)
        const guarded = (...p: Expr[]): Expr => read(y, 'f32', p, true)
        const dims = [[i], [l]]
        return g.compute({ dtype: 'f32', dims, body: prim('sin', body(at, guarded)), origin })
      })
    const whole = '[i=4, q=4, h=12] "" = sum j=3'
    expect(reader(at => at(I, L, id))).not.toContain(whole)
    // On a condition without which it would be outside; data that may be outside; data of one position and
    // of another.
    const last = add(I, i32(9))
    expect(reader(at => hot(prim('lt', I, i32(3)), at(I, L, last)))).toContain(whole)
    expect(reader((_, guarded) => guarded(I, L, id))).toContain(whole)
    expect(reader(at => add(at(I, L, id), at(I, L, read(ids, 'i32', [L]))))).toContain(whole)
  })

  it('moves a guard through a transpose', () => {
    const text = build(g => {
      const t = g.compute({ dtype: 'f32', dims: [[j], [i]], body: X, origin })
      return g.compute({
        dtype: 'f32',
        dims: [[i], [j]],
        body: prim('exp', read(t, 'f32', [J, sub(I, i32(1))], true)),
        origin,
      })
    })
    expect(text).toContain('exp(%0[i - 1, j]?)')
  })

  it('computes equal nodes once', () => {
    const text = build(g => {
      const body = prim('exp', X)
      const [p, q] = [0, 1].map(() => g.compute({ dtype: 'f32', dims: [[i], [j]], body, origin })) as [
        number,
        number,
      ]
      return g.compute({
        dtype: 'f32',
        dims: [],
        reduce: { op: 'sum', axes: [i, j] },
        body: mul(read(p, 'f32', [I, J]), read(q, 'f32', [I, J])),
        origin,
      })
    })
    expect(computes(text)).toBe(2)
  })

  it('moves what does not change out of loops', () => {
    const text = build(g => {
      const l = g.axis('l', 3)
      const r = g.region(l, 'up')
      const c = g.openCarry({ dtype: 'f32', shape: [4, 12], region: r.id, init: x, origin })
      const fixed = g.compute({ dtype: 'f32', dims: [[l], [h]], body: prim('exp', Y), region: r.id, origin })
      const body = mul(read(c, 'f32', [index(l), H]), prim('sin', read(fixed, 'f32', [index(l), H])))
      g.closeCarry(c, g.compute({ dtype: 'f32', dims: [[l], [h]], body, region: r.id, origin }))
      return c
    })
    expect(text).toMatch(/%\d+ f32\[h=12\] "" = exp\(%1\[h\]\)\nloop up l=3:/)
  })

  it('keeps constants of wrapping integers right', () => {
    const e = add(cast('u32', I), constant('u32', 4294967295))
    expect(bodyOf(cast('f32', add(e, constant('u32', 2))))).toBe('f32(u32(i) + 1u)')
  })
})
