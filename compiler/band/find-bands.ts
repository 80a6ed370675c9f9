import { neverOverflows } from '../affine/affine-of.js'
import { type Bound, boundOf, conjunctsOf, decideBy, sameBound } from '../affine/bound.js'
import type { ReadExpr } from '../ir/expr.js'
import { axesOf, index, postorder, prim, readsOf, rewrite, substituteAxes } from '../ir/expr.js'
import { outerAxes, regionPath } from '../ir/graph.js'
import { deepInterner } from '../ir/intern.js'
import { type Interval, intervals } from '../ir/interval.js'
import type { AxisId, ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'
import { identityOf } from '../ir/reduction-identity.js'
import { literalRange } from '../ir/verify.js'
import { contractionOf } from '../kernel/contraction.js'
import { scatterOf } from '../kernel/scatter-pattern.js'
import { isInhabited } from './inhabited.js'
import { isWorthwhile } from './kept-share.js'
import { type ValueOutside, valueOutside } from './value-outside.js'

/** A condition on a node's positions, and the number that the node is wherever it does not hold. */
interface Outside {
  readonly condition: Expr
  readonly value: number
}

const negated: Readonly<Record<string, 'lt' | 'le' | 'gt' | 'ge'>> = {
  lt: 'ge',
  le: 'gt',
  gt: 'le',
  ge: 'lt',
}

/** The conditions that decide a body's selects, and their opposites. */
const conditionsIn = (body: Expr): readonly Expr[] =>
  postorder(body).flatMap(e =>
    e.op !== 'select'
      ? []
      : conjunctsOf(e.args[0]!).flatMap(c => {
          const opposite = negated[c.op]
          return opposite === undefined || !('args' in c) ? [c] : [c, prim(opposite, ...c.args)]
        }),
  )

/**
 * A condition on a node's positions as one on the positions of a read; undefined where a dimension has
 * several axes.
 */
const conditionAtRead = (condition: Expr, node: ComputeNode, r: ReadExpr): Expr | undefined => {
  const at = new Map<AxisId, Expr>()
  const used = axesOf(condition)
  for (const [i, axes] of node.dims.entries()) {
    if (!axes.some(a => used.has(a.id))) continue
    if (axes.length !== 1) return undefined
    at.set(axes[0]!.id, r.at[i]!)
  }
  return substituteAxes(condition, at)
}

/**
 * A condition on a reader's axes as one on the axes of the node that it reads; undefined if it names others.
 */
const conditionOnRead = (condition: Expr, node: ComputeNode, r: ReadExpr): Expr | undefined => {
  const own = new Map<AxisId, Expr>()
  for (const [i, e] of r.at.entries())
    if (e.op === 'index' && node.dims[i]!.length === 1) own.set(e.axis.id, index(node.dims[i]![0]!))
  return [...axesOf(condition).keys()].every(a => own.has(a)) ? substituteAxes(condition, own) : undefined
}

const bool = (value: boolean): Expr => ({ op: 'const', dtype: 'bool', value: value ? 1 : 0 })
const isTrue = (e: Expr): boolean => e.op === 'const' && e.value === 1

/** A body where a bound holds: the selects that it decides are gone. */
const whereBoundHolds = (body: Expr, bound: Bound): Expr =>
  rewrite(body, e => {
    const decided = e.dtype === 'bool' ? decideBy(bound, true, e) : undefined
    if (decided !== undefined) return bool(decided)
    if (e.op === 'and' && e.args.some(isTrue)) return e.args.find(a => !isTrue(a)) ?? bool(true)
    if (e.op === 'select' && e.args[0]!.op === 'const')
      return e.args[0]!.value === 1 ? e.args[1]! : e.args[2]!
    return e
  })

/** The conditions that hold wherever a select of the body is evaluated on the way to each read. */
const guardsOfReads = (body: Expr): ReadonlyMap<ReadExpr, ReadonlySet<Expr>> => {
  const guards = new Map<Expr, ReadonlySet<Expr>>()
  const reach = (e: Expr, now: ReadonlySet<Expr>): void => {
    const before = guards.get(e)
    const both = before === undefined ? now : new Set([...before].filter(c => now.has(c)))
    if (before !== undefined && both.size === before.size) return
    guards.set(e, both)
    if (e.op === 'select') {
      reach(e.args[0]!, both)
      reach(e.args[1]!, new Set([...both, ...conjunctsOf(e.args[0]!)]))
      reach(e.args[2]!, both)
    } else if (e.op === 'read') for (const x of e.at) reach(x, both)
    else if (e.op !== 'const' && e.op !== 'index') for (const x of e.args) reach(x, both)
  }
  reach(body, new Set())
  return new Map(readsOf(body).map(r => [r, guards.get(r)!]))
}

/** The pass over one graph. */
class BandFinder {
  private readonly nodes: ReadonlyMap<NodeId, Node>
  private readonly intern = deepInterner()
  private readonly interval: (e: Expr) => Interval
  private readonly outside = new Map<NodeId, readonly Outside[]>()

  constructor(private readonly graph: Graph) {
    this.nodes = new Map(graph.nodes.map(n => [n.id, n]))
    const literals = literalRange(this.nodes)
    this.interval = intervals(id => {
      const n = this.nodes.get(id)
      return n?.kind === 'input' && n.below !== undefined ? { lo: 0, hi: n.below - 1 } : literals(id)
    })
  }

  run(): ReadonlyMap<NodeId, ComputeNode> {
    const marked = new Map(this.graph.nodes.map(n => [n.id, n.kind === 'compute' ? this.withBand(n) : n]))
    const needed = this.neededBands(marked)
    return new Map(
      [...marked.values()].flatMap(n => {
        if (n.kind !== 'compute') return []
        const readBand = needed.get(n.id) ?? []
        return [[n.id, readBand.length === 0 ? n : { ...n, readBand }] as const]
      }),
    )
  }

  /** What a read is known to be outside of a bound on its reader. */
  private readOutside(bound: Bound): (r: ReadExpr) => ValueOutside | undefined {
    return r => {
      const n = this.nodes.get(r.node)
      if (n?.kind !== 'compute') return undefined
      for (const { condition, value } of this.outside.get(r.node) ?? []) {
        const at = conditionAtRead(condition, n, r)
        const other = at && boundOf(this.intern(at))
        if (other && decideBy(bound, false, this.intern(at)) === false && (!r.guarded || value === 0))
          return { value }
      }
      return undefined
    }
  }

  /** A condition as a bound that kernels can compute and that pays; undefined where it is none. */
  private usefulBound(condition: Expr): Bound | undefined {
    const bound = boundOf(condition)
    if (bound === undefined || !isWorthwhile(bound)) return undefined
    // Data that decides a bound must be there before the kernel is: an input.
    const given = readsOf(condition).every(r => this.nodes.get(r.node)!.kind === 'input')
    // A form says what a comparison does only where the comparison's own sums stay within i32.
    const exact = postorder(condition).every(e => e.dtype !== 'i32' || neverOverflows(e, this.interval))
    return given && exact ? bound : undefined
  }

  /** The bounds by which a node may be left out: those of its selects, and of what it reads. */
  private candidatesOf(n: ComputeNode, body: Expr): readonly { condition: Expr; bound: Bound }[] {
    const fromReads = readsOf(body).flatMap(r => {
      const m = this.nodes.get(r.node)
      if (m?.kind !== 'compute') return []
      return (this.outside.get(r.node) ?? []).flatMap(o => conditionAtRead(o.condition, m, r) ?? [])
    })
    const own = new Set([...outerAxes(n), ...(n.reduce?.axes ?? [])].map(a => a.id))
    const found: { condition: Expr; bound: Bound }[] = []
    for (const condition of [...conditionsIn(body), ...fromReads].map(this.intern)) {
      const bound = this.usefulBound(condition)
      if (bound === undefined || found.some(f => sameBound(f.bound, bound))) continue
      if ([...bound.form.terms.values()].some(t => own.has(t.axis.id))) found.push({ condition, bound })
    }
    return found
  }

  private withBand(n: ComputeNode): ComputeNode {
    if (n.reduce?.op.startsWith('arg')) return n
    const loops = new Set(regionPath(this.graph, n.region).map(r => r.axis.id))
    const axes = outerAxes(n).filter(a => !loops.has(a.id))
    if (scatterOf(n, axes) !== undefined) return n
    const body = this.intern(n.body)
    const summed = new Set((n.reduce?.axes ?? []).map(a => a.id))
    const identity = n.reduce && identityOf(n.reduce.op, n.dtype)
    const band: { condition: Expr; bound: Bound; value: number }[] = []
    const facts: Outside[] = []
    for (const { condition, bound } of this.candidatesOf(n, body)) {
      const found = valueOutside(body, bound, this.readOutside(bound))
      if (found === undefined || Number.isNaN(found.value)) continue
      const { value, rows } = found
      if (rows && !isInhabited([...band.map(b => b.bound), bound], rows, this.interval)) continue
      const inner = [...axesOf(condition).keys()].some(a => summed.has(a))
      if (!inner && (n.reduce === undefined || (value === 0 && n.reduce.op === 'sum')))
        facts.push({ condition, value })
      if (identity === undefined ? (band[0]?.value ?? value) === value : value === identity)
        band.push({ condition, bound, value })
    }
    this.outside.set(n.id, facts)
    if (band.length === 0) return n
    const conditions = band.map(b => b.condition)
    const marked = { ...n, band: conditions }
    // The operands of a product keep what their bodies say: their terms are 0 by themselves.
    if (n.reduce && contractionOf(n, axes) !== undefined) return marked
    const inside = band.reduce((e, b) => this.intern(whereBoundHolds(e, b.bound)), body)
    const condition = conditions.reduce((a, b) => prim('and', a, b))
    const constant: Expr = { op: 'const', dtype: body.dtype, value: band[0]!.value || 0 }
    return { ...marked, body: this.intern(prim('select', condition, inside, constant)) }
  }

  /** The conditions outside of which no reader uses a node's value. */
  private neededBands(marked: ReadonlyMap<NodeId, Node>): ReadonlyMap<NodeId, readonly Expr[]> {
    const needed = new Map<NodeId, readonly Expr[]>()
    const whole = (id: NodeId): void => void needed.set(id, [])
    for (const o of this.graph.outputs) whole(o.node)
    for (const n of [...marked.values()].reverse()) {
      if (n.kind === 'carry') {
        whole(n.init)
        whole(n.next)
      }
      if (n.kind !== 'compute') continue
      const own = needed.get(n.id) ?? []
      for (const [r, guards] of guardsOfReads(this.intern(n.body))) {
        const m = this.nodes.get(r.node)!
        if (m.kind !== 'compute') continue
        const found = [...guards, ...own].flatMap(c => {
          const condition = conditionOnRead(c, m, r)
          return condition !== undefined && this.usefulBound(condition) ? [this.intern(condition)] : []
        })
        const before = needed.get(r.node)
        needed.set(r.node, before === undefined ? found : before.filter(c => isImplied(c, found)))
      }
    }
    return needed
  }
}

const isImplied = (condition: Expr, by: readonly Expr[]): boolean => {
  const bound = boundOf(condition)!
  return by.some(c => sameBound(boundOf(c)!, bound))
}

/**
 * Finds what masks make needless (band matrices). A node gets a `band`, the positions that count, and a
 * `readBand`, the positions that are read:
 *
 *     p[t, s] = exp((if s <= t then x[t, s] else -∞) - m[t])  →  if s <= t then exp(x[t, s] - m[t]) else 0
 *     y[t, d] = Σ s · p[t, s] · v[s, d]                       →  the sum runs over s <= t
 *     x[t, s], a product that only p reads                    →  is computed where s <= t
 *
 * It evaluates each body where a condition does not hold, numbers being finite. `nodes` are the graph's nodes
 * with their bodies after inlining.
 */
export const findBands = (
  graph: Graph,
  nodes: ReadonlyMap<NodeId, ComputeNode>,
): ReadonlyMap<NodeId, ComputeNode> => {
  const left = graph.nodes.flatMap(n => (n.kind === 'compute' ? (nodes.get(n.id) ?? []) : n))
  return new BandFinder({ ...graph, nodes: left }).run()
}
