import { affineScale, coefficientOf } from '../affine/affine.js'
import { affineAdd, affineOf } from '../affine/affine-of.js'
import type { DType } from '../artifact.js'
import { axesOf, type ReadExpr, readsOf } from '../ir/expr.js'
import type { Axis, ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'
import { prims } from '../ir/prims.js'
import { type Demand, quotedLabel } from './demand.js'
import { axisOf, isIndex, type Timing } from './timing.js'

/**
 * The abstract value of an expression where an axis lies after the window's position: a number, that it
 * does not depend on what comes later, or that it may.
 */
type Causality = number | 'past' | 'future'

const joinCausality = (a: Causality, b: Causality): Causality =>
  a === 'future' || b === 'future' ? 'future' : a === b ? a : 'past'

/** Two axes that count positions: `later` lies after `now`, so that `later - now` is at least 1. */
interface TwoTimes {
  readonly later: Axis
  readonly now: Axis
}

/** `x - y` as a whole number plus ±(a - t), if it is that. */
const offsetFromNow = (
  x: Expr,
  y: Expr,
  { later: a, now: t }: TwoTimes,
): { sign: number; offset: number } | undefined => {
  const d = affineAdd(affineOf(x), affineScale(affineOf(y), -1))
  const sign = coefficientOf(d, a.id)
  const fits = d.rest.size === 0 && d.terms.size === 2 && Math.abs(sign) === 1
  return fits && coefficientOf(d, t.id) === -sign ? { sign, offset: d.constant } : undefined
}

/** A comparison where a > t, so that a - t is at least 1. */
const compareLater = (op: string, x: Expr, y: Expr, times: TwoTimes): boolean | undefined => {
  const d = x.dtype === 'i32' ? offsetFromNow(x, y, times) : undefined
  if (d === undefined) return undefined
  const low = d.sign > 0 ? d.offset + 1 : Number.NEGATIVE_INFINITY
  const high = d.sign > 0 ? Number.POSITIVE_INFINITY : d.offset - 1
  const decide = (yes: boolean, no: boolean): boolean | undefined => (yes ? true : no ? false : undefined)
  switch (op) {
    case 'lt':
      return decide(high < 0, low >= 0)
    case 'le':
      return decide(high <= 0, low > 0)
    case 'gt':
      return decide(low > 0, high <= 0)
    case 'ge':
      return decide(low >= 0, high < 0)
    case 'eq':
      return low > 0 || high < 0 ? false : undefined
    case 'ne':
      return low > 0 || high < 0 ? true : undefined
    default:
      return undefined
  }
}

/** An application to arguments of which some are known; what is not is taken to be finite. */
const applyPartly = (
  op: keyof typeof prims,
  dtype: DType,
  args: readonly Causality[],
  of: readonly DType[],
): Causality => {
  const [a, b, c] = args
  if (op === 'select') return a === 'future' ? a : a === 'past' ? joinCausality(b!, c!) : a !== 0 ? b! : c!
  if ((op === 'and' || op === 'mul') && (a === 0 || b === 0)) return 0
  if (op === 'or' && (a === 1 || b === 1)) return 1
  if (op === 'div' && a === 0) return 0
  if (op === 'add' && [a, b].includes(Number.NEGATIVE_INFINITY)) return Number.NEGATIVE_INFINITY
  if (op === 'sub' && a === Number.NEGATIVE_INFINITY) return a
  if (args.includes('future')) return 'future'
  const numbers = args.filter(x => typeof x === 'number')
  return numbers.length === args.length ? prims[op].evaluate(numbers, dtype, of) : 'past'
}

/** Is a position never after the window's? */
const isNeverLater = (e: Expr, t: Axis): boolean => {
  const d = affineAdd(affineOf(e), affineScale(affineOf({ op: 'index', dtype: 'i32', axis: t }), -1))
  return d.rest.size === 0 && d.terms.size === 0 && d.constant <= 0
}

/**
 * Why what is computed for a window would change when tokens are appended; undefined if it never does. What
 * lies after a position may be read, if it counts for nothing: masked attention weights are exp(-∞) there,
 * and 0 times anything is 0.
 */
export const findFutureDependence = (
  graph: Graph,
  timings: ReadonlyMap<NodeId, Timing>,
  demand: Demand,
  output: NodeId,
): string | undefined => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const memo = new Map<string, Causality>()

  /**
   * The fate of a node where its own `axis` lies after its position of the window; without one, by reads at
   * positions that are no axis.
   */
  const causalityOf = (n: Node, axis?: Axis): Causality => {
    if (n.kind !== 'compute' || !demand.windowed.has(n.id)) return 'past'
    const key = `${n.id} ${axis?.id}`
    const known = memo.get(key) ?? causalityOfBody(n, axis)
    memo.set(key, known)
    return known
  }
  const causalityOfRead = (n: ComputeNode, t: Axis, r: ReadExpr, axis: Axis | undefined): Causality => {
    const use = demand.use(n.id, r)
    const m = nodes.get(r.node)!
    if (use.kind === 'whole' || use.kind === 'unknown') return 'past'
    const own = [...n.dims.flat(), ...(n.reduce?.axes ?? [])]
    const at = (e: Expr): 'here' | 'past' | 'future' => {
      if (axis !== undefined && isIndex(e, axis)) return 'here'
      return isNeverLater(e, t) || own.some(a => isIndex(e, a)) ? 'past' : 'future'
    }
    if (use.kind === 'kept') return at(r.at[use.dim]!) === 'past' ? 'past' : 'future'
    let out: Causality = 'past'
    for (const k of timings.get(m.id)?.time ?? r.at.keys()) {
      if (k === use.dim) continue
      const where = at(r.at[k]!)
      if (where === 'past') continue
      const other = axisOf(graph, m, k)
      const found = other === undefined ? (timings.has(m.id) ? 'future' : 'past') : causalityOf(m, other)
      if (typeof found === 'number' && where === 'here') return found
      out = joinCausality(out, found === 'future' ? found : 'past')
    }
    return out
  }
  const causalityOfBody = (n: ComputeNode, axis: Axis | undefined): Causality => {
    const t = axisOf(graph, n, demand.windowed.get(n.id)!)!
    const seen = new Map<Expr, Causality>()
    const go = (e: Expr): Causality => {
      const known = seen.get(e) ?? of(e)
      seen.set(e, known)
      return known
    }
    const of = (e: Expr): Causality => {
      if (e.op === 'const') return e.value
      if (e.op === 'index') return 'past'
      if (e.op === 'read')
        return e.at.some(x => go(x) === 'future') ? 'future' : causalityOfRead(n, t, e, axis)
      const [x, y] = e.args
      const decided = axis && y && compareLater(e.op, x!, y, { later: axis, now: t })
      if (decided !== undefined) return decided ? 1 : 0
      const args = e.args.map(go)
      return applyPartly(
        e.op,
        e.dtype,
        args,
        e.args.map(a => a.dtype),
      )
    }
    return go(n.body)
  }

  for (const id of demand.windowed.keys()) {
    const n = nodes.get(id)!
    if (n.kind !== 'compute' || !timings.has(id)) continue
    const t = axisOf(graph, n, demand.windowed.get(id)!)!
    const final = id === output || demand.kept.has(id)
    const axes = [...(final ? n.dims.flat().filter(a => a.id !== t.id) : []), ...(n.reduce?.axes ?? [])]
    const used = axesOf(...readsOf(n.body).flatMap(r => r.at))
    for (const axis of [undefined, ...axes.filter(a => used.has(a.id))])
      if (causalityOf(n, axis) === 'future') return `${quotedLabel(n)} depends on later tokens`
  }
  return undefined
}
