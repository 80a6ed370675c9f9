import type { DType } from '../artifact.js'
import type { Expr, NodeId } from './ir.js'

/** All integers from `lo` to `hi`, both included: the values of interval analysis. */
export interface Interval {
  readonly lo: number
  readonly hi: number
}

const point = (value: number): Interval => ({ lo: value, hi: value })
const bit: Interval = { lo: 0, hi: 1 }

const whole = (dtype: DType): Interval =>
  dtype === 'i32'
    ? { lo: -2147483648, hi: 2147483647 }
    : dtype === 'u32'
      ? { lo: 0, hi: 4294967295 }
      : dtype === 'bool'
        ? bit
        : { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY }

const within = (a: Interval, b: Interval): boolean => a.lo >= b.lo && a.hi <= b.hi

const hull = (a: Interval, b: Interval): Interval => ({ lo: Math.min(a.lo, b.lo), hi: Math.max(a.hi, b.hi) })

const product = (a: Interval, b: Interval): Interval => {
  const corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi]
  return { lo: Math.min(...corners), hi: Math.max(...corners) }
}

const decided = (yes: boolean, no: boolean): Interval => (yes ? point(1) : no ? point(0) : bit)

/**
 * A function from an integer or bool expression to an interval that contains all its values, for index
 * variables in their range; of f32 it knows nothing. Results are kept by identity, so one such function
 * serves a whole graph. `valuesOf` bounds what a node holds, where that is known. With `anySize` an index
 * may be any natural number.
 */
export const intervals = (
  valuesOf: (node: NodeId) => Interval | undefined = () => undefined,
  anySize = false,
) => {
  const known = new Map<Expr, Interval>()
  const interval = (e: Expr): Interval => {
    const cached = known.get(e)
    if (cached !== undefined) return cached
    const type = whole(e.dtype)
    const raw = compute(e)
    const out = raw !== undefined && within(raw, type) ? raw : type
    known.set(e, out)
    return out
  }

  const compute = (e: Expr): Interval | undefined => {
    if (e.op === 'const') return Number.isNaN(e.value) ? undefined : point(e.value)
    if (e.op === 'index') return { lo: 0, hi: anySize ? 2147483647 : Math.max(0, e.axis.extent - 1) }
    if (e.op === 'read') {
      const values = valuesOf(e.node)
      return values && e.guarded ? hull(values, point(0)) : values
    }
    if (e.op === 'cast') {
      const from = e.args[0]!.dtype
      return from === 'f32' || e.dtype === 'bool' ? undefined : interval(e.args[0]!)
    }
    if (e.op === 'select') {
      const c = interval(e.args[0]!)
      if (c.lo === 1) return interval(e.args[1]!)
      if (c.hi === 0) return interval(e.args[2]!)
      return hull(interval(e.args[1]!), interval(e.args[2]!))
    }
    if (e.op === 'stop') return interval(e.args[0]!)
    if (e.dtype === 'f32' || e.args.some(a => a.dtype === 'f32')) return undefined
    const [a, b] = e.args.map(interval) as [Interval, Interval]
    switch (e.op) {
      case 'add':
        return { lo: a.lo + b.lo, hi: a.hi + b.hi }
      case 'sub':
        return { lo: a.lo - b.hi, hi: a.hi - b.lo }
      case 'neg':
        return { lo: -a.hi, hi: -a.lo }
      case 'mul':
        return product(a, b)
      case 'min':
        return { lo: Math.min(a.lo, b.lo), hi: Math.min(a.hi, b.hi) }
      case 'max':
        return { lo: Math.max(a.lo, b.lo), hi: Math.max(a.hi, b.hi) }
      case 'idiv':
        return b.lo === b.hi && b.lo > 0
          ? { lo: Math.floor(a.lo / b.lo), hi: Math.floor(a.hi / b.lo) }
          : undefined
      case 'mod':
        if (b.lo !== b.hi || b.lo <= 0) return undefined
        return within(a, { lo: 0, hi: b.lo - 1 }) ? a : { lo: 0, hi: b.lo - 1 }
      case 'lt':
        return decided(a.hi < b.lo, a.lo >= b.hi)
      case 'le':
        return decided(a.hi <= b.lo, a.lo > b.hi)
      case 'gt':
        return decided(a.lo > b.hi, a.hi <= b.lo)
      case 'ge':
        return decided(a.lo >= b.hi, a.hi < b.lo)
      case 'eq':
        return decided(a.lo === a.hi && b.lo === b.hi && a.lo === b.lo, a.hi < b.lo || b.hi < a.lo)
      case 'ne':
        return decided(a.hi < b.lo || b.hi < a.lo, a.lo === a.hi && b.lo === b.hi && a.lo === b.lo)
      case 'and':
        return decided(a.lo === 1 && b.lo === 1, a.hi === 0 || b.hi === 0)
      case 'or':
        return decided(a.lo === 1 || b.lo === 1, a.hi === 0 && b.hi === 0)
      case 'not':
        return { lo: 1 - a.hi, hi: 1 - a.lo }
      default:
        return undefined
    }
  }
  return interval
}
