import { index, mixedRadix, postorder, rewrite } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'

/** An expression over digits of axes, and for each of the axes what it became. */
export interface Split {
  readonly body: Expr
  readonly digits: (axis: Axis) => readonly Axis[]
}

/**
 * Axes h of which only `h / G` and `h mod G` matter become two axes k and g, h = k·G + g, so that reads
 * there can be inverted.
 */
export const splitDigits = (
  body: Expr,
  axes: readonly Axis[],
  fresh: (name: string, extent: number) => Axis,
): Split => {
  const found = axes.map(h => ({ h, radix: radixOf(body, h) })).find(x => x.radix !== undefined)
  if (found?.radix === undefined) return { body, digits: a => [a] }
  const { h, radix } = found
  const pair = [fresh(h.name, h.extent / radix), fresh(`${h.name}_in`, radix)] as const
  const whole = mixedRadix(
    pair.map(index),
    pair.map(a => a.extent),
  )
  const divided = rewrite(body, e => {
    if (e.op === 'index') return e.axis.id === h.id ? whole : e
    if (!isDivision(e) || e.args[0] !== whole || e.args[1]!.op !== 'const' || e.args[1].value !== radix)
      return e
    return index(e.op === 'idiv' ? pair[0] : pair[1])
  })
  const next = splitDigits(
    divided,
    axes.flatMap(a => (a === h ? pair : [a])),
    fresh,
  )
  return { body: next.body, digits: a => (a.id === h.id ? pair.flatMap(next.digits) : next.digits(a)) }
}

type Division = Extract<Expr, { args: readonly Expr[] }>
const isDivision = (e: Expr): e is Division => e.op === 'idiv' || e.op === 'mod'

/** The largest number by which an axis is divided, of those that divide its extent. */
const radixOf = (body: Expr, h: Axis): number | undefined => {
  const radices = postorder(body).flatMap(e => {
    if (!isDivision(e) || e.dtype !== 'i32') return []
    const [x, n] = e.args as [Expr, Expr]
    if (x.op !== 'index' || x.axis.id !== h.id || n.op !== 'const') return []
    return n.value > 1 && n.value < h.extent && h.extent % n.value === 0 ? [n.value] : []
  })
  return radices.length === 0 ? undefined : Math.max(...radices)
}
