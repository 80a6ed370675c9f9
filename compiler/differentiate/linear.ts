import { axesOf, i32, index, prim } from '../ir/expr.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'

/** constant + Σ by·axis + Σ by·term, the terms being what is not linear. */
export interface Linear {
  readonly constant: number
  readonly axes: ReadonlyMap<AxisId, { readonly axis: Axis; readonly by: number }>
  readonly terms: readonly { readonly term: Expr; readonly by: number }[]
}

const none: Linear = { constant: 0, axes: new Map(), terms: [] }

export const scaled = (a: Linear, by: number): Linear => ({
  constant: a.constant * by,
  axes: by === 0 ? new Map() : new Map([...a.axes].map(([id, x]) => [id, { axis: x.axis, by: x.by * by }])),
  terms: by === 0 ? [] : a.terms.map(x => ({ term: x.term, by: x.by * by })),
})

export const sumOf = (a: Linear, b: Linear): Linear => {
  const axes = new Map(a.axes)
  for (const [id, { axis, by }] of b.axes) {
    const total = by + (axes.get(id)?.by ?? 0)
    if (total === 0) axes.delete(id)
    else axes.set(id, { axis, by: total })
  }
  return { constant: a.constant + b.constant, axes, terms: [...a.terms, ...b.terms] }
}

const axisOnly = (axis: Axis): Linear => ({ ...none, axes: new Map([[axis.id, { axis, by: 1 }]]) })

/** An i32 expression as a linear form in its axes. */
export const linearOf = (e: Expr): Linear => {
  if (e.op === 'const') return { ...none, constant: e.value }
  if (e.op === 'index') return axisOnly(e.axis)
  if (e.op === 'add') return sumOf(linearOf(e.args[0]!), linearOf(e.args[1]!))
  if (e.op === 'sub') return sumOf(linearOf(e.args[0]!), scaled(linearOf(e.args[1]!), -1))
  if (e.op === 'neg') return scaled(linearOf(e.args[0]!), -1)
  if (e.op === 'mul') {
    const [a, b] = e.args.map(linearOf) as [Linear, Linear]
    if (isConstant(a)) return scaled(b, a.constant)
    if (isConstant(b)) return scaled(a, b.constant)
  }
  return { ...none, terms: [{ term: e, by: 1 }] }
}

const isConstant = (a: Linear): boolean => a.axes.size === 0 && a.terms.length === 0

const exprOf = (a: Linear): Expr => {
  const parts = [
    ...[...a.axes.values()].map(x => ({ term: index(x.axis), by: x.by })),
    ...a.terms,
    ...(a.constant === 0 ? [] : [{ term: i32(1), by: a.constant }]),
  ]
  const positive = parts.filter(p => p.by > 0)
  const negative = parts.filter(p => p.by < 0)
  const size = ({ term, by }: { readonly term: Expr; readonly by: number }): Expr =>
    term.op === 'const'
      ? i32(term.value * Math.abs(by))
      : Math.abs(by) === 1
        ? term
        : prim('mul', term, i32(Math.abs(by)))
  const start = positive.length > 0 ? positive.map(size).reduce((x, y) => prim('add', x, y)) : undefined
  return (
    negative
      .map(size)
      .reduce<Expr | undefined>((x, y) => (x === undefined ? prim('neg', y) : prim('sub', x, y)), start) ??
    i32(0)
  )
}

/**
 * The axes whose mixed-radix number (the last running fastest) a position is, if it is one that takes every value below
 * `extent`: `k·G + g` gives [k, g].
 */
export const radixAxes = (position: Expr, extent: number): readonly Axis[] | undefined => {
  const { constant, axes, terms } = linearOf(position)
  if (constant !== 0 || terms.length > 0 || axes.size === 0) return undefined
  const digits = [...axes.values()].sort((a, b) => b.by - a.by || b.axis.extent - a.axis.extent)
  let stride = 1
  for (const { axis, by } of [...digits].reverse()) {
    if (by !== stride) return undefined
    stride *= axis.extent
  }
  return stride === extent ? digits.map(d => d.axis) : undefined
}

/** Where a position has the value j: the axis as an expression of j and the rest, on conditions. */
export interface Solution {
  readonly axis: Axis
  readonly value: Expr
  readonly conditions: readonly Expr[]
}

/** `by`·axis + rest = j: axis = (j - rest) / by, where that divides. Undefined where the axis occurs in another way. */
export const solvedFor = (position: Expr, axis: Axis, j: Axis): Solution | undefined => {
  const form = linearOf(position)
  const by = form.axes.get(axis.id)?.by
  if (by === undefined || form.terms.some(t => axesOf(t.term).has(axis.id))) return undefined
  const rest = sumOf(form, scaled(axisOnly(axis), -by))
  const difference = exprOf(scaled(sumOf(axisOnly(j), scaled(rest, -1)), Math.sign(by)))
  const size = Math.abs(by)
  return size === 1
    ? { axis, value: difference, conditions: [] }
    : {
        axis,
        value: prim('idiv', difference, i32(size)),
        conditions: [prim('eq', prim('mod', difference, i32(size)), i32(0))],
      }
}
